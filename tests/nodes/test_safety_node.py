"""The safety node in a graph: what reaches the robot, and what does not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from claifo_msgs.msg import SafetyStatus
from geometry_msgs.msg import TwistStamped
from safety_peer import Graph, files
from std_msgs.msg import Bool, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from claifo_core.errors import ClaifoError
from claifo_nodes import safety_node
from claifo_nodes.safety_node import SafetyNode


@pytest.fixture
def graph(ros, spin, tmp_path):
    def start(kind=Float64MultiArray, **changes):
        return Graph(ros, spin, files(tmp_path, **changes), kind)

    return start


def test_commands_are_scaled_clipped_and_told(graph):
    g = graph()
    assert list(g.pass_on(0.1, 0.2).data) == pytest.approx([0.5, 0.2])  # 0.7, but one step is 0.5
    assert list(g.pass_on(0.1, 0.2).data) == pytest.approx([0.7, 0.2])
    told = g.until(lambda: len(found := g.told('running')) == 2 and found)
    first, second = told
    assert (first.clipped, second.clipped) == ([True, False], [False, False])
    assert list(first.requested) == pytest.approx([0.7, 0.2])
    assert first.names == ['a', 'b'] and first.state == 'running'


@pytest.mark.parametrize(
    ('numbers', 'reason'),
    [((float('nan'), 0), 'not finite'), ((0, float('inf')), 'not finite'), ((0,), '1 numbers')],
)
def test_an_impossible_action_is_a_fault_until_it_is_reset(graph, numbers, reason):
    g = graph()
    g.pass_on(0, 0.2)
    g.peer.ask(*numbers)
    assert reason in g.fault()
    g.until(lambda: list(g.peer.sent[-1].data) == [0, 0])
    g.peer.ask(0, 0.2)
    g.rest(0.2)
    assert list(g.peer.sent[-1].data) == [0, 0]
    answer = g.call(g.peer.reset)
    assert answer.success and reason in answer.message
    assert list(g.pass_on(-0.25, 0.2).data) == pytest.approx([0, 0.2])


def test_states_are_single_words():
    words = (SafetyStatus.WAITING, SafetyStatus.RUNNING, SafetyStatus.FAULT)
    assert words == ('waiting', 'running', 'fault')


def test_silence_is_a_fault_in_time(graph):
    g = graph()
    g.pass_on(0, 0.2)
    begun_s = time.monotonic()
    assert 'camera or policy is silent' in g.fault()
    assert 0.15 < time.monotonic() - begun_s < 0.6  # two periods are 0.2 s
    count = len(g.peer.sent)
    g.rest(0.5)
    assert 3 <= len(g.peer.sent) - count <= 7  # the safe action goes on at the control rate


def test_a_policy_that_goes_on_with_an_old_image_is_a_fault(graph):
    g = graph()
    g.pass_on(0, 0.2)
    g.peer.ask(0, 0.2, age_s=0.5)
    assert 'stale images' in g.fault()


def test_the_emergency_stop(graph):
    g = graph()
    g.pass_on(0, 0.2)
    g.peer.stop.publish(Bool(data=True))
    assert 'emergency stop, by topic' in g.fault()
    assert 'still pressed' in g.call(g.peer.reset).message
    g.peer.stop.publish(Bool(data=False))
    g.until(lambda: g.call(g.peer.reset).success)
    g.pass_on(0, 0.2)
    assert g.call(g.peer.estop).success
    assert 'by service' in g.fault()


def test_positions_begin_where_the_robot_is_whatever_the_order_of_its_joints(graph):
    g = graph(meaning='position', on_fault='hold')
    g.peer.ask(0, 0)
    g.rest(0.2)
    assert g.peer.sent == []  # nobody knows where the joints are
    g.until(g.peer.joints.get_subscription_count)
    g.peer.stand(0.9, -0.8)  # b, a
    g.until(lambda: np.isfinite(g.node._gate._sense.place()).all())
    assert list(g.pass_on(0, 0).data) == pytest.approx([-0.6, 0.7])  # 2 rad/s for 0.1 s


def test_joint_states_without_a_joint_tell_nothing(graph):
    g = graph(meaning='position', on_fault='hold')
    g.until(g.peer.joints.get_subscription_count)
    g.peer.stand(0.9, -0.8, names=('b', 'c'))
    g.peer.ask(0, 0)
    g.until(lambda: g.node._diagnostics.counts['waiting'])
    assert g.peer.sent == []


def test_trajectories_have_names_and_a_time(graph):
    g = graph(JointTrajectory, meaning='position', output='joint_trajectory', on_fault='hold')
    g.until(g.peer.joints.get_subscription_count)
    g.peer.stand(0.0, 0.4)
    g.until(lambda: np.isfinite(g.node._gate._sense.place()).all())
    message = g.pass_on(0, 0.1)
    assert message.joint_names == ['a', 'b']
    assert list(message.points[0].positions) == pytest.approx([0.5, 0.1])
    assert message.points[0].time_from_start.nanosec == 100_000_000
    # Now, for the controller: a stamp of ours would be in its past when it arrives.
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (0, 0)


def test_twists_need_to_know_where_the_body_is(graph):
    g = graph(TwistStamped, meaning='twist', output='twist_stamped')
    g.peer.ask(0, 0)
    g.rest(0.2)
    assert g.peer.sent == []


def test_a_controller_that_never_subscribes_is_said(ros, spin, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(safety_node, '_ALONE_S', 0.5)
    ros(files(tmp_path))
    node = SafetyNode()
    spin(node).until(lambda: node._diagnostics.counts['no_controller'])
    lines = capfd.readouterr().err.splitlines()
    assert ['nobody listens on /robot/commands' in line for line in lines] == [True]


@pytest.mark.parametrize('missing', ['contract', 'limits'])
def test_without_limits_or_contract_nothing_starts(ros, spin, tmp_path, missing):
    given = files(tmp_path)
    del given[missing]
    ros(given)
    with pytest.raises(ClaifoError, match=f'parameter {missing} is empty'):
        spin(SafetyNode()).until(lambda: False, 2)
