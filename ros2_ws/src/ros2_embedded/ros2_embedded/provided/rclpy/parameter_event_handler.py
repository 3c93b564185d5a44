"""Calling back when parameters change, of this node or of others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent

from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_parameter_events


@dataclass(eq=False)
class ParameterCallbackHandle:
    """Stands for a callback for one parameter."""

    parameter_name: str
    node_name: str
    callback: Callable[[ParameterMessage], None]


@dataclass(eq=False)
class ParameterEventCallbackHandle:
    """Stands for a callback for all events."""

    callback: Callable[[ParameterEvent], None]


class ParameterEventHandler:
    """Listens to the parameter events of all nodes; the newest callbacks come first."""

    def __init__(
        self,
        node: Node,
        qos_profile: QoSProfile = qos_profile_parameter_events,
        **options: Any,  # noqa: ANN401 (of create_subscription)
    ) -> None:
        """Subscribe."""
        self.node, self.qos_profile = node, qos_profile
        self._of_parameters: list[ParameterCallbackHandle] = []
        self._of_events: list[ParameterEventCallbackHandle] = []
        self._lock = threading.Lock()
        self.parameter_event_subscription = node.create_subscription(
            ParameterEvent, '/parameter_events', self._on_event, qos_profile, **options
        )

    def destroy(self) -> None:
        """Listen no more."""
        self.node.destroy_subscription(self.parameter_event_subscription)

    @staticmethod
    def get_parameter_from_event(
        event: ParameterEvent, parameter_name: str, node_name: str
    ) -> ParameterMessage | None:
        """Return a parameter of a node that is new or changed by an event."""
        if event.node != node_name:
            return None
        parameters = ParameterEventHandler.get_parameters_from_event(event)
        return next((found for found in parameters if found.name == parameter_name), None)

    @staticmethod
    def get_parameters_from_event(event: ParameterEvent) -> Iterator[ParameterMessage]:
        """Yield the parameters that are new or changed."""
        yield from event.new_parameters
        yield from event.changed_parameters

    def add_parameter_callback(
        self, parameter_name: str, node_name: str, callback: Callable[[ParameterMessage], None]
    ) -> ParameterCallbackHandle:
        """Call back for a parameter; an empty name of a node means this one."""
        handle = ParameterCallbackHandle(parameter_name, self._resolve_path(node_name), callback)
        with self._lock:
            self._of_parameters.insert(0, handle)
        return handle

    def remove_parameter_callback(self, handle: ParameterCallbackHandle) -> None:
        """Call back no more.

        Raises:
            RuntimeError: There is no such callback.
        """
        self._remove(self._of_parameters, handle)

    def add_parameter_event_callback(
        self, callback: Callable[[ParameterEvent], None]
    ) -> ParameterEventCallbackHandle:
        """Call back for all events."""
        handle = ParameterEventCallbackHandle(callback)
        with self._lock:
            self._of_events.insert(0, handle)
        return handle

    def remove_parameter_event_callback(self, handle: ParameterEventCallbackHandle) -> None:
        """Call back no more; raises as :meth:`remove_parameter_callback`."""
        self._remove(self._of_events, handle)

    def _remove(self, handles: list[Any], handle: Any) -> None:  # noqa: ANN401
        with self._lock:
            if handle not in handles:
                raise RuntimeError("Callback doesn't exist")
            handles.remove(handle)

    def _on_event(self, event: ParameterEvent) -> None:
        with self._lock:
            of_parameters, of_events = list(self._of_parameters), list(self._of_events)
        for handle in of_parameters:
            found = self.get_parameter_from_event(event, handle.parameter_name, handle.node_name)
            if found is not None:
                handle.callback(found)
        for one in of_events:
            one.callback(event)

    def _resolve_path(self, node_name: str) -> str:
        if not node_name:
            return self.node.get_fully_qualified_name()
        if node_name.startswith('/'):
            return node_name
        return f'{self.node.get_namespace().rstrip("/")}/{node_name}'
