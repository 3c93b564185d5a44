"""Several environments in processes: the same as one alone, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from claifo_sim import EnvSpec, SimError, VectorEnv, make

SPECS = [EnvSpec('point_mass_easy', 'dim/target', seed=1, size_px=24, action_repeat=2),
         EnvSpec('reacher_easy', 'stock', seed=2, size_px=24, episode_steps=6)]


def alive(pid: int) -> bool:
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int], limit_s: float = 30.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.05)
    return False


def children() -> list[int]:
    return [process.pid for process in multiprocessing.active_children()]


def test_equals_single_environments_bit_for_bit() -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (6, 2, 2)).astype(np.float32)
    alone = [make(**vars(spec)) for spec in SPECS]
    with VectorEnv(SPECS) as envs:
        assert (envs.num_envs, envs.action_dim, envs.size_px, envs.proprio_dim) == (2, 2, 24, 4)
        step = envs.reset([7, None])
        singles = [env.reset(seed=seed)[0] for env, seed in zip(alone, (7, None), strict=True)]
        for row, single in enumerate(singles):
            np.testing.assert_array_equal(step.pixels[row], single['pixels'])
        for action in actions:
            envs.step_async(action)
            step = envs.step_wait()
            for row, env in enumerate(alone):
                observation, reward, terminated, truncated, info = env.step(action[row])
                np.testing.assert_array_equal(step.pixels[row], observation['pixels'])
                np.testing.assert_array_equal(step.proprio[row], observation['proprio'])
                assert step.reward[row] == np.float32(reward)
                assert (step.terminated[row], step.truncated[row], step.success[row]) == (
                    terminated, truncated, info['success'])
        assert step.truncated.tolist() == [False, True]
        before = step.pixels[0].copy()
        step = envs.reset_one(1, 9)
        np.testing.assert_array_equal(step.pixels[1], alone[1].reset(seed=9)[0]['pixels'])
        np.testing.assert_array_equal(step.pixels[0], before)
        assert step.reward[1] == 0
        assert not step.truncated[1]
    for env in alone:
        env.close()
    assert children() == []


def test_killed_worker_is_named_and_the_others_end() -> None:
    envs = VectorEnv(SPECS)
    envs.reset([0, 0])
    pids = children()
    os.kill(envs._workers[1].pid, signal.SIGKILL)
    with pytest.raises(SimError, match=r'environment 1 \(reacher_easy\).*exit code -9, SIGKILL'):
        for _ in range(2):
            envs.step_async(np.zeros((2, 2)))
            envs.step_wait()
    assert len(pids) == 2
    assert wait_until_gone(pids)
    with pytest.raises(SimError, match='have been closed'):
        envs.step_async(np.zeros((2, 2)))
    envs.close()


def test_a_worker_that_hangs_before_its_first_picture_is_named(monkeypatch) -> None:
    envs = VectorEnv(SPECS)
    pids = children()
    os.kill(envs._workers[1].pid, signal.SIGSTOP)
    monkeypatch.setattr(envs, '_patience_s', 1.0)
    with pytest.raises(SimError, match=r'environment 1 \(reacher_easy\): no picture.*MUJOCO_GL='):
        envs.reset([0, 0])
    assert wait_until_gone(pids)


def test_workers_end_with_a_killed_parent() -> None:
    program = (
        'import multiprocessing, time\n'
        'from claifo_sim import EnvSpec, VectorEnv\n'
        'if __name__ == "__main__":\n'
        '    envs = VectorEnv([EnvSpec("pendulum_swingup", size_px=16)] * 2)\n'
        '    print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n'
        '    time.sleep(60)\n'
    )
    shared = set(os.listdir('/dev/shm'))
    parent = subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.PIPE, text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    parent.kill()
    parent.communicate()
    assert wait_until_gone(pids)
    assert not {name for name in set(os.listdir('/dev/shm')) - shared if 'pym' in name}


def test_ctrl_c_is_left_to_the_parent() -> None:
    with VectorEnv(SPECS) as envs:
        envs.reset([0, 0])
        for worker in envs._workers:
            os.kill(worker.pid, signal.SIGINT)
        envs.step_async(np.zeros((2, 2)))
        assert envs.step_wait().pixels.any()


def test_refusals_leave_the_environments_usable() -> None:
    with VectorEnv(SPECS) as envs:
        with pytest.raises(SimError, match='environment 0: point_mass_easy: no episode'):
            envs.step_async(np.zeros((2, 2)))
            envs.step_wait()
        with pytest.raises(SimError, match='1 seeds for 2 environments'):
            envs.reset([0])
        with pytest.raises(SimError, match='seed -1'):
            envs.reset([0, -1])
        with pytest.raises(SimError, match=r'shape \(2, 3\); expected \(2, 2\)'):
            envs.step_async(np.zeros((2, 3)))
        assert envs.reset([0, 0]).pixels.any()


@pytest.mark.parametrize(
    ('specs', 'message'),
    [
        ([], 'no environment'),
        ([SPECS[0], EnvSpec('walker_walk', size_px=24)], 'must share'),
        ([EnvSpec('walker_walk', profile='off')], 'profile off'),
    ],
)
def test_unfit_specs_start_nothing(specs: list[EnvSpec], message: str) -> None:
    with pytest.raises(SimError, match=message):
        VectorEnv(specs)
    assert children() == []
