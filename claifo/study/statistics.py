"""What a few runs say: mean, deviation, interquartile mean, bootstrap intervals, improvement.

After Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(arXiv 2108.13264). Scores are given per task: a sequence of T tasks with the scores of the runs of
each, R_1 ... R_T numbers; one task is ``[scores]``. All intervals are percentile bootstraps,
stratified: the runs of a task are drawn again, with replacement, from that task alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Tasks = Sequence[ArrayLike]
    Interval = tuple[float, float]

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """What is reported of the runs of one method.

    Attributes:
        runs: Scores in all, N.
        mean: Mean of all scores.
        std: Sample standard deviation (divides by N - 1); None for a single score.
        iqm: Interquartile mean.
        mean_interval: 95 % bootstrap interval of the mean; None for a single score.
        iqm_interval: The same of the interquartile mean.
    """

    runs: int
    mean: float
    std: float | None
    iqm: float
    mean_interval: Interval | None
    iqm_interval: Interval | None


def mean(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the mean over the last axis: (..., N) to (...)."""
    return np.asarray(np.mean(np.asarray(scores, np.float64), -1))


def std(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the sample standard deviation over the last axis, N > 1: (..., N) to (...)."""
    return np.asarray(np.std(np.asarray(scores, np.float64), -1, ddof=1))


def iqm(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the interquartile mean over the last axis: (..., N) to (...).

    The lowest and the highest N // 4 scores are left out (Agarwal et al. 2021, section 4.3); of
    fewer than four scores it is the mean.
    """
    ordered = np.sort(np.asarray(scores, np.float64), -1)
    cut = ordered.shape[-1] // 4
    return mean(ordered[..., cut : ordered.shape[-1] - cut])


def interval(
    tasks: Tasks,
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]] = mean,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the stratified percentile bootstrap interval of a statistic of all scores.

    Args:
        tasks: Scores of the runs of each task.
        statistic: Maps (resamples, N) to (resamples,).
        level: Share of the resamples inside.
        resamples: How often the runs are drawn again.
        seed: Of the draws; the same seed gives the same interval.

    Raises:
        ValueError: a task without runs, or a score that is not finite.
    """
    rng = np.random.default_rng(seed)
    drawn = [_draw(scores, resamples, rng) for scores in _checked(tasks)]
    return _percentiles(statistic(np.concatenate(drawn, 1)), level)


def probability_of_improvement(first: Tasks, second: Tasks) -> float:
    """Return how probably a run of ``first`` beats one of ``second``, as mean over the tasks.

    P(X > Y) + P(X = Y) / 2 over all pairs of runs: the Mann-Whitney statistic over R_X R_Y
    (Agarwal et al. 2021, section 4.3).

    Args:
        first: Scores of the runs of each task.
        second: Scores of another method on the same tasks; other numbers of runs are fine.

    Raises:
        ValueError: unlike numbers of tasks, a task without runs, or a score that is not finite.
    """
    pairs = zip(_checked(first), _checked(second), strict=True)
    return float(np.mean([_wins(x, y) for x, y in pairs]))


def improvement_interval(
    first: Tasks,
    second: Tasks,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the interval of :func:`probability_of_improvement`; both sides are drawn again.

    Raises:
        ValueError: as :func:`probability_of_improvement`.
    """
    rng = np.random.default_rng(seed)
    wins = [
        _wins(_draw(x, resamples, rng), _draw(y, resamples, rng))
        for x, y in zip(_checked(first), _checked(second), strict=True)
    ]
    return _percentiles(np.mean(wins, 0), level)


def summary(tasks: Tasks, *, resamples: int = RESAMPLES, seed: int = 0) -> Summary:
    """Return all that is reported of one method.

    Raises:
        ValueError: a task without runs, or a score that is not finite.
    """
    scores = np.concatenate(_checked(tasks))
    several = len(scores) > 1

    def of(statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Interval | None:
        return interval(tasks, statistic, resamples=resamples, seed=seed) if several else None

    return Summary(
        runs=len(scores),
        mean=float(mean(scores)),
        std=float(std(scores)) if several else None,
        iqm=float(iqm(scores)),
        mean_interval=of(mean),
        iqm_interval=of(iqm),
    )


def _checked(tasks: Tasks) -> list[NDArray[np.float64]]:
    """Return the scores of each task as float64 (R,)."""
    found = [np.asarray(scores, np.float64) for scores in tasks]
    if not found or any(scores.ndim != 1 or not len(scores) for scores in found):
        raise ValueError('scores must be one non-empty sequence of numbers per task')
    if not all(np.isfinite(scores).all() for scores in found):
        raise ValueError('scores must be finite')
    return found


def _draw(
    scores: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the R scores of one task again: (resamples, R)."""
    drawn: NDArray[np.float64] = scores[rng.integers(len(scores), size=(resamples, len(scores)))]
    return drawn


def _wins(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(X > Y) + P(X = Y) / 2 of scores (..., R_X) and (..., R_Y)."""
    x, y = first[..., :, None], second[..., None, :]
    return np.asarray(((x > y) + 0.5 * (x == y)).mean((-2, -1)))


def _percentiles(values: NDArray[np.float64], level: float) -> Interval:
    low, high = np.percentile(values, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
