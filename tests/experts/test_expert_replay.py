"""The n-step replay against hand-computed values and a brute-force model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo.experts.replay import NStepReplay, RunningScale, Step

GAMMA = 0.9


def _fill(rewards: list[float], steps: int, *, terminated: bool) -> NStepReplay:
    """Return a replay that holds one episode whose state number i is the vector (i,)."""
    replay = NStepReplay(100, 1, 1, steps, GAMMA)
    for index, reward in enumerate(rewards):
        last = index == len(rewards) - 1
        state, action, next_state = (np.array([k], np.float32) for k in (index, -index, index + 1))
        ends = (last and terminated, last and not terminated)
        replay.add(Step(state, action, next_state, reward, *ends))
    return replay


def _transitions(replay: NStepReplay) -> dict[int, tuple[float, float, float, float]]:
    """Return action, reward, next state and discount by first state, from many samples."""
    batch = replay.sample(2000, np.random.default_rng(0))
    columns = (batch.obs[:, 0], batch.action[:, 0], batch.reward, batch.next_obs[:, 0])
    rows = zip(*columns, batch.discount, strict=True)
    return {int(row[0]): tuple(float(value) for value in row[1:]) for row in rows}


def test_golden_values_of_a_truncated_episode() -> None:
    """Three-step returns of rewards 1, 2, 4, 8 with discount 0.9, time limit after the last."""
    found = _transitions(_fill([1, 2, 4, 8], 3, terminated=False))
    expected = {
        0: (0, 1 + 0.9 * 2 + 0.81 * 4, 3, 0.729),
        1: (-1, 2 + 0.9 * 4 + 0.81 * 8, 4, 0.729),
        2: (-2, 4 + 0.9 * 8, 4, 0.81),
        3: (-3, 8, 4, 0.9),
    }
    assert found.keys() == expected.keys()
    for first, values in expected.items():
        assert found[first] == pytest.approx(values)


def test_a_termination_has_no_value_after_it() -> None:
    """Only windows that reach the terminal state lose their bootstrap."""
    found = _transitions(_fill([1, 2, 4, 8], 3, terminated=True))
    assert [found[first][3] for first in range(4)] == pytest.approx([0.729, 0, 0, 0])


@given(
    rewards=st.lists(st.floats(-10, 10), min_size=1, max_size=20),
    steps=st.integers(1, 6),
    terminated=st.booleans(),
)
def test_against_brute_force(rewards: list[float], steps: int, terminated: bool) -> None:
    """Every start of every episode has the return written out as a sum."""
    found = _transitions(_fill(rewards, steps, terminated=terminated))
    for first in range(len(rewards)):
        end = min(first + steps, len(rewards))
        total = sum(rewards[i] * GAMMA ** (i - first) for i in range(first, end))
        over = terminated and end == len(rewards)
        discount = 0.0 if over else GAMMA ** (end - first)
        expected = (-first, total, end, discount)
        assert found[first] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_ring_keeps_the_newest() -> None:
    """A full ring forgets the oldest transitions first."""
    replay = NStepReplay(4, 1, 1, 1, GAMMA)
    for index in range(10):
        state = np.array([index], np.float32)
        replay.add(Step(state, state, state, 0.0, False, False))
    assert len(replay) == 4
    assert set(_transitions(replay)) == {6, 7, 8, 9}


def test_running_scale_equals_numpy() -> None:
    """Mean and deviation agree with NumPy's; a constant entry keeps scale 1."""
    data = np.random.default_rng(0).normal([3, -50, 2], [2, 0.5, 0], (500, 3))
    scale = RunningScale(3)
    for row in data:
        scale.add(row)
    np.testing.assert_allclose(scale.mean, data.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scale.std[:2], data.std(axis=0)[:2], rtol=1e-5)
    assert scale.std[2] == 1
