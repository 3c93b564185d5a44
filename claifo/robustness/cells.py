"""The cells of a robustness matrix: how a policy did in a look; as CSV and as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo.study.statistics import interval
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

TRAINING, EXPERT, PAIR, UNSEEN = 'training', 'expert', 'pair', 'unseen'
"""Where a look stands to the policy: what it was trained in, and so on."""
NO_SHARE = None, None, None
_NOTHING = 1e-9  # stands for a mean return of 0 among the draws
# How the value of a field is read from its text, by the annotation of the field.
_READ: dict[Any, Callable[[str], Any]] = {
    'str': str,
    'int': int,
    'float': float,
    'float | None': lambda text: float(text) if text else None,
}


@dataclass(frozen=True)
class Cell:
    """How a policy did in a look; one line of the CSV.

    Attributes:
        run: Name of the row.
        task: Name of the task.
        trained_in: Look that the policy was trained in.
        look: Look that it was tested in; an unseen one lies over ``trained_in``.
        group: Where the look stands (``training``, ``expert``, ``pair``, ``unseen``).
        episodes: Number of episodes.
        return_mean: Mean true return.
        return_std: Its standard deviation over the episodes.
        success_rate: Share of the episodes with success in at least one step.
        share: Mean return over that in the look of training; None where that is not above 0, or
            below a tenth of the expert's.
        share_low: Lower end of its 95 % interval (bootstrap over episodes).
        share_high: Upper end.
    """

    run: str
    task: str
    trained_in: str
    look: str
    group: str
    episodes: int
    return_mean: float
    return_std: float
    success_rate: float
    share: float | None
    share_low: float | None
    share_high: float | None


def share(
    returns: Sequence[float], reference: Sequence[float]
) -> tuple[float | None, float | None, float | None]:
    """Return the ratio of two mean returns with its 95 % interval.

    The interval is that of the percentile bootstrap over episodes, which are drawn in pairs.

    Args:
        returns: One per episode.
        reference: Those of the same episodes in the look of training.
    """
    pairs = np.array([returns, reference])
    if pairs[1].mean() <= 0:
        return NO_SHARE

    def ratio(episodes: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = pairs[:, episodes.astype(np.int64)].mean(-1)
        return np.asarray(drawn[0] / np.maximum(drawn[1], _NOTHING))

    every = np.arange(len(returns), dtype=np.float64)
    return float(ratio(every)), *interval([every], ratio)


def to_csv(cells: Sequence[Cell]) -> str:
    """Return the matrix as CSV; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Cell)], lineterminator='\n')
    writer.writeheader()
    for cell in cells:
        row = {k: f'{v:.4f}' if isinstance(v, float) else v for k, v in asdict(cell).items()}
        writer.writerow(row)
    return text.getvalue()


def read_csv(path: Path) -> list[Cell]:
    """Read what :func:`to_csv` wrote.

    Raises:
        ClaifoError: The file is not a matrix.
    """
    try:
        cells = [_parse(row) for row in csv.DictReader(path.read_text().splitlines())]
        if not cells:
            raise ValueError('it has no line')
        return cells
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ClaifoError(
            f'{path}: not a robustness matrix ({error}); write it again by `claifo eval --matrix`'
        ) from None


def _parse(row: Mapping[str, str]) -> Cell:
    return Cell(**{field.name: _READ[field.type](row[field.name]) for field in fields(Cell)})


def to_text(cells: Sequence[Cell]) -> str:
    """Return the matrix as a table for people."""
    width = max(len(cell.look) for cell in cells)
    lines = []
    for run in dict.fromkeys(cell.run for cell in cells):
        row = [cell for cell in cells if cell.run == run]
        lines.append(f'{run}: {row[0].task}, trained in {row[0].trained_in}')
        lines += [f'  {cell.look.ljust(width)}  {cell.group:8}  {_figures(cell)}' for cell in row]
        shares = [cell.share for cell in row if cell.group == UNSEEN and cell.share is not None]
        if shares:
            lines.append(f'  mean over {len(shares)} unseen looks: {np.mean(shares):.0%}')
    return '\n'.join(lines)


def _figures(cell: Cell) -> str:
    text = f'return {cell.return_mean:8.1f} ± {cell.return_std:6.1f}'
    text += f'  success {cell.success_rate:4.0%}'
    if cell.share is None:
        return text
    return f'{text}  share {cell.share:4.0%} ({cell.share_low:.0%} to {cell.share_high:.0%})'
