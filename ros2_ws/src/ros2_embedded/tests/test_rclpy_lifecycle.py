"""Managed nodes: the state machine of ROS 2, from inside and by services."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import Transition, TransitionEvent
from lifecycle_msgs.srv import (
    ChangeState,
    GetAvailableStates,
    GetAvailableTransitions,
    GetState,
)
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from std_msgs.msg import String

SUCCESS, FAILURE, ERROR = TransitionCallbackReturn


class Robot(LifecycleNode):
    def __init__(self):
        super().__init__('robot')
        self.seen, self.answers = [], {}

    def __getattribute__(self, name):
        if name in ('on_configure', 'on_activate', 'on_deactivate', 'on_cleanup', 'on_shutdown'):
            return lambda state: self.step(name.removeprefix('on_'), state)
        return super().__getattribute__(name)

    def step(self, name, state):
        self.seen.append((name, state.label))
        answer = self.answers.get(name, SUCCESS)
        if isinstance(answer, Exception):
            raise answer
        getattr(super(), f'on_{name}')(state)
        return answer


@pytest.fixture
def robot(ros):
    return Robot()



def test_the_whole_cycle(robot):
    for name in ('configure', 'activate', 'deactivate', 'cleanup', 'configure', 'shutdown'):
        assert getattr(robot, f'trigger_{name}')() == SUCCESS
    assert robot.seen == [
        ('configure', 'unconfigured'), ('activate', 'inactive'), ('deactivate', 'active'),
        ('cleanup', 'inactive'), ('configure', 'unconfigured'), ('shutdown', 'inactive'),
    ]  # fmt: skip


def test_what_is_not_possible_raises(robot):
    with pytest.raises(RuntimeError, match=r"Failed to trigger .*'activate'.*'unconfigured'"):
        robot.trigger_activate()


def test_failure_keeps_the_state(robot):
    robot.answers['configure'] = FAILURE
    assert robot.trigger_configure() == FAILURE
    robot.answers.clear()
    assert robot.trigger_configure() == SUCCESS


@pytest.mark.parametrize('problem', [ERROR, ValueError('broken')])
def test_an_error_finalizes_unless_it_is_solved(robot, problem):
    robot.answers['configure'] = problem
    assert robot.trigger_configure() == ERROR
    with pytest.raises(RuntimeError, match='finalized'):
        robot.trigger_configure()


def test_a_solved_error_leads_back(robot):
    robot.on_error = lambda state: SUCCESS
    robot.answers['configure'] = ERROR
    assert robot.trigger_configure() == ERROR
    robot.answers.clear()
    assert robot.trigger_configure() == SUCCESS


def test_lifecycle_publishers_are_silent_until_active(ros, robot, until):
    heard = []
    robot.create_subscription(String, 'x', heard.append, 10)
    publisher = robot.create_lifecycle_publisher(String, 'x', 10)
    publisher.publish(String(data='dropped'))
    robot.trigger_configure()
    robot.trigger_activate()
    assert publisher.is_activated
    publisher.publish(String(data='sent'))
    until([robot], lambda: heard)
    assert [m.data for m in heard] == ['sent']


def test_services_and_events(ros, robot, until):
    asker, events = ros.create_node('asker'), []
    asker.create_subscription(TransitionEvent, 'robot/transition_event', events.append, 10)

    def call(kind, name, **fields):
        client = asker.create_client(kind, f'robot/{name}')
        assert client.wait_for_service(5)
        future = client.call_async(kind.Request(**fields))
        until([robot, asker], future.done)
        return future.result()

    def change(**transition):
        return call(ChangeState, 'change_state', transition=Transition(**transition)).success

    assert call(GetState, 'get_state').current_state.label == 'unconfigured'
    assert change(id=Transition.TRANSITION_CONFIGURE)
    assert change(label='activate')
    assert not change(label='configure')
    assert call(GetState, 'get_state').current_state.id == 3
    now = call(GetAvailableTransitions, 'get_available_transitions').available_transitions
    assert {t.transition.label for t in now} == {'deactivate', 'shutdown'}
    assert len(call(GetAvailableStates, 'get_available_states').available_states) == 11
    assert len(call(GetAvailableTransitions, 'get_transition_graph').available_transitions) == 25
    until([robot, asker], lambda: len(events) == 4)
    goals = [event.goal_state.label for event in events]
    assert goals == ['configuring', 'inactive', 'activating', 'active']
    names = [event.transition.label for event in events]
    assert names == ['configure', 'transition_success', 'activate', 'transition_success']
