"""The section of the robustness matrix, where `claifo eval --matrix` has left one in the run."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from claifo.matrix import read_csv
from claifo.matrix_rows import averaged
from claifo.report import sections
from claifo.report.heatmap import heat_map

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from claifo.matrix import Cell


def section(path: Path) -> str:
    """Return the section, or nothing where there is no matrix.

    Args:
        path: The CSV file.

    Raises:
        ClaifoError: The file is not a matrix.
    """
    if not path.exists():
        return ''
    cells = read_csv(path)
    rows = ''.join(map(_row, cells))
    return (
        f'{sections.heading("Robustness")}<p class="note">The policy in many looks of its world, '
        f'the same {cells[0].episodes} episodes in each. Unseen looks are laid over that of '
        'training, and no preset trains with them. The share is of the return in the look of '
        'training, with its 95 % interval over episodes.</p>'
        f'{_picture(cells)}<div class="scroll"><table><tr><th>look</th><th></th><th>return</th>'
        f'<th>success</th><th>share</th></tr>{rows}</table></div>'
    )


def study_section(path: Path) -> str:
    """Return the section of a study, or nothing where there is no matrix.

    Args:
        path: The CSV file.

    Raises:
        ClaifoError: The file is not a matrix.
    """
    if not path.exists():
        return ''
    cells = read_csv(path)
    return (
        f'{sections.heading("Robustness")}<p class="note">The policies in many looks of their '
        f'world, the same {cells[0].episodes} episodes in each; means over seeds. Unseen looks '
        'are laid over that of training, and no preset trains with them. The figures of each seed '
        f'stand in {escape(path.name)}.</p>{_picture(averaged(cells))}'
    )


def _picture(cells: Sequence[Cell]) -> str:
    picture = base64.b64encode(heat_map(cells)).decode()
    return (
        '<img style="width:100%" alt="share of the return in each look" '
        f'src="data:image/png;base64,{picture}">'
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
