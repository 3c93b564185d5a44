"""ROS time from the topic /clock, while the parameter use_sim_time is set."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rosgraph_msgs.msg import Clock as ClockMessage

from rclpy._parameters import ParameterNode
from rclpy.clock import ROSClock
from rclpy.clock_type import ClockType
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time

CLOCK_TOPIC = '/clock'
USE_SIM_TIME_NAME = 'use_sim_time'


class TimeSource:
    """Drives the clocks attached to it."""

    def __init__(self, *, node: ParameterNode | None = None) -> None:
        """Follow a node, if one is given."""
        self._clocks: set[ROSClock] = set()
        self._node: ParameterNode | None = None
        self._subscription: Any = None
        self._last = Time(clock_type=ClockType.ROS_TIME)
        self._active = False
        if node is not None:
            self.attach_node(node)

    def attach_node(self, node: ParameterNode) -> None:
        """Declare use_sim_time on a node, and follow it instead of the one before.

        Raises:
            TypeError: It is no node.
        """
        if not isinstance(node, ParameterNode):
            raise TypeError('Node must be of type rclpy.node.Node')
        self.detach_node()
        self._node = node
        if not node.has_parameter(USE_SIM_TIME_NAME):
            node.declare_parameter(USE_SIM_TIME_NAME, False)
        self.ros_time_is_active = bool(node.get_parameter(USE_SIM_TIME_NAME).value)
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._follow)

    @property
    def ros_time_is_active(self) -> bool:
        """Whether the clocks show the time of a simulator."""
        return self._active

    @ros_time_is_active.setter
    def ros_time_is_active(self, enabled: bool) -> None:
        self._active = enabled
        if enabled and self._subscription is None and self._node is not None:
            newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
            self._subscription = self._node.create_subscription(
                ClockMessage, CLOCK_TOPIC, self.clock_callback, newest
            )
        elif not enabled:
            self._unsubscribe()
        for clock in self._clocks:
            clock._set_ros_time_is_active(enabled)

    def attach_clock(self, clock: ROSClock) -> None:
        """Drive this clock too.

        Raises:
            ValueError: It is no ROS clock.
        """
        if not isinstance(clock, ROSClock):
            raise ValueError('Only clocks with type ROS_TIME can be attached.')
        clock._set_ros_time_is_active(self.ros_time_is_active)
        clock.set_ros_time_override(self._last)
        self._clocks.add(clock)

    def detach_node(self) -> None:
        """Stop following it."""
        self._unsubscribe()
        self._node = None

    def _unsubscribe(self) -> None:
        if self._node is not None and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._subscription = None

    def clock_callback(self, msg: ClockMessage) -> None:
        """Take a time from the simulator."""
        self._last = Time.from_msg(msg.clock)
        for clock in self._clocks:
            clock.set_ros_time_override(self._last)

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        wrong = any(
            p.name == USE_SIM_TIME_NAME and p.type_ != Parameter.Type.BOOL for p in parameters
        )
        reason = 'use_sim_time parameter set to something besides a bool' if wrong else ''
        return SetParametersResult(successful=not wrong, reason=reason)

    def _follow(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name == USE_SIM_TIME_NAME:
                self.ros_time_is_active = bool(parameter.value)
