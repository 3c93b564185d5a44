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


@dataclass(frozen=True)
class Draws:
    """How an interval is found.

    Attributes:
        level: Share of the resamples inside.
        resamples: How often the scores are drawn again.
        seed: Of the draws; the same seed gives the same interval.
    """

    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0


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


def iqm(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the interquartile mean over the last axis: (..., N) to (...).

    The lowest and the highest N // 4 scores are left out (Agarwal et al. 2021, section 4.3); of
    fewer than four scores it is the mean.
    """
    from scipy import stats

    return np.asarray(stats.trim_mean(scores, 0.25, axis=-1))


def interval(
    tasks: Tasks,
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]] = mean,
    draws: Draws = Draws(),
) -> Interval:
    """Return the stratified percentile bootstrap interval of a statistic of all scores.

    Args:
        tasks: Scores of the runs of each task.
        statistic: Maps (..., N) to (...).
        draws: How many, and what is read from them.

    Raises:
        ValueError: a task without runs, or a score that is not finite.
    """
    return bootstrap(tasks, lambda *drawn: statistic(np.concatenate(drawn, -1)), draws)


def bootstrap(
    samples: Tasks,
    statistic: Callable[..., NDArray[np.float64]],
    draws: Draws = Draws(),
    *,
    paired: bool = False,
) -> Interval:
    """Return the percentile bootstrap interval of a statistic of several samples.

    Args:
        samples: Each is drawn again from itself.
        statistic: Maps the samples, (..., R_1) and so on, to (...).
        draws: How many, and what is read from them.
        paired: Draw the same places in all samples.

    Raises:
        ValueError: a sample without scores, or a score that is not finite.
    """
    from scipy import stats

    given = _checked(samples)
    # SciPy asks for two scores; a single one stands there twice, and the second is not looked at.
    doubled = [np.repeat(scores, 2) if len(scores) == 1 else scores for scores in given]

    def of(*drawn: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        del axis  # SciPy puts the draws last
        return statistic(*(d[..., : len(s)] for d, s in zip(drawn, given, strict=True)))

    found = stats.bootstrap(
        doubled, of, paired=paired, confidence_level=draws.level, n_resamples=draws.resamples,
        vectorized=True, method='percentile', random_state=np.random.default_rng(draws.seed),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def improvement(first: Tasks, second: Tasks, draws: Draws = Draws()) -> tuple[float, Interval]:
    """Return how probably a run of ``first`` beats one of ``second``, and its interval.

    P(X > Y) + P(X = Y) / 2 over all pairs of runs, as mean over the tasks: the Mann-Whitney
    statistic over R_X R_Y (Agarwal et al. 2021, section 4.3). Both sides are drawn again.

    Args:
        first: Scores of the runs of each task.
        second: Scores of another method on the same tasks; other numbers of runs are fine.
        draws: How many, and what is read from them.

    Raises:
        ValueError: unlike numbers of tasks, a task without runs, or a score that is not finite.
    """
    count = len(first)

    def wins(*drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        return _improvement(drawn[:count], drawn[count:])

    samples = _checked([*first, *second])
    return float(wins(*samples)), bootstrap(samples, wins, draws)


def summary(tasks: Tasks) -> Summary:
    """Return all that is reported of one method.

    Raises:
        ValueError: a task without runs, or a score that is not finite.
    """
    scores = np.concatenate(_checked(tasks))
    several = len(scores) > 1
    return Summary(
        runs=len(scores),
        mean=float(mean(scores)),
        std=float(np.std(scores, ddof=1)) if several else None,
        iqm=float(iqm(scores)),
        mean_interval=interval(tasks) if several else None,
        iqm_interval=interval(tasks, iqm) if several else None,
    )


def _checked(tasks: Tasks) -> list[NDArray[np.float64]]:
    """Return the scores of each task as float64 (R,)."""
    found = [np.asarray(scores, np.float64) for scores in tasks]
    if not found or any(scores.ndim != 1 or not len(scores) for scores in found):
        raise ValueError('scores must be one non-empty sequence of numbers per task')
    if not all(np.isfinite(scores).all() for scores in found):
        raise ValueError('scores must be finite')
    return found


def _improvement(
    first: Sequence[NDArray[np.float64]], second: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the mean over the tasks of P(X > Y) + P(X = Y) / 2.

    Scores are (..., R); `scipy.stats.mannwhitneyu` would rank, and test, every draw.
    """
    wins = [
        ((x[..., :, None] > y[..., None, :]) + 0.5 * (x[..., :, None] == y[..., None, :]))
        .mean((-2, -1)) for x, y in zip(first, second, strict=True)
    ]  # fmt: skip
    return np.asarray(np.mean(wins, 0))
