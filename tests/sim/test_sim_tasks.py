"""The registered tasks behave as DeepMind Control's own environments, and say so truthfully."""

from __future__ import annotations

import numpy as np
import pytest

from claifo_sim import SimError, make, task_info, tasks
from claifo_sim.rendering import probe

probe()
from dm_control import suite  # noqa: E402

NAMES = [info.name for info in tasks() if info.suite == 'dmc']


def original(name: str, seed: int) -> suite.control.Environment:
    info = task_info(name)
    return suite.load(info.scene, info.goal, task_kwargs={'random': seed})


def flat(observation: dict[str, np.ndarray]) -> np.ndarray:
    parts = [np.ravel(value) for value in observation.values()]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize('name', NAMES)
def test_task_equals_the_suite(name: str) -> None:
    info, oracle = task_info(name), original(name, 7)
    env = make(name, seed=7, size_px=48)
    observation, _ = env.reset(seed=7)
    step = oracle.reset()
    spec = oracle.action_spec()
    actions = np.random.default_rng(0).uniform(-1, 1, (5, info.action_dim))
    for action in actions:
        np.testing.assert_array_equal(observation['state'], flat(step.observation))
        assert observation['pixels'].mean() > 20
        assert observation['pixels'].std() > 10
        observation, reward, terminated, truncated, _ = env.step(action)
        step = oracle.step(spec.minimum + (action + 1) / 2 * (spec.maximum - spec.minimum))
        assert reward == step.reward
        assert not (terminated or truncated)
    assert env.observation_space.contains(observation)
    assert env.action_space.shape == spec.shape
    assert info.control_hz == pytest.approx(1 / oracle.control_timestep())
    assert observation['proprio'].shape == (info.proprio_dim,)
    env.close()


@pytest.mark.parametrize(
    ('name', 'tolerance'),
    # The reacher's shiny floor mirrors the sky, but not in the fast profile.
    [('walker_walk', 9), ('reacher_easy', 32), ('quadruped_walk', 9), ('ball_in_cup_catch', 9)],
)
def test_pictures_are_those_of_the_suite(name: str, tolerance: int) -> None:
    oracle = original(name, 3)
    oracle.reset()
    expected = oracle.physics.render(64, 64, camera_id=task_info(name).cameras[0])
    oracle.physics.free()  # left to the collector, dm_control's renderer can deadlock
    pictures = {}
    for profile in ('faithful', 'fast'):
        env = make(name, seed=3, size_px=64, profile=profile)
        pictures[profile] = env.reset()[0]['pixels']
        env.close()
    np.testing.assert_array_equal(pictures['faithful'], expected)
    # Without shadow, reflection and multisampling a picture is a little different, but upright.
    error, flipped = (
        np.abs(pictures['fast'][::way] - expected.astype(int)).mean() for way in (1, -1)
    )
    assert error < tolerance
    assert error < flipped - 1


def test_proprio_is_what_the_motors_feel() -> None:
    env = make('cartpole_swingup', profile='off')
    observation, _ = env.reset(seed=1)
    expected = [env.data.joint('slider').qpos[0], env.data.joint('slider').qvel[0]]
    np.testing.assert_array_equal(observation['proprio'], np.float32(expected))


def test_big_ball_is_for_the_eye_only() -> None:
    worlds = [make(name, size_px=48) for name in ('point_mass_easy', 'point_mass_easy_big')]
    pictures, futures = [], []
    for env in worlds:
        pictures.append(env.reset(seed=2)[0]['pixels'].astype(int))
        futures.append([env.step(np.array([0.5, -1.0]))[:2] for _ in range(10)])
        env.close()
    for (plain, reward), (big, reward_big) in zip(*futures, strict=True):
        np.testing.assert_array_equal(plain['state'], big['state'])
        assert reward == reward_big
    changed = (np.abs(pictures[0] - pictures[1]).max(-1) > 20).sum()
    assert 15 < changed < 150


