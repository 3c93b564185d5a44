"""Adroit: rewards by the paper's formulas, the library's physics, the robot's own joints."""

from __future__ import annotations

import importlib

import mujoco
import numpy as np
import pytest

from claifo_sim import make
from claifo_sim.env import SimEnv

SCENES = ('door', 'hammer', 'pen', 'relocate')


def world(scene: str, goal: str = '') -> SimEnv:
    env = make(f'adroit_{scene}{goal}', profile='off')
    env.reset(seed=0)
    return env


def place(env: SimEnv, joint: str, value: float) -> None:
    env.data.joint(joint).qpos[0] = value
    mujoco.mj_forward(env.model, env.data)


@pytest.mark.parametrize('scene', SCENES)
def test_the_physics_is_that_of_the_library(scene: str) -> None:
    """Sky and cameras were added to the model: states and starts stay the same."""
    module = importlib.import_module(f'gymnasium_robotics.envs.adroit_hand.adroit_{scene}')
    oracle = getattr(module, f'AdroitHand{scene.capitalize()}Env')()
    env = world(scene)
    for seed in (0, 9):
        expected, _ = oracle.reset(seed=seed)
        found = env.reset(seed=seed)[0]['state']
        rng = np.random.default_rng(seed)
        for _ in range(20):
            np.testing.assert_array_equal(found, expected.astype(np.float32))
            action = rng.uniform(-1, 1, env.info.action_dim)
            expected, *_, told = oracle.step(action)
            observation, _, over, _, info = env.step(action)
            found = observation['state']
            assert info['success'] == told['success']
            if over:
                break
    oracle.close()


@pytest.mark.parametrize('scene', SCENES)
def test_proprioception_is_wrist_and_fingers(scene: str) -> None:
    env = world(scene)
    names = [f'WRJ{k}' for k in (1, 0)] + [
        f'{finger}J{k}' for finger, top in
        (('FF', 3), ('MF', 3), ('RF', 3), ('LF', 4), ('TH', 4)) for k in range(top, -1, -1)
    ]  # fmt: skip
    expected = [env.data.joint(name).qpos[0] for name in names]
    np.testing.assert_allclose(env.proprio(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ('angle', 'reward'),
    [
        (0.0, -0.1 * 1.57**2), (0.3, -0.1 * 1.27**2 + 2), (1.2, -0.1 * 0.37**2 + 10),
        (1.39, -0.1 * 0.18**2 + 20), (1.41, -0.1 * 0.16**2 + 20),
    ],
)  # fmt: skip
def test_reward_of_the_door(angle: float, reward: float) -> None:
    env = world('door')
    place(env, 'door_hinge', angle)
    assert env._goal.sparse() == pytest.approx(reward, abs=1e-9)
    assert env._goal.solved() == (angle > 1.4)


@pytest.mark.parametrize(
    ('left', 'reward'), [(0.05, -0.5), (0.015, -0.15 + 25), (0.005, -0.05 + 100)]
)
def test_reward_of_the_hammer(left: float, reward: float) -> None:
    env = world('hammer')
    data = env.data
    whole = np.linalg.norm(data.site('S_target').xpos - data.site('nail_goal').xpos)
    start = float(data.joint('nail_dir').qpos[0])
    place(env, 'nail_dir', start + 0.01)
    moved = np.linalg.norm(data.site('S_target').xpos - data.site('nail_goal').xpos)
    place(env, 'nail_dir', start + 0.01 * (whole - left) / (whole - moved))
    assert env._goal.sparse() == pytest.approx(reward, abs=1e-6)
    assert env._goal.solved() == (left < 0.01)


@pytest.mark.parametrize(
    ('shift', 'tilt', 'reward'), [(0.0, 0.0, 50), (0.1, 0.0, 0), (0.0, 0.5, 0)]
)
def test_reward_of_the_pen(shift: float, tilt: float, reward: float) -> None:
    env = world('pen')
    model, data = env.model, env.data
    model.body_quat[model.body('target').id] = data.body('Object').xquat
    turned = np.zeros(4)
    mujoco.mju_axisAngle2Quat(turned, np.array([0.0, 1.0, 0.0]), tilt)
    wanted = np.zeros(4)
    mujoco.mju_mulQuat(wanted, turned, data.body('Object').xquat)
    model.body_quat[model.body('target').id] = wanted
    mujoco.mj_forward(model, data)
    away = data.body('Object').xpos - data.site('eps_ball').xpos
    model.site_pos[model.site('eps_ball').id] += away + np.array([shift, 0.0, 0.0])
    mujoco.mj_forward(model, data)
    assert env._goal.sparse() == reward
    assert env._goal.solved() == (tilt == 0)  # wherever it is


def test_a_dropped_pen_ends_the_episode() -> None:
    env = world('pen')
    env.data.joint('OBJTx').qpos[0] += 0.3  # that axis points down
    mujoco.mj_forward(env.model, env.data)
    _, reward, terminated, truncated, _ = env.step(np.zeros(24))
    assert (terminated, truncated, reward) == (True, False, 0.0)


@pytest.mark.parametrize(('away', 'reward'), [(0.2, 0), (0.08, 10), (0.03, 30)])
def test_reward_of_relocate(away: float, reward: float) -> None:
    env = world('relocate')
    model, data = env.model, env.data
    offset = data.body('Object').xpos - data.site('target').xpos
    model.site_pos[model.site('target').id] += offset + np.array([0.0, 0.0, away])
    mujoco.mj_forward(model, data)
    assert env._goal.sparse() == reward
    assert env._goal.solved() == (away < 0.1)


@pytest.mark.parametrize('scene', SCENES)
def test_dense_rewards_lead_on(scene: str) -> None:
    """The dense reward differs from the sparse one, and from state to state."""
    env, sparse = world(scene, '_dense'), world(scene)
    rng = np.random.default_rng(0)
    rewards = []
    for _ in range(8):
        action = rng.uniform(-1, 1, env.info.action_dim)
        rewards.append((env.step(action)[1], sparse.step(action)[1]))
    dense, plain = np.array(rewards).T
    assert len(set(dense.tolist())) == len(dense)
    assert not np.array_equal(dense, plain)


def test_cameras_of_relocate_stand_where_the_paper_s_do() -> None:
    """Two before and beside the hand, one below it that sees through the table."""
    oracle = mujoco.MjModel.from_xml_string("""
        <mujoco><compiler angle='radian'/><worldbody>
          <camera name='cam1' pos='0 -.04 -1' euler='-3.14159 0 3.14159'/>
          <camera name='cam2' pos='0 .8 .2' euler='-1.5708 0 3.14159'/>
          <camera name='cam3' pos='.8 0 .2' euler='0 1.5708 1.5708'/>
        </worldbody></mujoco>""")
    poses = mujoco.MjData(oracle)
    mujoco.mj_forward(oracle, poses)
    env = world('relocate')
    for name in ('cam1', 'cam2', 'cam3'):
        found, wanted = env.data.camera(name), poses.camera(name)
        np.testing.assert_allclose(found.xpos, wanted.xpos, atol=1e-6)
        np.testing.assert_allclose(found.xmat, wanted.xmat, atol=1e-4)
    assert env.model.material('tablecube').rgba[3] == 0
