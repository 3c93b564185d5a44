"""A simulated robot driven through standard topics only, and what happens when parts of it die."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing

import claifo_nodes  # noqa: F401 (provides rclpy where ROS 2 is absent)

# isort: split
import cv2
import numpy as np
import pytest
import rclpy
from deployed import HZ, ROBOT, WORLD, parameters, trained, write
from launched import ENVIRONMENT, Launched, pid_of, processes
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Float64MultiArray

from claifo.environments import evaluation_env
from claifo_core.deploy import contract
from claifo_core.device.seeding import episode_seed
from claifo_core.training.evaluation import evaluate

PERIOD_S = 1 / HZ
RAMP = """format: claifo-limits-1
on_fault: ramp_down
ramp_s: 3.0
watchdog_periods: 20
joints:
- {name: action_0, effort: 1.0, step: 2.0}
"""


@pytest.fixture
def robot(tmp_path):
    """Start the simulated robot; returns its process."""
    started = []

    def start(**changes):
        named = parameters(**ROBOT | changes)
        started.append(subprocess.Popen(
            [sys.executable, '-m', 'claifo_nodes.sim_node', '--ros-args', *named],
            cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        ))  # fmt: skip
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def robot_install(folder):
    """Hide what requirements-robot.txt does not name: everything here runs without it."""
    folder.mkdir(exist_ok=True)
    names = ('torch', 'mujoco', 'dm_control', 'gymnasium', 'gymnasium_robotics', 'tensorboard',
             'scipy', 'matplotlib', 'onnx', 'robosuite')  # fmt: skip
    for name in names:
        line = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})'
        (folder / f'{name}.py').write_text(line)
    return folder


@pytest.fixture
def deploy(tmp_path):
    write(tmp_path)
    started = []

    def start(*words, simulates=False):
        words = ('deploy_policy', 'policy:=policy.onnx', *words)
        hidden = None if simulates else robot_install(tmp_path / 'hidden')
        started.append(Launched(tmp_path, *words, without=hidden))
        return started[-1]

    yield start
    for launched in started:
        if launched.child.poll() is None:
            launched.child.send_signal(signal.SIGINT)
            launched.child.communicate(timeout=60)
        launched.child.stdout.close()
    left = {word for words in processes(tmp_path).values() for word in words}
    assert left.isdisjoint({'claifo_nodes.policy_node', 'claifo_nodes.safety_node'})


class Commands:
    """Every command with the time of its arrival."""

    def __init__(self):
        rclpy.init()
        self.node = rclpy.create_node('listener')
        self.seen: list[tuple[float, list[float]]] = []
        self.node.create_subscription(Float64MultiArray, '/commands', self._take, 100)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)

    def _take(self, message):
        self.seen.append((time.monotonic(), list(message.data)))

    def until(self, done, patience_s=90.0):
        end = time.monotonic() + patience_s
        while not done():
            assert time.monotonic() < end, 'it did not come to pass'
            self.executor.spin_once(timeout_sec=0.005)


@pytest.fixture
def commands():
    found = Commands()
    yield found
    found.node.destroy_node()
    rclpy.shutdown()


def test_it_reaches_what_evaluation_reaches(robot, deploy):
    """A whole episode, through standard topics only, as it is driven.

    With none of its steps late the return is the same; a few late ones change it by 1 %, half of
    the action by 20 %.
    """
    sim = robot(episodes=1)
    deploy('limits:=limits.yaml', 'image:=/camera/image_raw')
    told = re.findall(r'return (\S+)', sim.communicate(timeout=90)[0])
    with closing(evaluation_env(WORLD)) as env:
        wanted = evaluate(trained(), env, [episode_seed(0, 'episode', 0, 1)]).returns[0]
    assert float(told[0]) == pytest.approx(wanted, rel=0.04)
    assert sim.returncode == 0


def test_one_command_tries_it_on_a_simulated_robot(deploy, commands):
    launched = deploy('limits:=limits.yaml', f'robot:={WORLD.task}', simulates=True)
    commands.until(lambda: len(commands.seen) > 5 and any(commands.seen[-1][1]))
    launched.child.send_signal(signal.SIGINT)
    assert launched.end() == 0


@pytest.mark.parametrize('times', [1, 2])
def test_the_robot_is_at_rest_before_the_launcher_ends(deploy, commands, tmp_path, times):
    (tmp_path / 'ramp.yaml').write_text(RAMP)
    launched = deploy('limits:=ramp.yaml', f'robot:={WORLD.task}', simulates=True)
    commands.until(lambda: len(commands.seen) > 5 and any(commands.seen[-1][1]))
    for _ in range(times):
        launched.child.send_signal(signal.SIGINT)
        time.sleep(0.3)
    count = len(commands.seen)
    commands.until(lambda: launched.child.poll() is not None)
    assert launched.end() == (0 if times == 1 else 130)
    commands.until(lambda: not any(commands.seen[-1][1]))
    assert len(commands.seen) > count  # the ramp went on, until it was done


def test_one_command_tries_it_on_a_video(deploy, commands, tmp_path):
    known = contract.of_policy(trained().metadata)
    camera = dataclasses.replace(known.cameras[0], topic='/eye', encoding='jpeg', width=32)
    agreed = dataclasses.replace(known, cameras=(camera,))
    (tmp_path / 'contract.yaml').write_text(contract.dump(agreed))
    film = cv2.VideoWriter(
        str(tmp_path / 'film.avi'), cv2.VideoWriter_fourcc(*'MJPG'), HZ, (32, 24)
    )
    for shade in range(0, 250, 25):
        film.write(np.full((24, 32, 3), shade, np.uint8))
    film.release()
    deploy('limits:=limits.yaml', 'contract:=contract.yaml', 'source:=film.avi')
    commands.until(lambda: len(commands.seen) > 15 and any(commands.seen[-1][1]))


@pytest.mark.parametrize('victim', ['policy_node', 'camera'])
def test_when_a_part_is_killed_the_robot_is_stopped_in_time(
    robot, deploy, commands, tmp_path, victim
):
    sim = robot()
    launched = deploy('limits:=limits.yaml')
    commands.until(lambda: len(commands.seen) > 10)
    number = sim.pid if victim == 'camera' else pid_of(tmp_path, 'policy_node')
    os.kill(number, signal.SIGKILL)
    killed_s = time.monotonic()
    commands.until(lambda: not any(commands.seen[-1][1]))
    last_s = max(at for at, values in commands.seen if any(values))
    stopped_s = commands.seen[-1][0]
    # The watchdog counts from the capture of the last image that was acted on.
    assert stopped_s - min(last_s, killed_s) < 2 * PERIOD_S + 0.15
    count = len(commands.seen)
    commands.until(lambda: len(commands.seen) > count + 5)
    assert not any(any(values) for _, values in commands.seen[count:])  # until it is reset
    assert 'camera or policy is silent' in launched.until('fault')


def test_another_camera_than_the_contract_says_is_refused(robot, deploy):
    robot(size_px=32)
    launched = deploy('limits:=limits.yaml')
    launched.until('size is 32x32, the contract says 24x24')
    assert launched.end() == 2


@pytest.mark.parametrize(
    ('words', 'line'),
    [
        ((), 'needs limits:=FILE'),
        (('limits:=limit.yaml',), 'did you mean limits.yaml'),
        (('limits:=limits.yaml', 'image:=/a,/b'), '2 image topics; the contract has 1'),
        (('limits:=limits.yaml', 'robot:=cartpole_balanc'), 'did you mean cartpole_balance'),
        (('limits:=limits.yaml', 'robot:=cartpole_balance', 'source:=a.mp4'), 'give one of them'),
        (('limits:=limits.yaml', 'robot:=cartpole_balance', 'image:=/eye'), 'of another one'),
        (('limits:=limits.yaml', 'shadow:=yes'), 'choose one of true, false'),
    ],
)
def test_what_does_not_fit_is_said_before_anything_starts(deploy, words, line):
    launched = deploy(*words)
    assert launched.end() == 2
    assert line in launched.text
    assert launched.text.count('\n') == 1
