"""Nodes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rcl_interfaces.msg import Log, ParameterEvent

from rclpy import _arguments, _names
from rclpy._graph import GraphNode
from rclpy._parameters import ParameterNode
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ROSClock
from rclpy.context import Context
from rclpy.event_handler import EventHandler
from rclpy.exceptions import NotInitializedException
from rclpy.executors import Executor
from rclpy.guard_condition import GuardCondition
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.parameter_service import ParameterService
from rclpy.publisher import Publisher
from rclpy.qos import _qos_profile_rosout, qos_profile_parameter_events
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.time_source import TimeSource
from rclpy.timer import Rate, Timer
from rclpy.utilities import get_default_context
from ros2_embedded import transport


class Node(ParameterNode, GraphNode):
    """A node: the owner of publishers, subscriptions, services, clients, timers, parameters."""

    _ros_executor_ref: Callable[[], Executor | None]

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: Sequence[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Any] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        """Join the graph.

        Raises:
            NotInitializedException: rclpy.init() has not been called, or it is over.
            InvalidNodeNameException: The name is not allowed.
            InvalidNamespaceException: The namespace is not allowed.
            NotImplementedError: The logger service is asked for.
        """
        if enable_logger_service:
            raise NotImplementedError('ros2_embedded has no logger service')
        self._ros_context = context or get_default_context()
        if not self._ros_context.ok():
            raise NotInitializedException('cannot create node')
        self._ros_participant = self._ros_context._joined()
        own = _arguments.parse(cli_args)[0] if cli_args else _arguments.Arguments()
        common = self._ros_context._arguments if use_global_arguments else _arguments.Arguments()
        self._ros_arguments = (own, common)
        self._ros_take_names(node_name, namespace or '/')
        self._ros_entities: list[Any] = []
        self._ros_rosout: Publisher | None = None
        self._ros_dds: list[transport.Reader | transport.Writer] = []
        self._ros_guards: list[GuardCondition] = []
        self._ros_timers: list[Timer] = []
        self._ros_event_handlers: list[EventHandler] = []
        self._ros_endpoint_handlers: dict[Any, EventHandler] = {}
        self._ros_forget_executor()
        self._ros_default_callback_group = MutuallyExclusiveCallbackGroup()
        self._ros_logger = RcutilsLogger(self._ros_full_name('.').strip('.'))
        self._ros_clock = ROSClock()
        self._ros_context.track_node(self)
        self._ros_start_parameters(
            parameter_overrides or [], allow_undeclared_parameters, start_parameter_services,
            automatically_declare_parameters_from_overrides,
        )  # fmt: skip
        self._ros_time_source = TimeSource(node=self)
        self._ros_time_source.attach_clock(self._ros_clock)
        if enable_rosout and common.rosout:
            self._ros_log_to_topic()

    def _ros_take_names(self, name: str, namespace: str) -> None:
        space = namespace if namespace.startswith('/') else f'/{namespace}'
        given = (arguments.special('__node', name) for arguments in self._ros_arguments)
        name = next(filter(None, given), name)
        given = (arguments.special('__ns', name) for arguments in self._ros_arguments)
        space = next(filter(None, given), space)
        _names.node_name(name)
        _names.namespace(space)
        self._ros_name, self._ros_namespace = name, space

    def _ros_start_parameters(
        self, given: list[Any], allow_undeclared: bool, services: bool, declare: bool
    ) -> None:
        own, common = self._ros_arguments
        overrides: dict[str, Any] = {}
        for arguments in (common, own):
            overrides |= arguments.overrides(self._ros_name, self._ros_namespace)
        overrides |= {parameter.name: parameter.value for parameter in given}
        self._ros_init_parameters({}, allow_undeclared, None)
        publisher = self.create_publisher(
            ParameterEvent, '/parameter_events', qos_profile_parameter_events
        )
        self._ros_init_parameters(overrides, allow_undeclared, publisher)
        if declare:
            for name, value in overrides.items():
                self.declare_parameter(name, value)
        if services:
            self._ros_parameter_service = ParameterService(self)

    def _ros_log_to_topic(self) -> None:
        publisher = self.create_publisher(Log, '/rosout', _qos_profile_rosout)
        self._ros_rosout = publisher

        def publish(record: dict[str, Any]) -> None:
            publisher.publish(Log(stamp=self.get_clock().now().to_msg(), **record))

        self.get_logger()._publish = publish

    @property
    def context(self) -> Context:
        """Its context."""
        return self._ros_context

    @property
    def executor(self) -> Executor | None:
        """The executor that works for it."""
        return self._ros_executor_ref()

    @executor.setter
    def executor(self, new_executor: Executor | None) -> None:
        current = self._ros_executor_ref()
        if current is not None and current is not new_executor:
            current.remove_node(self)
        if new_executor is None:
            self._ros_forget_executor()
        else:
            self._ros_executor_ref = weakref.ref(new_executor)
            new_executor.add_node(self)

    def _ros_forget_executor(self) -> None:
        self._ros_executor_ref = lambda: None

    @property
    def default_callback_group(self) -> CallbackGroup:
        """The group of all callbacks for which none is named."""
        return self._ros_default_callback_group

    @property
    def publishers(self) -> Iterator[Publisher]:
        """Its publishers, without that of its log."""
        return (e for e in self._ros_entities
                if isinstance(e, Publisher) and e is not self._ros_rosout)  # fmt: skip

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """Its subscriptions."""
        return (e for e in self._ros_entities if isinstance(e, Subscription))

    @property
    def clients(self) -> Iterator[Client]:
        """Its clients."""
        return (e for e in self._ros_entities if isinstance(e, Client))

    @property
    def services(self) -> Iterator[Service]:
        """Its services."""
        return (e for e in self._ros_entities if isinstance(e, Service))

    @property
    def timers(self) -> Iterator[Timer]:
        """Its timers."""
        return iter(self._ros_timers)

    @property
    def guards(self) -> Iterator[GuardCondition]:
        """Its guard conditions."""
        return iter(self._ros_guards)

    def get_name(self) -> str:
        """Return its name."""
        self._ros_use()
        return self._ros_name

    def get_namespace(self) -> str:
        """Return its namespace."""
        self._ros_use()
        return self._ros_namespace

    def get_fully_qualified_name(self) -> str:
        """Return namespace and name."""
        self._ros_use()
        return self._ros_full_name('/')

    def _ros_full_name(self, separator: str) -> str:
        space = self._ros_namespace.rstrip('/').replace('/', separator)
        return f'{space}{separator}{self._ros_name}'

    def get_logger(self) -> RcutilsLogger:
        """Return its logger."""
        return self._ros_logger

    def get_clock(self) -> Clock:
        """Return its clock: ROS time."""
        return self._ros_clock

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[..., Any] | None,
        callback_group: CallbackGroup | None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        """Call back once per period, in seconds, of a clock (ROS time by default)."""
        group = callback_group or self._ros_default_callback_group
        made = Timer(
            callback, group, int(float(timer_period_sec) * 1e9), clock or self._ros_clock,
            wake=self._ros_wake, autostart=autostart,
        )  # fmt: skip
        group.add_entity(made)
        self._ros_timers.append(made)
        self._ros_change()
        return made

    def create_rate(self, frequency: float, clock: Clock | None = None) -> Rate:
        """Return a rate in Hz for loops in threads beside the one that spins.

        Raises:
            ValueError: The frequency is not above 0.
        """
        if not frequency > 0:
            raise ValueError('frequency must be > 0')
        group = MutuallyExclusiveCallbackGroup()
        timer = self.create_timer(1 / frequency, None, group, clock)
        return Rate(timer, context=self._ros_context)

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Call back after each trigger."""
        group = callback_group or self._ros_default_callback_group
        made = GuardCondition(callback, group, self._ros_wake)
        group.add_entity(made)
        self._ros_guards.append(made)
        self._ros_change()
        return made

    def _ros_change(self) -> None:
        if (executor := self._ros_executor_ref()) is not None:
            executor._change()

    def _ros_wake(self) -> None:
        if (executor := self._ros_executor_ref()) is not None:
            executor.wake()

    def _ros_readers(self) -> list[Any]:
        return [e for e in self._ros_entities if hasattr(e, '_reader')]

    def _ros_polled(self) -> list[Any]:
        return [*self._ros_timers, *self._ros_guards]

    def destroy_rate(self, rate: Rate) -> bool:
        """End a rate."""
        rate.destroy()
        return self._ros_destroy(rate._timer)

    def destroy_node(self) -> None:
        """Leave the graph; more calls do nothing."""
        if (executor := self._ros_executor_ref()) is not None:
            executor.remove_node(self)
        self._ros_logger._publish = None
        closing, self._ros_entities = self._ros_entities, []
        timers, self._ros_timers = self._ros_timers, []
        self._ros_guards, self._ros_event_handlers = [], []
        self._ros_dds = []
        if self._ros_context._participant is self._ros_participant:
            self._ros_context.untrack_node(self)
        for entity in (*closing, *timers):
            entity.destroy()
        self._ros_destroyed = True
