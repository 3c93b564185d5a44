"""The robustness matrix: policies played in many looks of their world, as CSV and as a figure.

A policy is played in the look that it was trained in, in that of its expert, in every look of the
pairs of its scene, and in the unseen ones, each of which is laid over the look of training. Every
look gets the same episodes, so what a look costs is not luck.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from claifo.robustness.cells import EXPERT, NO_SHARE, PAIR, TRAINING, UNSEEN, Cell, share
from claifo.robustness.heatmap import heat_map
from claifo.robustness.pool import Job, play_all
from claifo_core.files import write_atomic, write_csv
from claifo_sim import domain_names, task_info
from claifo_sim.domains import domain, pairs, same_look, source_of
from claifo_sim.unseen import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from claifo_core.training.evaluation import Evaluation

_LEARNT = 0.1  # of the expert's return, in the look of training; shares of less say nothing


class Look(NamedTuple):
    """A column: the name that it is listed by, the domain that is played, where it stands."""

    name: str
    domain: str
    group: str


def looks_of(task: str, trained_in: str, wanted: Sequence[str] = ()) -> list[Look]:
    """Return the looks to test a policy in, each once; that of training comes first.

    Args:
        task: Name of the task.
        trained_in: Domain in which the policy was trained.
        wanted: Names of the looks; none: all.

    Raises:
        SimError: There is no such look.
    """
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


def write(cells: Sequence[Cell], shown: Sequence[Cell], out: Path) -> Path:
    """Write the CSV, and the heat map of what is shown beside it; return where that is."""
    write_csv(out, [asdict(cell) for cell in cells], '.4f')
    picture = out.with_suffix('.png')
    write_atomic(picture, heat_map(shown))
    return picture