def test_same_seed_same_episode() -> None:
    env, other = make('reacher_easy', size_px=32), make('reacher_easy', seed=5, size_px=32)
    first, _ = env.reset(seed=11)
    env.step(np.ones(2))
    again, _ = env.reset(seed=11)
    elsewhere, _ = other.reset(seed=11)
    different, _ = env.reset()
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
        np.testing.assert_array_equal(first[key], elsewhere[key])
    assert not np.array_equal(first['state'], different['state'])
    env.close()
    other.close()


def test_seed_of_make_decides_the_first_episode() -> None:
    states = [make('walker_walk', seed=s, profile='off').reset()[0]['state'] for s in (4, 4, 5)]
    np.testing.assert_array_equal(states[0], states[1])
    assert not np.array_equal(states[0], states[2])


def test_action_repeat_sums_the_reward() -> None:
    one = make('cartpole_balance', profile='off')
    four = make('cartpole_balance', profile='off', action_repeat=4)
    one.reset(seed=0)
    four.reset(seed=0)
    single = [one.step(np.array([0.3])) for _ in range(4)]
    observation, reward, *_ = four.step(np.array([0.3]))
    assert reward == pytest.approx(sum(step[1] for step in single))
    np.testing.assert_array_equal(observation['state'], single[-1][0]['state'])
    assert (four.control_hz, four.max_steps) == (25.0, 250)


@pytest.mark.parametrize(
    ('repeat', 'limit', 'expected'), [(1, 0, 1000), (3, 0, 334), (1, 40, 40), (4, 5000, 250)]
)
def test_time_limit_truncates(repeat: int, limit: int, expected: int) -> None:
    env = make('pendulum_swingup', profile='off', action_repeat=repeat, episode_steps=limit)
    env.reset(seed=0)
    steps, over = 0, False
    while not over:
        _, _, terminated, over, _ = env.step(np.zeros(1))
        steps += 1
        assert not terminated
    assert steps == expected == env.max_steps
    assert env.data.time == pytest.approx(min(1000, steps * repeat) / 50)
    with pytest.raises(SimError, match=r'call reset\(\)'):
        env.step(np.zeros(1))


def test_success_is_a_solved_control_step() -> None:
    env = make('cartpole_balance', profile='off')
    _, info = env.reset(seed=0)
    assert info['success'] is False
    _, reward, _, _, info = env.step(np.zeros(1))
    assert reward > 0.9
    assert info['success'] is True
    walker = make('walker_walk', profile='off')
    walker.reset(seed=0)
    assert walker.step(np.zeros(6))[4]['success'] is False


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'task': 'walker_wlak'}, 'did you mean walker_walk'),
        ({'task': 'walker_walk', 'domain': 'ligth/target'}, 'did you mean light/target'),
        ({'task': 'reacher_easy', 'domain': 'background/source'},
         'dmc reacher does not offer it'),
        ({'task': 'walker_walk', 'profile': 'fats'}, 'did you mean fast'),
        ({'task': 'walker_walk', 'size_px': 4}, 'size_px 4: must be a whole number in 8..1024'),
        ({'task': 'walker_walk', 'action_repeat': 0}, 'action_repeat 0'),
        ({'task': 'walker_walk', 'seed': -1}, 'seed -1'),
    ],
)
def test_bad_arguments_are_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SimError, match=message) as raised:
        make(**arguments)
    assert '\n' not in str(raised.value)


def test_bad_actions_are_refused() -> None:
    env = make('walker_walk', profile='off')
    with pytest.raises(SimError, match=r'call reset\(\)'):
        env.step(np.zeros(6))
    env.reset()
    with pytest.raises(SimError, match='6 finite numbers'):
        env.step(np.zeros(5))
    with pytest.raises(SimError, match='6 finite numbers'):
        env.step(np.full(6, np.nan))
    with pytest.raises(SimError, match='must not be negative'):
        env.reset(seed=-3)
    with pytest.raises(SimError, match='profile off has no pictures'):
        env.pixels()
