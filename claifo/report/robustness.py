"""The section of the robustness matrix, where `claifo eval --matrix` has left one in the run."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from claifo.report import sections
from claifo.robustness import averaged, heat_map, read_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from claifo.robustness import Cell


_OF_RUN = (
    'The policy in many looks of its world, the same {episodes} episodes in each. Unseen looks '
    'are laid over that of training, and no preset trains with them. The share is of the return '
    'in the look of training, with its 95 % interval over episodes.'
)
_OF_STUDY = (
    'The policies in many looks of their world, the same {episodes} episodes in each; means over '
    'seeds. Unseen looks are laid over that of training, and no preset trains with them. The '
    'figures of each seed stand in {file}.'
)


def section(path: Path, *, of_study: bool = False) -> str:
    """Return the section, or nothing where there is no matrix.

    Args:
        path: The CSV file.
        of_study: Show the means over the seeds of a study, in place of one policy look by look.

    Raises:
        ClaifoError: The file is not a matrix.
    """
    if not path.exists():
        return ''
    cells = read_csv(path)
    note, table = (_OF_STUDY, '') if of_study else (_OF_RUN, _table(cells))
    picture = base64.b64encode(heat_map(averaged(cells) if of_study else cells)).decode()
    return (
        f'{sections.heading("Robustness")}<p class="note">'
        f'{note.format(episodes=cells[0].episodes, file=escape(path.name))}</p>'
        '<img style="width:100%" alt="share of the return in each look" '
        f'src="data:image/png;base64,{picture}">{table}'
    )


def _table(cells: Sequence[Cell]) -> str:
    return (
        '<div class="scroll"><table><tr><th>look</th><th></th><th>return</th><th>success</th>'
        f'<th>share</th></tr>{"".join(map(_row, cells))}</table></div>'
    )


def _row(cell: Cell) -> str:
    share = '-'
    if cell.share is not None:
        share = f'{cell.share:.0%} ({cell.share_low:.0%} to {cell.share_high:.0%})'
    return (
        f'<tr><th>{escape(cell.look)}</th><td>{cell.group}</td>'
        f'<td>{cell.return_mean:.0f} ± {cell.return_std:.0f}</td>'
        f'<td>{cell.success_rate:.0%}</td><td>{share}</td></tr>'
    )
