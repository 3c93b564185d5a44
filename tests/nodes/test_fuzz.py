"""No message ends a node: 2 000 hostile ones for each topic and service (slow), some here."""

from __future__ import annotations

import array
import random

import numpy as np
import pytest
from claifo_msgs.msg import Action, PolicyWeights, StepBudget, TimeStep
from fuzz import Attacker
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import DescribeParameters, ListParameters, SetParameters
from rclpy.qos import qos_profile_parameters, qos_profile_services_default
from safety_peer import files
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger

from claifo_nodes import qos
from claifo_nodes.policy_node import PolicyNode
from claifo_nodes.recorder_node import RecorderNode
from claifo_nodes.safety_node import SafetyNode
from claifo_nodes.sim_node import SimNode

FEW, MANY = 60, 2000
EXTENT = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]


def stamped(node, message):
    message.header.stamp = node.get_clock().now().to_msg()
    return message


class Front:
    """Attacks a node on its topics and services, and sees that it works on."""

    def __init__(self, node, spinner, count):
        self.node, self.spinner, self.count = node, spinner, count
        self.rng = random.Random(7)

    def topic(self, topic, kind, profile, good):
        def now():
            return stamped(self.node, good()) if hasattr(kind(), 'header') else good()

        typename = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'
        self._attack(f'rt/{topic}', typename, profile, False, now)

    def service(self, name, kind, profile=qos_profile_services_default):
        typename = f'{kind.__module__.split(".")[0]}/srv/{kind.__name__}_Request'
        topic = f'rq/{self.node.get_name()}/{name}Request'
        self._attack(topic, typename, profile, True, kind.Request)

    def _attack(self, topic, typename, profile, service, good):
        attacker = Attacker(self.spinner.until, topic, typename, profile, service)
        attacker.attack(self.rng, good, self.count, self.spinner.rest)
        attacker.close()
        assert attacker.written > self.count // 4  # DDS keeps the rest from us

    def parameters(self):
        """Attack what every node offers."""
        self.service('set_parameters', SetParameters, qos_profile_parameters)
        self.service('describe_parameters', DescribeParameters, qos_profile_parameters)
        self.service('list_parameters', ListParameters, qos_profile_parameters)


@pytest.fixture
def front(ros, spin):
    def begin(kind, parameters, count):
        ros(parameters)
        node = kind()
        return Front(node, spin(node), count)

    return begin


@pytest.mark.parametrize('count', EXTENT)
@pytest.mark.parametrize('meaning', ['velocity', 'twist'])
def test_the_safety_node_outlives_hostile_messages(front, tmp_path, count, meaning):
    output = 'twist_stamped' if meaning == 'twist' else 'float64_multi_array'
    f = front(SafetyNode, files(tmp_path, meaning, output), count)
    f.topic('action', Action, qos.ACTION, lambda: Action(num_envs=1, data=[0.1, 0.1]))
    f.topic('estop', Bool, qos.STOP[1], Bool)
    if meaning == 'twist':
        f.topic('pose', PoseStamped, qos.SENSOR, PoseStamped)
    else:
        f.topic('joint_states', JointState, qos.SENSOR,
                lambda: JointState(name=['a', 'b'], position=[0.0, 0.0]))  # fmt: skip
        for name in ('estop', 'reset'):
            f.service(name, Trigger)
        f.parameters()
    assert f.node.active


@pytest.mark.parametrize('count', EXTENT)
def test_a_policy_of_a_learner_outlives_hostile_messages(front, count):
    f = front(PolicyNode, {}, count)
    step = {'task': 'any', 'run': 7, 'num_envs': 1, 'height': 16, 'width': 16, 'views': 1}

    def shown():
        return TimeStep(
            **step, frames=array.array('B', bytes(768)), action=[0.0], reward=[0.0],
            discount=[1.0], step_type=[0], success=[False],
        )  # fmt: skip

    f.topic('time_step', TimeStep, qos.TIME_STEP, shown)
    f.topic('weights', PolicyWeights, qos.WEIGHTS, lambda: PolicyWeights(task='any'))
    assert f.node.active


@pytest.mark.parametrize('count', EXTENT)
@pytest.mark.parametrize('kind', [Image, CompressedImage])
def test_a_recorder_outlives_hostile_messages(front, tmp_path, count, kind):
    f = front(RecorderNode, {'out': str(tmp_path / 'bag'), 'topics': ['/eye']}, count)
    picture = {'height': 8, 'width': 8, 'encoding': 'rgb8', 'step': 24}
    good = Image(**picture, data=array.array('B', bytes(192))) if kind is Image else kind()
    f.topic('eye', kind, qos.FILM, lambda: _copy(good))


def _copy(message):
    fields = {name: getattr(message, name) for name in message.get_fields_and_field_types()}
    return type(message)(**fields)


@pytest.mark.slow
@pytest.mark.parametrize('robot', [True, False])
def test_a_simulator_outlives_hostile_messages(front, robot):
    options = {'task': 'point_mass_easy', 'size_px': 16, 'robot': robot, 'num_envs': 1}
    f = front(SimNode, options, MANY)
    if robot:
        f.topic('commands', Float64MultiArray, qos.ACTION,
                lambda: Float64MultiArray(data=[0.0, 0.0]))  # fmt: skip
    else:
        f.topic('action', Action, qos.ACTION, lambda: Action(num_envs=1, data=[0.1, 0.1]))
        f.topic('step_budget', StepBudget, qos.BUDGET, StepBudget)


def test_hostile_transitions_change_nothing_that_works(front, tmp_path):
    f = front(SafetyNode, files(tmp_path), FEW)
    f.service('change_state', ChangeState)
    assert np.isfinite(f.node._period_s)
