"""The numbers of a study: what its runs reached, by method, world and commit, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from claifo.study import progress, statistics, store
from claifo.study.plan import Study
from claifo.study.progress import DONE, FAILED, WAITING, Progress

if TYPE_CHECKING:
    from claifo.study.statistics import Interval, Summary

    Chance = tuple[float | None, Interval | None]

@dataclass(frozen=True)
class Group:
    """The runs of one method in one world, by one commit.

    Attributes:
        method: Name of the method.
        task: Name of the task.
        domain: How the agent sees its world.
        commit: Of the code.
        results: One for each seed.
    """

    method: str
    task: str
    domain: str
    commit: str
    results: tuple[Progress, ...]

    @property
    def done(self) -> list[Progress]:
        """The finished runs, which alone are counted."""
        return [r for r in self.results if r.state == DONE and r.evaluations]

    @property
    def finals(self) -> list[float]:
        """Final returns of the finished runs."""
        return [result.returns[-1] for result in self.done]

    @property
    def bests(self) -> list[float]:
        """Best returns of the finished runs."""
        return [max(result.returns) for result in self.done]

    @property
    def hours(self) -> float:
        """Hours of training of all runs, finished or not."""
        return sum(result.wall_s for result in self.results) / 3600

    @property
    def updates(self) -> int:
        """Updates of all runs, finished or not."""
        return sum(result.updates for result in self.results)

    @property
    def flop(self) -> int:
        """FLOP of all runs, finished or not."""
        return sum(result.flop for result in self.results)

    def compared(self, who: str) -> float | None:
        """Return the true return of `expert` or `random`, as the runs have it; None: unknown."""
        known = [r.start.get(f'{who}_return') for r in self.results]
        values = [float(value) for value in known if value is not None]
        return float(np.mean(values)) if values else None


@dataclass(frozen=True)
class Curve:
    """Returns over the course of training, over seeds.

    Attributes:
        frames: Control steps of the simulator, shape (E,).
        seeds: Return of each run at each, shape (R, E).
        iqm: Interquartile mean over the runs, shape (E,).
        low: Lower end of its 95 % interval, shape (E,).
        high: Upper end, shape (E,).
    """

    frames: NDArray[np.float64]
    seeds: NDArray[np.float64]
    iqm: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """What a table says of one group.

    Attributes:
        final: Summary of the final returns.
        best: Summary of the best returns.
        improvement: Probability that a run beats one of the reference, by final return; None for
            the reference itself, or where it has no finished run.
        improvement_interval: 95 % interval of it.
        share: Interquartile mean of the final returns over the expert's return; None: unknown.
    """

    final: Summary
    best: Summary
    improvement: float | None
    improvement_interval: Interval | None
    share: float | None


def read(folder: Path, study: Study) -> list[Group]:
    """Read all runs of a study, grouped, in the order of the study.

    Raises:
        ClaifoError: a file of a run is damaged.
    """
    commit = store.read(folder)['sessions'][-1]['commit']
    groups: dict[tuple[str, str, str, str], list[Progress]] = {}
    for run in study.runs():
        result = progress.read(folder, run, commit)
        key = (run.method, run.task, run.domain, result.commit)
        groups.setdefault(key, []).append(result)
    return [Group(*key, tuple(groups[key])) for key in sorted(groups, key=study.place)]


def curve(group: Group) -> Curve | None:
    """Return the curve of a group, as far as all its runs have come; None before that.

    Failed runs, and those that have not begun, are left out.
    """
    runs = [r for r in group.results if r.state not in (FAILED, WAITING)]
    seen = [{r['step']: r for r in run.evaluations} for run in runs if run.evaluations]
    steps = sorted(set.intersection(*(set(s) for s in seen))) if seen else []
    if not steps:
        return None
    seeds = np.array([[s[step]['return_mean'] for step in steps] for s in seen], np.float64)
    bands = [_band(values) for values in seeds.T]
    low, high = (np.array(side) for side in zip(*bands, strict=True))
    frames = np.array([seen[0][step]['frames'] for step in steps], np.float64)
    return Curve(frames, seeds, statistics.iqm(seeds.T), low, high)


def _band(values: NDArray[np.float64]) -> Interval:
    """Return the interval of the interquartile mean; of a single run the run itself."""
    if len(values) == 1:
        return float(values[0]), float(values[0])
    return statistics.interval([values], statistics.iqm)


def reference_of(group: Group, groups: Sequence[Group], reference: str) -> Group | None:
    """Return the reference's runs in the same world: of the same commit, else the most of them."""
    there = [
        g for g in groups
        if (g.method, g.task, g.domain) == (reference, group.task, group.domain) and g.done
    ]  # fmt: skip
    same = [g for g in there if g.commit == group.commit]
    return max(same or there, key=lambda g: len(g.done), default=None)


def score(group: Group, reference: Group | None) -> Score | None:
    """Return what the finished runs of a group say; None before the first has finished.

    Args:
        group: Whose runs.
        reference: What it is compared with; None: nothing.
    """
    if not group.done:
        return None
    final = statistics.summary([group.finals])
    expert = group.compared('expert')
    chance: Chance = (None, None)
    if reference is not None and reference.method != group.method:
        chance = statistics.improvement([group.finals], [reference.finals])
    best = statistics.summary([group.bests])
    return Score(final, best, *chance, final.iqm / expert if expert else None)


def overall(
    study: Study, groups: Sequence[Group], method: str
) -> tuple[Summary, float | None, Interval | None] | None:
    """Return final returns over the expert's in all worlds, and the chance to beat the reference.

    Returns:
        The summary, the probability of improvement with its interval (None for the reference, or
        where it lacks a world); None if the method lacks a world or its expert is unknown.
    """
    own = _shares(study, groups, method)
    if own is None:
        return None
    summary = statistics.summary(own)
    other = None if method == study.reference else _shares(study, groups, study.reference)
    if other is None:
        return summary, None, None
    return summary, *statistics.improvement(own, other)


def _shares(study: Study, groups: Sequence[Group], method: str) -> list[list[float]] | None:
    """Return the final returns over the expert's, for each world; runs of all commits together."""
    shares = []
    for task in study.tasks:
        for domain in study.domains:
            there = [g for g in groups if (g.method, g.task, g.domain) == (method, task, domain)]
            expert = next((e for g in there if (e := g.compared('expert'))), None)
            finals = [final for g in there for final in g.finals]
            if not finals or not expert:
                return None
            shares.append([final / expert for final in finals])
    return shares
