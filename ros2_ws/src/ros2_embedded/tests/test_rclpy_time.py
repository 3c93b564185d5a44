"""Time, durations, clocks, simulated time; names; logging."""

from __future__ import annotations

import pytest
from builtin_interfaces.msg import Time as TimeMessage
from hypothesis import given
from hypothesis import strategies as st
from rcl_interfaces.msg import Log
from rclpy.clock import Clock, ClockChange, JumpThreshold, ROSClock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidTopicNameException,
)
from rclpy.expand_topic_name import expand_topic_name
from rclpy.logging import LoggingSeverity, get_logger, set_logger_level
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import _qos_profile_rosout
from rclpy.time import Time
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_node_name import validate_node_name
from rclpy.validate_topic_name import validate_topic_name
from rosgraph_msgs.msg import Clock as ClockMessage

NANOSECONDS = st.integers(0, 2**61)


@given(NANOSECONDS, NANOSECONDS)
def test_times_and_durations_add_up(a, b):
    time, span = Time(nanoseconds=a), Duration(nanoseconds=b)
    assert (time + span).nanoseconds == a + b
    assert (time + span) - span == time
    assert (time + span) - time == span
    assert (time < Time(nanoseconds=b)) == (a < b)
    assert (Duration(nanoseconds=a) >= span) == (a >= b)


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**9 - 1))
def test_times_go_into_messages_and_back(seconds, nanoseconds):
    time = Time(seconds=seconds, nanoseconds=nanoseconds, clock_type=ClockType.ROS_TIME)
    message = time.to_msg()
    assert (message.sec, message.nanosec) == (seconds, nanoseconds)
    assert Time.from_msg(message) == time
    assert time.seconds_nanoseconds() == (seconds, nanoseconds)
    span = Duration(nanoseconds=-nanoseconds)
    assert Duration.from_msg(span.to_msg()) == span


def test_times_of_different_clocks_do_not_mix():
    with pytest.raises(TypeError, match='different clock types'):
        Time(nanoseconds=1) < Time(nanoseconds=2, clock_type=ClockType.ROS_TIME)
    with pytest.raises(ValueError, match='negative'):
        Time(seconds=-1)


def test_clocks():
    assert isinstance(Clock(clock_type=ClockType.ROS_TIME), ROSClock)
    steady = Clock(clock_type=ClockType.STEADY_TIME)
    assert steady.now() <= steady.now()
    assert abs(Clock().now().nanoseconds - ROSClock().now().nanoseconds) < 1e9


def test_sleeping(ros):
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    begun = clock.now()
    assert clock.sleep_for(Duration(seconds=0.05))
    assert clock.now() - begun >= Duration(seconds=0.05)


def test_simulated_time_drives_clock_and_timers(ros, until):
    driver, jumps, calls = ros.create_node('driver'), [], []
    node = Node('a', parameter_overrides=[Parameter('use_sim_time', value=True)])
    clock = node.get_clock()
    clock.create_jump_callback(
        JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
        post_callback=jumps.append,
    )
    assert clock.ros_time_is_active
    node.create_timer(1.0, lambda: calls.append(clock.now().nanoseconds))
    publisher = driver.create_publisher(ClockMessage, '/clock', 1)

    def show(seconds):
        message = ClockMessage(clock=TimeMessage(sec=seconds))
        until([driver, node], lambda: publisher.publish(message) or (
            clock.now().nanoseconds == seconds * 10**9))  # fmt: skip

    show(100)
    show(101)
    until([driver, node], lambda: len(calls) == 2)
    assert calls == [100 * 10**9, 101 * 10**9]
    show(7)
    assert [j.delta.nanoseconds for j in jumps] == [-94 * 10**9]
    assert jumps[0].clock_change == ClockChange.ROS_TIME_NO_CHANGE
    node.set_parameters([Parameter('use_sim_time', value=False)])
    assert not clock.ros_time_is_active
    assert clock.now().nanoseconds > 10**18


TOKEN = st.from_regex(r'[A-Za-z_][A-Za-z0-9_]{0,10}', fullmatch=True)


@given(st.lists(TOKEN, min_size=1, max_size=4), TOKEN)
def test_valid_names_expand_to_valid_names(parts, node):
    name = '/'.join(parts)
    assert validate_topic_name(name)
    assert expand_topic_name(name, node, '/') == f'/{name}'
    assert expand_topic_name(name, node, '/left') == f'/left/{name}'
    assert expand_topic_name(f'/{name}', node, '/left') == f'/{name}'
    assert expand_topic_name(f'~/{name}', node, '/left') == f'/left/{node}/{name}'


@pytest.mark.parametrize('name', ['', 'a b', '1a', 'a/', 'a//b', 'a/1', 'a~', '~a', 'ä', 'a-b'])
def test_invalid_topic_names(name):
    with pytest.raises(InvalidTopicNameException):
        validate_topic_name(name)


@pytest.mark.parametrize('name', ['', 'a/b', '1a', 'a b', 'x' * 256])
def test_invalid_node_names(name):
    with pytest.raises(InvalidNodeNameException):
        validate_node_name(name)


@pytest.mark.parametrize('name', ['', 'a', '/a/', '//', '/1'])
def test_invalid_namespaces(name):
    with pytest.raises(InvalidNamespaceException):
        validate_namespace(name)


def test_log_lines_have_the_form_of_ros(capfd):
    logger = get_logger('robot')
    logger.warning('hot')
    line = capfd.readouterr().err
    assert line.startswith('[WARN] [')
    assert line.endswith('] [robot]: hot\n')
    assert not logger.debug('quiet')
    set_logger_level('robot', LoggingSeverity.DEBUG)
    assert logger.get_child('arm').debug('loud')
    set_logger_level('robot', LoggingSeverity.UNSET)
    assert not logger.get_child('arm').debug('quiet')


def test_log_lines_can_be_said_once_or_seldom():
    logger = get_logger('seldom')
    assert [logger.info('x', once=True) for _ in range(3)] == [True, False, False]
    assert [logger.info('x', skip_first=True) for _ in range(3)] == [False, True, True]
    said = [logger.info('x', throttle_duration_sec=60) for _ in range(3)]
    assert said == [True, False, False]
    with pytest.raises(TypeError, match='onec'):
        logger.info('x', onec=True)


def test_log_lines_go_to_rosout(ros, until):
    node, lines = ros.create_node('a'), []
    node.get_logger().error('broken')
    node.create_subscription(Log, '/rosout', lines.append, _qos_profile_rosout)
    until([node], lambda: lines)
    assert (lines[0].msg, lines[0].level, lines[0].name) == ('broken', 40, 'a')
    assert lines[0].function == 'test_log_lines_go_to_rosout'
