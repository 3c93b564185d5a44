"""The robustness matrix: policies played in many looks of their world, as CSV and as a figure.

A policy is played in the look that it was trained in, in that of its expert, in every look of the
pairs of its scene, and in the unseen ones, each of which is laid over the look of training. Every
look gets the same episodes, so what a look costs is not luck.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from claifo import terminal
from claifo.study.statistics import bootstrap, mean
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray
    from rich.table import Table

    from claifo_core.training.evaluation import Evaluation

TRAINING, EXPERT, PAIR, UNSEEN = 'training', 'expert', 'pair', 'unseen'
"""Where a look stands to the policy: what it was trained in, and so on."""
NO_SHARE = None, None, None
_LEARNT = 0.1  # of the expert's return, in the look of training; shares of less say nothing
_SHOWN = ('look', 'group', 'return', 'success', 'share')
_NOTHING = 1e-9  # stands for a mean return of 0 among the draws


class Look(NamedTuple):
    """A column: the name that it is listed by, the domain that is played, where it stands."""

    name: str
    domain: str
    group: str


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


def looks_of(task: str, trained_in: str, wanted: Sequence[str] = ()) -> list[Look]:
    """Return the looks to test a policy in, each once; that of training comes first.

    Args:
        task: Name of the task.
        trained_in: Domain in which the policy was trained.
        wanted: Names of the looks; none: all.

    Raises:
        SimError: There is no such look.
    """
    from claifo_sim import domain_names, task_info
    from claifo_sim.domains import domain, pairs, same_look, source_of
    from claifo_sim.unseen import PREFIX

    info = task_info(task)

    def full(name: str) -> str:
        side = f'{name}/target' if name in pairs(info.suite, info.scene) else name
        return same_look(side, info.suite, info.scene)

    special = {TRAINING: trained_in, EXPERT: source_of(trained_in)}
    found: dict[object, Look] = {}
    for group, name in (
        *special.items(), *((PAIR, name) for name in wanted or domain_names(task))
    ):  # fmt: skip
        unseen = group == PAIR and name.startswith(PREFIX)
        played = f'{full(trained_in)}+{name}' if unseen else full(name)
        look = Look(name, played, UNSEEN) if unseen else Look(played, played, group)
        found.setdefault(domain(played, info.suite, info.scene), look)
    kept = set(map(full, wanted))
    return [k for k in found.values() if not wanted or k.group == TRAINING or k.name in kept]


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


def measure(
    policies: Sequence[tuple[Path, str, float | None]],
    seeds: Sequence[int],
    wanted: Sequence[str],
    report: Callable[[str], None],
) -> list[Cell]:
    """Play every policy in every look.

    Args:
        policies: Their files, the names of their rows, and the returns of their experts, if known.
        seeds: One per episode.
        wanted: Names of the looks; none: all.
        report: Takes the lines of progress.

    Raises:
        ClaifoError: A policy cannot be read or played.
        SimError: There is no such look, or its suite is not installed.
    """
    from claifo.robustness.pool import Job, play_all
    from claifo_core.policy import Policy

    files, names, experts = zip(*policies, strict=True)
    about = [Policy.load(file).metadata for file in files]
    rows = [looks_of(told['task'], told['domain'], wanted) for told in about]
    jobs = {
        (row, look): Job(str(files[row]), look.domain, tuple(seeds))
        for row, looks in enumerate(rows) for look in looks
    }  # fmt: skip

    def tell(job: Job, played: Evaluation) -> None:
        report(f'{job.policy} in {job.domain}: return {np.mean(played.returns):.1f}')

    played = dict(zip(jobs, play_all(list(jobs.values()), tell), strict=True))
    return [
        _cell(
            names[row], about[row], look, played[row, look], played[row, rows[row][0]],
            experts[row],
        )
        for row, look in jobs
    ]


def _cell(
    run: str, about: dict[str, Any], look: Look, played: Evaluation, reference: Evaluation,
    expert: float | None,
) -> Cell:  # fmt: skip
    told = played.summary()
    learnt = expert is None or np.mean(reference.returns) >= _LEARNT * expert
    return Cell(
        run, about['task'], about['domain'], look.name, look.group, told['episodes'],
        told['return_mean'], told['return_std'], told['success_rate'],
        *(share(played.returns, reference.returns) if learnt else NO_SHARE),
    )  # fmt: skip


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


def _parse(row: dict[str, str]) -> Cell:
    def number(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Cell(
        row['run'], row['task'], row['trained_in'], row['look'], row['group'],
        int(row['episodes']), float(row['return_mean']), float(row['return_std']),
        float(row['success_rate']), number('share'), number('share_low'), number('share_high'),
    )  # fmt: skip


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


def write(cells: Sequence[Cell], shown: Sequence[Cell], out: Path) -> Path:
    """Write the CSV, and the heat map of what is shown beside it; return where that is."""
    from claifo.robustness.heatmap import heat_map

    write_atomic(out, to_csv(cells).encode())
    picture = out.with_suffix('.png')
    write_atomic(picture, heat_map(shown))
    return picture
