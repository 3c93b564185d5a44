"""Whatever ends motion ends it safely, whatever begins it begins it without a jump."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from safety_peer import HZ, Graph, Peer, files
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from test_node_main import environment

from claifo_nodes.safety_node import SafetyNode

RAMP_S = 0.6
PATIENT = {'watchdog_periods': 30}  # a busy machine makes faults of its own
JOINT = {'step': 0.1, 'position': [-100, 100], 'velocity': 1.0}
MOVING = {
    'meaning': 'velocity', 'on_fault': 'ramp_down', 'ramp_s': RAMP_S, 'plain': True,
    'joints': [{'name': 'a', **JOINT}, {'name': 'b', **JOINT}],
} | PATIENT  # fmt: skip
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture
def moving(ros, spin, tmp_path):
    """A robot that moves at 0.8."""
    g = Graph(ros, spin, files(tmp_path, **MOVING))
    g.peer.obey()
    move(g.peer, g.until)
    return g


def move(peer, until):
    asked_s = 0.0

    def moves():
        nonlocal asked_s
        if time.monotonic() - asked_s > 1 / HZ:
            asked_s = time.monotonic()
            peer.ask(0.8, 0.8)
        return peer.sent and peer.commands[-1][0] > 0.79

    until(moves)


def assert_slowed_down(commands):
    """It lost no more than the ramp takes away in a period, and stands."""
    speeds = np.array([0.8, *(command[0] for command in commands)])
    assert not commands[-1][0]
    assert (np.diff(speeds) <= 1e-6).all()  # an action is float32
    # Whoever looks late at a busy time takes away what is due since.
    assert len(commands) >= RAMP_S * 0.8 * HZ / 3


@pytest.mark.parametrize(
    'number', [Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVE_SHUTDOWN]
)
def test_deactivation_waits_for_the_standstill(moving, number):
    count = len(moving.peer.sent)
    assert moving.change(number)
    moving.until(lambda: not moving.peer.commands[-1][0])
    assert_slowed_down(moving.peer.commands[count:])


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_wait_for_the_standstill(ros, spin, tmp_path, number):
    given = files(tmp_path, **MOVING)
    words = [word for name, value in given.items() for word in ('-p', f'{name}:={value}')]
    node = subprocess.Popen(
        [sys.executable, '-m', 'claifo_nodes.safety_node', '--ros-args', *words],
        env=environment(), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ros()
        peer = Peer()
        until = spin(peer).until
        until(peer.actions.get_subscription_count, 60)
        peer.obey()
        move(peer, until)
        node.send_signal(number)
        node.send_signal(number)  # an impatient second one changes nothing
        count = len(peer.sent)
        until(lambda: node.poll() is not None)
        assert node.returncode == 0
        until(lambda: not peer.commands[-1][0])
        assert_slowed_down(peer.commands[count:])
    finally:
        node.kill()
        node.wait()


def test_after_a_reset_on_the_ramp_there_is_no_jump(moving):
    moving.call(moving.peer.estop)
    moving.until(lambda: moving.peer.commands[-1][0] < 0.6)
    assert moving.call(moving.peer.reset).success
    move(moving.peer, moving.until)
    speeds = [command[0] for command in moving.peer.commands]
    assert np.diff(speeds).max() <= JOINT['step'] + 1e-9
    assert np.diff(speeds).min() >= -2 / HZ / RAMP_S  # a late look takes away what is due since


def test_a_node_that_starts_again_goes_on_from_what_the_robot_does(ros, spin, tmp_path):
    ros(files(tmp_path, **MOVING))
    peer = Peer()
    peer.moves = np.array([0.7, -0.4])  # another one has commanded it, and is gone
    peer.obey()
    g = spin(SafetyNode(), peer)
    g.until(peer.actions.get_subscription_count)
    until_sent = time.monotonic()
    while not peer.sent:
        peer.ask(0.7, -0.4)
        g.rest(0.05)
        assert time.monotonic() - until_sent < 20
    assert peer.commands[0] == pytest.approx([0.7, -0.4], abs=1e-6)


def test_a_flood_is_no_faster_than_the_limits(ros, spin, tmp_path):
    joint = {'step': 0.5, 'position': [-10, 10], 'velocity': 2.0}
    g = Graph(ros, spin, files(
        tmp_path, 'position', on_fault='hold', plain=True, **PATIENT,
        joints=[{'name': 'a', **joint}, {'name': 'b', **joint}],
    ))  # fmt: skip
    g.until(g.peer.joints.get_subscription_count)
    g.peer.create_timer(0.01, lambda: g.peer.stand(0.0, 0.0))
    g.until(lambda: np.isfinite(g.node._gate._sense.place()).all())
    g.peer.create_timer(0.001, lambda: g.peer.ask(9, -9))
    g.until(lambda: g.peer.sent)
    begun_s, count = time.monotonic(), len(g.peer.sent)
    first = g.peer.commands[-1][0]
    g.rest(1.0)
    span_s = time.monotonic() - begun_s
    assert len(g.peer.sent) - count <= span_s * HZ + 2
    assert 0.5 < g.peer.commands[-1][0] - first <= 2.0 * (span_s + 2 / HZ)


@pytest.mark.parametrize('profile', [LATCHED, QoSProfile(depth=1), BEST_EFFORT])
def test_every_stop_is_heard_whatever_its_quality_of_service(ros, spin, tmp_path, profile):
    g = Graph(ros, spin, files(tmp_path))
    g.pass_on(0, 0.2)
    button = g.peer.create_publisher(Bool, 'estop', profile)
    g.until(button.get_subscription_count)
    button.publish(Bool(data=True))
    assert 'emergency stop, by topic' in g.fault()


def test_a_stop_that_was_pressed_before_is_heard(ros, spin, tmp_path):
    ros(files(tmp_path))
    peer = Peer()
    button = peer.create_publisher(Bool, 'estop', LATCHED)
    button.publish(Bool(data=True))
    g = spin(SafetyNode(), peer)
    g.until(lambda: peer.status)
    for _ in range(10):
        peer.ask(0, 0.2)
        g.rest(0.1)
    assert peer.sent == []
    assert (peer.status[-1].state, peer.status[-1].reason) == ('fault', 'emergency stop, by topic')


def test_a_pressed_stop_outlasts_the_lifecycle(ros, spin, tmp_path):
    g = Graph(ros, spin, files(tmp_path))
    g.pass_on(0, 0.2)
    g.peer.stop.publish(Bool(data=True))
    g.fault()
    names = ('DEACTIVATE', 'CLEANUP', 'CONFIGURE', 'ACTIVATE')
    for name in names:
        assert g.change(getattr(Transition, f'TRANSITION_{name}'))
    count = len(g.peer.sent)
    g.drive(0.5, 0.5, seconds=0.5)
    assert len(g.peer.sent) == count
    assert not g.call(g.peer.reset).success
    g.peer.stop.publish(Bool(data=False))
    g.until(lambda: g.call(g.peer.reset).success)
    g.until(g.node._commands.get_subscription_count)
    g.pass_on(0, 0.2)


def test_a_stop_may_be_called_in_every_state(ros, spin, tmp_path):
    g = Graph(ros, spin, files(tmp_path))
    for name in ('DEACTIVATE', 'CLEANUP', 'CONFIGURE', 'ACTIVATE'):
        assert g.change(getattr(Transition, f'TRANSITION_{name}'))
        assert g.call(g.peer.estop).success
        assert g.node._latch.fault == 'emergency stop, by service'
        assert g.call(g.peer.reset).success


def test_damaged_joint_states_are_counted(moving):
    moving.peer.joints.publish(JointState(name=['a', 'b'], position=[1e308, 0.0]))
    moving.until(lambda: moving.node._diagnostics.counts['joint_states'])
    assert moving.node.active


def test_nobody_changes_the_clock_of_a_node_that_works(moving):
    client = moving.peer.create_client(SetParameters, '/safety/set_parameters')
    moving.until(client.service_is_ready)
    simulated = Parameter('use_sim_time', value=True).to_parameter_msg()
    future = client.call_async(SetParameters.Request(parameters=[simulated]))
    moving.until(future.done)
    (result,) = future.result().results
    assert not result.successful and 'while the node is active' in result.reason
