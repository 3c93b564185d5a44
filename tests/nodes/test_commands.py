"""Commands to messages and back, and what a shadow tells of them."""

from __future__ import annotations

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from hypothesis import given
from hypothesis import strategies as st
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from claifo_core.deploy import contract
from claifo_core.deploy.action import ActionPart
from claifo_nodes import commands
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.shadow import Shadow

FORMS = [('float64_multi_array', 'effort'), ('action', 'velocity'), ('twist_stamped', 'twist'),
         ('joint_trajectory', 'position'), ('joint_trajectory', 'velocity')]  # fmt: skip


def part(output='float64_multi_array', meaning='effort'):
    names = ('angular.z', 'linear.x') if meaning == 'twist' else ('a', 'b')
    return ActionPart(output, '/commands', meaning, names, (2.0, 1.0), (0.5, 0.0))


@pytest.mark.parametrize(('output', 'meaning'), FORMS)
@given(values=st.tuples(*[st.floats(-100, 100, width=32)] * 2))
def test_what_is_sent_is_what_was_meant(output, meaning, values):
    form = part(output, meaning)
    message = commands.encode(form, np.array(values), Time(sec=3), 0.1)
    assert isinstance(message, commands.KINDS[output])
    assert np.array_equal(commands.decode(form, message), values)


def test_a_trajectory_is_read_by_the_names_of_its_joints():
    form = part('joint_trajectory', 'position')
    message = commands.encode(form, np.array([1.0, 2.0]), Time(), 0.1)
    message.joint_names = ['b', 'a']
    assert list(commands.decode(form, message)) == [2, 1]
    message.joint_names = ['b', 'c']
    assert commands.decode(form, message) is None
    assert commands.decode(form, JointTrajectory()) is None


def test_a_shadow_tells_how_far_it_is_from_the_others(ros, spin):
    ros()
    node, peer = Node('shadowed'), Node('peer')
    camera = contract.Camera('/eye', 'rgb8', 8, 8, 1.0)
    agreed = contract.Contract(contract.FORMAT, 'any', 1.0, 8, 1, (camera,), part())
    shadow = Shadow(node, agreed, Diagnostics(node))
    others = peer.create_publisher(Float64MultiArray, '/commands', 1)
    told = {}

    def take(message):
        told.update({v.key: v.value for s in message.status for v in s.values})

    peer.create_subscription(DiagnosticArray, '/diagnostics', take, 10)
    spinner = spin(node, peer)
    shadow.compare(np.array([0.0, 0.0]))  # nobody else acts yet
    spinner.until(others.get_subscription_count)
    others.publish(Float64MultiArray(data=[0.7, -1.0]))
    spinner.until(lambda: shadow._others is not None)
    shadow.compare(np.array([0.0, 0.0]))
    shadow.compare(np.array([0.1, 1.0]))
    spinner.until(lambda: told.get('shadow_max', '-') != '-')
    assert told['shadow_max'] == 'a 0.2, b 2'
    assert told['shadow_mean'] == 'a 0.1, b 1.5'
    assert told['shadow_alone'] == '1'
