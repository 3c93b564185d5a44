"""Nodes as programs use them: topics, services, timers, the graph."""

from __future__ import annotations

import array
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import (
    InvalidNodeNameException,
    InvalidTopicNameException,
    NotInitializedException,
    NoTypeSupportImportedException,
    ROSInterruptException,
)
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
)
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.task import Future
from rclpy.wait_for_message import wait_for_message
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

EXECUTORS = [SingleThreadedExecutor, MultiThreadedExecutor]


@pytest.mark.parametrize('kind', EXECUTORS)
def test_messages_arrive_in_order(ros, until, kind):
    node, heard = ros.create_node('a'), []
    node.create_subscription(String, 'words', lambda m: heard.append(m.data), 100)
    publisher = node.create_publisher(String, 'words', 100)
    for number in range(50):
        publisher.publish(String(data=str(number)))
    until([node], lambda: len(heard) == 50, executor=kind())
    assert heard == [str(number) for number in range(50)]


def test_images_keep_their_bytes(ros, until):
    node, seen = ros.create_node('a'), []
    node.create_subscription(Image, 'image', seen.append, qos_profile_sensor_data)
    publisher = node.create_publisher(Image, 'image', qos_profile_sensor_data)
    pixels = np.random.default_rng(0).integers(0, 256, 30 * 40 * 3, np.uint8)
    message = Image(height=30, width=40, encoding='rgb8', step=120)
    message.data = array.array('B', pixels.tobytes())
    until([node], lambda: publisher.publish(message) or seen)
    np.testing.assert_array_equal(np.frombuffer(seen[0].data, np.uint8), pixels)
    assert (seen[0].height, seen[0].width, seen[0].encoding) == (30, 40, 'rgb8')


def test_raw_subscriptions_get_bytes_and_raw_publishers_take_them(ros, until):
    node, seen = ros.create_node('a'), []
    node.create_subscription(String, 'x', lambda d, i: seen.append((d, i)), 10, raw=True)
    publisher = node.create_publisher(String, 'x', 10)
    publisher.publish(serialize_message(String(data='raw')))
    until([node], lambda: seen)
    data, info = seen[0]
    assert deserialize_message(data, String).data == 'raw'
    assert 0 < info['source_timestamp'] <= info['received_timestamp']


def test_latched_messages_reach_late_subscriptions(ros, until):
    node, heard = ros.create_node('a'), []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_publisher(String, 'map', latched).publish(String(data='here'))
    node.create_subscription(String, 'map', heard.append, latched)
    until([node], lambda: heard)
    assert heard[0].data == 'here'


def test_wait_for_message(ros):
    node = ros.create_node('a')
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_publisher(String, 'map', latched).publish(String(data='here'))
    found, message = wait_for_message(String, node, 'map', qos_profile=latched, time_to_wait=5)
    assert found
    assert message.data == 'here'
    assert wait_for_message(String, node, 'nothing', time_to_wait=0.1) == (False, None)


def test_destroyed_subscriptions_are_silent(ros, until):
    node, heard, other = ros.create_node('a'), [], []
    gone = node.create_subscription(String, 'x', heard.append, 10)
    node.create_subscription(String, 'x', other.append, 10)
    publisher = node.create_publisher(String, 'x', 10)
    assert node.destroy_subscription(gone)
    assert not node.destroy_subscription(gone)
    publisher.publish(String(data='x'))
    until([node], lambda: other)
    assert not heard


def test_an_exception_in_a_callback_comes_out_of_spin(ros):
    node = ros.create_node('a')

    def fail():
        raise ZeroDivisionError('here')

    node.create_timer(0.01, fail)
    for kind in EXECUTORS:
        executor = kind()
        executor.add_node(node)
        with pytest.raises(ZeroDivisionError, match='here'):
            executor.spin()
        executor.shutdown()


