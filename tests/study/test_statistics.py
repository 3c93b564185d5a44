"""Statistics over runs, against brute force, closed forms and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from claifo.study import statistics
from claifo.study.statistics import (
    Draws,
    improvement,
    interval,
    iqm,
    mean,
    summary,
)

RUNS = np.array([895.0, 12.5, 930.25, 871.0, 64.6, 640.0, 903.5, 777.0, 350.0])


@pytest.mark.parametrize('count', range(1, 10))
def test_interquartile_mean_leaves_out_a_quarter_on_both_sides(count: int) -> None:
    kept = sorted(RUNS[:count])[count // 4 : count - count // 4]
    assert iqm(RUNS[:count]) == pytest.approx(sum(kept) / len(kept))


def test_interquartile_mean_by_hand() -> None:
    assert iqm([1000, 3, 4, 5, 6, -1000, 7, 8]) == (4 + 5 + 6 + 7) / 4


def test_std_divides_by_one_less() -> None:
    assert summary([[1, 2, 4]]).std == pytest.approx(np.sqrt((16 + 1 + 25) / 9 / 2))


def test_statistics_work_row_by_row() -> None:
    rows = np.arange(24.0).reshape(2, 3, 4) ** 2
    for statistic in (mean, iqm):
        expected = [[statistic(row) for row in block] for block in rows]
        np.testing.assert_allclose(statistic(rows), expected)


def test_interval_is_that_of_all_possible_draws() -> None:
    """Three runs can be drawn in 27 ways: the percentiles of these are the exact interval."""
    runs = [10.0, 20.0, 40.0]
    exact = sorted(np.mean(draw) for draw in itertools.product(runs, repeat=3))
    low, high = interval([runs], draws=Draws(level=0.8))
    assert low == pytest.approx(np.percentile(exact, 10), abs=1e-9)
    assert high == pytest.approx(np.percentile(exact, 90), abs=1e-9)


def test_interval_close_to_a_bootstrap_by_hand() -> None:
    rng = np.random.default_rng(1)
    drawn = np.sort(RUNS[rng.integers(9, size=(40_000, 9))])[:, 2:-2].mean(1)
    ours = interval([RUNS], iqm, Draws(resamples=40_000))
    np.testing.assert_allclose(ours, np.percentile(drawn, [2.5, 97.5]), rtol=0.02)


def test_draws_stay_within_their_task() -> None:
    """Runs of a task that agree have nothing to draw, however far apart the tasks are."""
    assert interval([[0.0] * 5, [100.0] * 3]) == (37.5, 37.5)
    assert interval([[0.0], [100.0] * 3]) == (75, 75)  # of a single run there is one draw


def test_interval_follows_its_seed() -> None:
    assert interval([RUNS], draws=Draws(seed=3)) == interval([RUNS], draws=Draws(seed=3))
    few = [interval([RUNS], draws=Draws(seed=seed, resamples=99)) for seed in (3, 4)]
    assert few[0] != few[1]


def test_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for k in range(200):
        low, high = interval([rng.normal(5.0, 2.0, 20)], draws=Draws(resamples=500, seed=k))
        inside += low <= 5.0 <= high
    assert 0.88 <= inside / 200 <= 0.98


def test_probability_of_improvement_as_mann_whitney() -> None:
    first, second = RUNS[:5], np.append(RUNS[4:], 10.0)
    u = stats.mannwhitneyu(first, second).statistic
    assert improvement([first], [second])[0] == pytest.approx(u / 5 / 6)


def test_probability_of_improvement_is_a_mean_over_tasks_and_ties_are_halves() -> None:
    assert improvement([[1, 1], [5]], [[1], [4, 6, 7]])[0] == (0.5 + 1 / 3) / 2


def test_improvement_interval() -> None:
    assert improvement([[5, 6, 7]], [[1, 2]])[1] == (1.0, 1.0)
    first, second = [1.0, 4.0, 5.0], [2.0, 3.0]
    draws = itertools.product(
        itertools.product(first, repeat=3), itertools.product(second, repeat=2)
    )
    exact = [np.mean([a > b for a in x for b in y]) for x, y in draws]
    low, high = improvement([first], [second])[1]
    assert low == pytest.approx(np.percentile(exact, 2.5), abs=1e-9)
    assert high == pytest.approx(np.percentile(exact, 97.5), abs=1e-9)


def test_summary() -> None:
    found = summary([RUNS])
    assert (found.runs, found.mean, found.std) == (9, RUNS.mean(), RUNS.std(ddof=1))
    assert found.iqm_interval == interval([RUNS], statistics.iqm)
    assert found.mean_interval == interval([RUNS])


def test_a_single_run_has_no_spread() -> None:
    found = summary([[7.0]])
    assert (found.mean, found.iqm) == (7.0, 7.0)
    assert found.std is found.mean_interval is found.iqm_interval is None


def test_other_numbers_of_tasks_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match='zip'):
        improvement([[1.0], [2.0], [3.0]], [[1.0]])


@pytest.mark.parametrize('bad', [[], [[]], [[1.0, float('nan')]], [[[1.0]]]])
def test_refuses_what_has_no_statistics(bad: list[list[float]]) -> None:
    with pytest.raises(ValueError, match='scores must be'):
        interval(bad)
