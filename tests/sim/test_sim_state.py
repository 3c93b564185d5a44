"""A state carries picture and future to another environment; episodes end for the right reason."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from claifo_sim import EnvSpec, SimError, TaskInfo, make
from claifo_sim.env import SimEnv
from claifo_sim.painting import StockLook

MOVED_TARGETS = ['reacher_easy', 'finger_turn_hard', 'walker_walk', 'ball_in_cup_catch',
                 'quadruped_walk']


@pytest.mark.parametrize('name', MOVED_TARGETS)
def test_state_shows_the_same_picture_and_future_elsewhere(name: str) -> None:
    env, other = make(name, 'dim/target', 1, size_px=48), make(name, 'stock', 2, size_px=48)
    env.reset(seed=5)
    generator = np.random.default_rng(0)
    actions = generator.uniform(-1, 1, (20, *env.action_space.shape))
    for action in actions[:10]:
        env.step(action)
    state, picture = env.get_state(), env.pixels()
    other.reset(seed=6)
    other.set_state(state)
    np.testing.assert_array_equal(other.get_state(), state)
    other.set_domain('dim/target')
    np.testing.assert_array_equal(other.pixels(), picture)
    for action in actions[10:]:
        expected, reward, *_ = env.step(action)
        found, found_reward, *_ = other.step(action)
        assert reward == found_reward
        for key in expected:
            np.testing.assert_array_equal(expected[key], found[key])
    env.close()
    other.close()


def test_a_fresh_environment_shows_a_state_without_reset() -> None:
    env, fresh = make('reacher_hard', size_px=48), make('reacher_hard', seed=3, size_px=48)
    env.reset(seed=5)
    fresh.set_state(env.get_state())
    np.testing.assert_array_equal(fresh.pixels(), env.pixels())
    env.close()
    fresh.close()


def test_state_of_another_task_is_refused() -> None:
    walker, reacher = make('walker_walk', profile='off'), make('reacher_easy', profile='off')
    with pytest.raises(SimError, match='of another task'):
        reacher.set_state(walker.get_state())


class FallingBall(SimEnv):
    """A ball whose task ends the episode when it has fallen half a metre."""

    def __init__(self, spec: EnvSpec) -> None:
        model = mujoco.MjModel.from_xml_string("""
        <mujoco><worldbody><camera name='side' pos='0 -3 0' euler='90 0 0'/>
          <body><freejoint/><geom size='.1'/></body></worldbody></mujoco>""")
        info = TaskInfo('falling_ball', 'dmc', 'ball', 'fall', '', 500.0, 0, 0, ('side',))
        stock = StockLook({}, '', (), ())
        super().__init__(info, spec, model, mujoco.MjData(model), stock)

    def _begin(self, seed: int | None) -> None:
        mujoco.mj_resetData(self.model, self.data)

    def _advance(self, action: np.ndarray) -> tuple[float, bool]:
        mujoco.mj_step(self.model, self.data)
        return 1.0, bool(self.data.qpos[2] < -0.5)

    def _success(self, reward: float) -> bool:
        return False

    def _state(self) -> np.ndarray:
        return self.data.qpos.astype(np.float32)

    def proprio(self) -> np.ndarray:
        return np.zeros(0, np.float32)


@pytest.mark.parametrize(('limit', 'ends_by_itself'), [(0, True), (30, False), (54, True)])
def test_termination_is_told_apart_from_truncation(limit: int, ends_by_itself: bool) -> None:
    spec = EnvSpec('walker_walk', profile='off', action_repeat=3, episode_steps=limit)
    env = FallingBall(spec)
    env.reset()
    total, over = 0.0, False
    while not over:
        _, reward, terminated, truncated, _ = env.step(np.zeros(0))
        total += reward
        over = terminated or truncated
    assert (terminated, truncated) == (ends_by_itself, not ends_by_itself)
    # Half a metre is fallen after sqrt(1 / 9.81) s = 159.6 physics steps; none follow the end.
    assert total == pytest.approx(159 if ends_by_itself else 90, abs=1)