def test_timers_keep_their_rate_and_can_be_stopped(ros, until):
    node, calls = ros.create_node('a'), []
    timer = node.create_timer(0.02, lambda: calls.append(time.monotonic()))
    until([node], lambda: len(calls) == 6)
    assert calls[5] - calls[0] >= 0.09
    timer.cancel()
    assert timer.is_canceled()
    assert timer.time_until_next_call() is None
    count = len(calls)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.spin_once(timeout_sec=0.1)
    assert len(calls) == count
    timer.reset()
    executor.spin_once(timeout_sec=1.0)
    assert len(calls) == count + 1
    assert timer.timer_period_ns == 20_000_000


def test_guard_conditions_wake_from_another_thread(ros, until):
    node, called = ros.create_node('a'), []
    guard = node.create_guard_condition(lambda: called.append(1))
    threading.Timer(0.05, guard.trigger).start()
    until([node], lambda: called)


def test_a_rate_sleeps_in_another_thread_and_ends_with_the_context(ros):
    node = ros.create_node('a')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    rate, slept = node.create_rate(50), []

    def sleep():
        try:
            while True:
                rate.sleep()
                slept.append(1)
        except ROSInterruptException:
            slept.append('ended')

    thread = threading.Thread(target=sleep)
    thread.start()
    while len(slept) < 3:
        executor.spin_once(timeout_sec=0.1)
    ros.try_shutdown()
    thread.join(5)
    assert slept[-1] == 'ended'


def flip(request, response):
    response.success, response.message = not request.data, 'flipped'
    return response


def test_services_answer(ros, until):
    server, asker = ros.create_node('server'), ros.create_node('asker')
    server.create_service(SetBool, '~/flip', flip)
    client = asker.create_client(SetBool, 'server/flip')
    assert client.wait_for_service(5)
    futures = [client.call_async(SetBool.Request(data=bool(i % 2))) for i in range(5)]
    until([server, asker], lambda: all(f.done() for f in futures))
    assert [f.result().success for f in futures] == [True, False, True, False, True]


def test_two_clients_of_a_service_get_their_own_answers(ros, until):
    node = ros.create_node('a')
    node.create_service(SetBool, 'flip', flip)
    one, two = node.create_client(SetBool, 'flip'), node.create_client(SetBool, 'flip')
    assert one.wait_for_service(5)
    assert two.wait_for_service(5)
    futures = [one.call_async(SetBool.Request(data=True)), two.call_async(SetBool.Request())]
    until([node], lambda: all(f.done() for f in futures))
    assert [f.result().success for f in futures] == [False, True]


def test_a_blocking_call_beside_a_spinning_thread(ros):
    node = ros.create_node('a')
    node.create_service(Trigger, 'go', lambda q, r: setattr(r, 'success', True) or r)
    client = node.create_client(Trigger, 'go')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=lambda: rclpy.ok() and executor.spin())
    thread.start()
    assert client.wait_for_service(5)
    assert client.call(Trigger.Request(), timeout_sec=5).success
    executor.shutdown()
    thread.join(5)
    assert not thread.is_alive()


def test_a_service_that_is_not_there(ros):
    client = ros.create_node('a').create_client(Trigger, 'nowhere')
    assert not client.wait_for_service(0.1)
    assert not client.service_is_ready()


def test_coroutines_wait_for_services(ros, until):
    node, found = ros.create_node('a'), []
    group = ReentrantCallbackGroup()
    node.create_service(SetBool, 'flip', flip, callback_group=group)
    client = node.create_client(SetBool, 'flip', callback_group=group)
    assert client.wait_for_service(5)

    async def ask():
        timer.cancel()
        found.append((await client.call_async(SetBool.Request(data=True))).message)

    timer = node.create_timer(0.0, ask)
    until([node], lambda: found)
    assert found == ['flipped']


def test_futures(ros):
    node, told = ros.create_node('a'), []
    future = Future()
    future.add_done_callback(told.append)
    threading.Timer(0.05, future.set_result, (7,)).start()
    rclpy.spin_until_future_complete(node, future, timeout_sec=5)
    assert future.result() == 7
    assert told == [future]
    never = Future()
    begun = time.monotonic()
    rclpy.spin_until_future_complete(node, never, timeout_sec=0.1)
    assert time.monotonic() - begun < 3
    assert not never.done()
    never.cancel()
    assert never.cancelled()
    failed = Future()
    failed.set_exception(KeyError('x'))
    with pytest.raises(KeyError):
        failed.result()


