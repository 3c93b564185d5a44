"""The cells of a robustness matrix: how a policy did in a look; as CSV and as a table."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo import terminal
from claifo.study.statistics import bootstrap, mean
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from rich.table import Table

TRAINING, EXPERT, PAIR, UNSEEN = 'training', 'expert', 'pair', 'unseen'
"""Where a look stands to the policy: what it was trained in, and so on."""
NO_SHARE = None, None, None
_SHOWN = ('look', 'group', 'return', 'success', 'share')
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
    if np.mean(reference) <= 0:
        return NO_SHARE

    def ratio(ours: ArrayLike, theirs: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(mean(ours) / np.maximum(mean(theirs), _NOTHING))

    interval = bootstrap((returns, reference), ratio, paired=True)
    return float(ratio(returns, reference)), *interval


def read_csv(path: Path) -> list[Cell]:
    """Read the matrix that :func:`claifo.robustness.write` has written.

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


def tables(cells: Sequence[Cell]) -> Iterator[str | Table]:
    """Yield the matrix as lines and tables for people."""
    for run in dict.fromkeys(cell.run for cell in cells):
        row = [cell for cell in cells if cell.run == run]
        yield f'{run}: {row[0].task}, trained in {row[0].trained_in}'
        yield terminal.table(_SHOWN, *map(_figures, row), right=_SHOWN[2:4])
        shares = [cell.share for cell in row if cell.group == UNSEEN and cell.share is not None]
        if shares:
            yield f'mean over {len(shares)} unseen looks: {np.mean(shares):.0%}'


def _figures(cell: Cell) -> tuple[str, ...]:
    returned = f'{cell.return_mean:.1f} ± {cell.return_std:.1f}'
    shown = '-'
    if cell.share is not None:
        shown = f'{cell.share:.0%} ({cell.share_low:.0%} to {cell.share_high:.0%})'
    return cell.look, cell.group, returned, f'{cell.success_rate:.0%}', shown