def test_tasks_run_in_the_executor(ros):
    executor = SingleThreadedExecutor()
    task = executor.create_task(lambda a, b: a + b, 2, b=3)
    executor.spin_until_future_complete(task, timeout_sec=2)
    assert task.result() == 5


@pytest.mark.parametrize(
    ('group', 'together'), [(MutuallyExclusiveCallbackGroup, 1), (ReentrantCallbackGroup, 4)]
)
def test_callback_groups_rule_what_runs_at_the_same_time(ros, until, group, together):
    node, rule = ros.create_node('a'), group()
    lock, running, most, calls = threading.Lock(), [0], [0], [0]

    def work():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.03)
        with lock:
            running[0] -= 1
            calls[0] += 1

    for _ in range(2):
        node.create_timer(0.01, work, callback_group=rule)
    until([node], lambda: calls[0] >= 8, executor=MultiThreadedExecutor(4))
    assert most[0] == together  # a timer of a reentrant group overlaps itself, too


def test_a_busy_group_does_not_hold_another_up(ros, until):
    node, heard, released = ros.create_node('a'), [], threading.Event()
    slow, fast = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
    node.create_subscription(
        String, 'slow', lambda m: released.wait(5), 10, callback_group=slow
    )
    node.create_subscription(String, 'fast', heard.append, 10, callback_group=fast)
    one, two = node.create_publisher(String, 'slow', 10), node.create_publisher(String, 'fast', 10)
    executor = MultiThreadedExecutor(2)
    one.publish(String())
    one.publish(String())
    for _ in range(5):
        two.publish(String())
    until([node], lambda: len(heard) == 5 and not released.set(), executor=executor)


def test_the_graph_is_known(ros, until):
    server, asker = ros.create_node('server', namespace='/left'), ros.create_node('asker')
    server.create_publisher(Image, 'camera', qos_profile_sensor_data)
    server.create_service(Trigger, 'go', lambda q, r: r)
    asker.create_subscription(Image, '/left/camera', lambda m: None, qos_profile_sensor_data)
    asker.create_client(Trigger, '/left/go')
    assert set(asker.get_node_names_and_namespaces()) == {('server', '/left'), ('asker', '/')}
    assert ('/left/camera', ['sensor_msgs/msg/Image']) in asker.get_topic_names_and_types()
    assert ('/left/go', ['std_srvs/srv/Trigger']) in asker.get_service_names_and_types()
    assert asker.count_publishers('/left/camera') == asker.count_subscribers('/left/camera') == 1
    assert asker.count_services('/left/go') == asker.count_clients('/left/go') == 1
    published = dict(asker.get_publisher_names_and_types_by_node('server', '/left'))
    assert published['/left/camera'] == ['sensor_msgs/msg/Image']
    heard = dict(asker.get_subscriber_names_and_types_by_node('asker', '/'))
    assert '/left/camera' in heard
    assert '/left/go' in dict(asker.get_service_names_and_types_by_node('server', '/left'))
    assert '/left/go' in dict(asker.get_client_names_and_types_by_node('asker', '/'))
    (info,) = asker.get_publishers_info_by_topic('/left/camera')
    assert (info.node_name, info.node_namespace) == ('server', '/left')
    assert info.topic_type == 'sensor_msgs/msg/Image'
    assert info.topic_type_hash.startswith('RIHS01_')
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert asker.wait_for_node('/left/server', 1)
    server.destroy_node()
    assert asker.get_node_names() == ['asker']


def test_incompatible_qos_is_told(ros, until):
    node, told = ros.create_node('a'), []
    node.create_publisher(String, 'x', qos_profile_sensor_data)
    events = SubscriptionEventCallbacks(incompatible_qos=told.append)
    node.create_subscription(String, 'x', lambda m: None, 1, event_callbacks=events)
    until([node], lambda: told)
    assert told[0].total_count == 1


def test_missed_deadlines_are_told(ros, until):
    node, told = ros.create_node('a'), []
    profile = QoSProfile(depth=1, deadline=Duration(seconds=0.05))
    publisher = node.create_publisher(String, 'x', profile)
    events = SubscriptionEventCallbacks(deadline=told.append)
    node.create_subscription(String, 'x', lambda m: None, profile, event_callbacks=events)
    publisher.publish(String())
    until([node], lambda: told)


def test_names_and_types_are_checked(ros):
    node = ros.create_node('a')
    with pytest.raises(InvalidNodeNameException):
        ros.create_node('a b')
    with pytest.raises(InvalidTopicNameException):
        node.create_publisher(String, 'a//b', 1)
    with pytest.raises(NoTypeSupportImportedException):
        node.create_publisher(int, 'x', 1)
    with pytest.raises(TypeError):
        node.create_publisher(String, 'x', 1).publish(Image())
    with pytest.raises(TypeError):
        node.create_client(Trigger, 'x').call_async(SetBool.Request())


def test_what_is_not_there_says_so(ros):
    node = ros.create_node('a')
    with pytest.raises(NotImplementedError, match='content filters'):
        node.create_subscription(String, 'x', print, 1, content_filter_options=object())
    with pytest.raises(NotImplementedError, match='logger service'):
        Node('b', enable_logger_service=True)


def test_nothing_works_before_init_and_after_shutdown():
    with pytest.raises(NotInitializedException):
        Node('a')
    assert rclpy.init(args=[]) is None
    assert rclpy.ok()
    with pytest.raises(RuntimeError):
        rclpy.init(args=[])
    rclpy.shutdown()
    assert not rclpy.ok()
    with pytest.raises(NotInitializedException, match='cannot create node'):
        Node('a')
    with pytest.raises(RuntimeError):
        rclpy.shutdown()
    rclpy.try_shutdown()


def test_contexts_are_apart():
    with rclpy.Context() as one:
        assert one.ok()
        assert not rclpy.ok()
        node = Node('a', context=one)
        assert node.context is one
        assert one.get_domain_id() == int(os.environ['ROS_DOMAIN_ID'])


def test_qos_profiles():
    assert QoSProfile(depth=5) == QoSProfile(depth=5)
    assert QoSProfile(depth=5).history == HistoryPolicy.KEEP_LAST
    assert QoSProfile(history=HistoryPolicy.KEEP_ALL)._transport().depth == 0
    assert qos_profile_sensor_data.depth == 5
    with pytest.raises(Exception, match='History'):
        QoSProfile()


PROGRAM = """
import ros2_embedded; ros2_embedded.install()
import rclpy, sys
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
rclpy.init()
node = rclpy.create_node('program')
print('ready', flush=True)
try:
    rclpy.spin(node, MultiThreadedExecutor() if sys.argv[1] == 'many' else None)
except (KeyboardInterrupt, ExternalShutdownException) as end:
    print(type(end).__name__, rclpy.ok(), flush=True)
node.destroy_node()
rclpy.try_shutdown()
"""


@pytest.mark.parametrize('threads', ['one', 'many'])
@pytest.mark.parametrize(
    ('number', 'name'),
    [(signal.SIGINT, 'KeyboardInterrupt'), (signal.SIGTERM, 'ExternalShutdownException')],
)
def test_signals_end_a_spinning_program(threads, number, name):
    import ros2_embedded

    root = os.path.dirname(os.path.dirname(ros2_embedded.__file__))
    child = subprocess.Popen(
        [sys.executable, '-c', PROGRAM, threads], stdout=subprocess.PIPE, text=True,
        env=os.environ | {'PYTHONPATH': root},
    )  # fmt: skip
    assert child.stdout.readline() == 'ready\n'
    time.sleep(0.5)  # until it spins
    child.send_signal(number)
    returns = threads == 'many' and number == signal.SIGTERM  # without an exception
    assert child.communicate(timeout=10)[0] == ('' if returns else f'{name} False\n')
    assert child.returncode == 0


