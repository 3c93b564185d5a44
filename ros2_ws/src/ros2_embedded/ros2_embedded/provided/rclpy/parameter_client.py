"""Asking and setting the parameters of another node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_dict_from_yaml_file
from rclpy.qos import QoSProfile, qos_profile_parameter_events, qos_profile_services_default
from rclpy.subscription import Subscription
from rclpy.task import Future

_SERVICES = {
    'describe_parameters': DescribeParameters, 'get_parameters': GetParameters,
    'get_parameter_types': GetParameterTypes, 'list_parameters': ListParameters,
    'set_parameters': SetParameters, 'set_parameters_atomically': SetParametersAtomically,
}  # fmt: skip
_POLL_S = 0.02
Callback = Callable[[Future], Any] | None


class AsyncParameterClient:
    """Clients for the parameter services of one node; every method returns a future."""

    def __init__(
        self,
        node: Node,
        remote_node_name: str,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        """Make the clients.

        Args:
            node: Owns them.
            remote_node_name: The node whose parameters are meant.
            qos_profile: Of the services.
            callback_group: In which the answers are taken.
        """
        self.node, self.remote_node_name = node, remote_node_name
        self._clients = {
            name: node.create_client(
                kind, f'{remote_node_name}/{name}', qos_profile=qos_profile,
                callback_group=callback_group,
            )
            for name, kind in _SERVICES.items()
        }  # fmt: skip

    def services_are_ready(self) -> bool:
        """Return whether the node offers all of the services."""
        return all(client.service_is_ready() for client in self._clients.values())

    def wait_for_services(self, timeout_sec: float | None = None) -> bool:
        """Wait for the services; return whether they are there."""
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while not self.services_are_ready():
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)
        return True

    def _ask(self, name: str, callback: Callback, **request: Any) -> Future:  # noqa: ANN401
        future = self._clients[name].call_async(_SERVICES[name].Request(**request))
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def list_parameters(
        self,
        prefixes: list[str] | None = None,
        depth: int | None = None,
        callback: Callback = None,
    ) -> Future:
        """Ask for the names below the prefixes, at most ``depth`` levels deep (none: all)."""
        return self._ask('list_parameters', callback, prefixes=prefixes or [], depth=depth or 0)

    def get_parameters(self, names: list[str], callback: Callback = None) -> Future:
        """Ask for values."""
        return self._ask('get_parameters', callback, names=names)

    def get_parameter_types(self, names: list[str], callback: Callback = None) -> Future:
        """Ask for types, as numbers of Parameter.Type."""
        return self._ask('get_parameter_types', callback, names=names)

    def describe_parameters(self, names: list[str], callback: Callback = None) -> Future:
        """Ask for descriptors."""
        return self._ask('describe_parameters', callback, names=names)

    def set_parameters(
        self, parameters: Sequence[Parameter | ParameterMessage], callback: Callback = None
    ) -> Future:
        """Set values one by one."""
        return self._ask('set_parameters', callback, parameters=_messages(parameters))

    def set_parameters_atomically(
        self, parameters: Sequence[Parameter | ParameterMessage], callback: Callback = None
    ) -> Future:
        """Set all values or none."""
        return self._ask('set_parameters_atomically', callback, parameters=_messages(parameters))

    def delete_parameters(self, names: list[str], callback: Callback = None) -> Future:
        """Undeclare parameters; only those of a dynamic type can be."""
        return self.set_parameters([Parameter(name) for name in names], callback)

    def load_parameter_file(
        self, parameter_file: str, use_wildcard: bool = False, callback: Callback = None
    ) -> Future:
        """Set what a file says, one by one."""
        found = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters(list(found.values()), callback)

    def load_parameter_file_atomically(
        self, parameter_file: str, use_wildcard: bool = False, callback: Callback = None
    ) -> Future:
        """Set what a file says, all or nothing."""
        found = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters_atomically(list(found.values()), callback)

    def on_parameter_event(
        self,
        callback: Callable[[ParameterEvent], Any],
        qos_profile: QoSProfile = qos_profile_parameter_events,
        **options: Any,  # noqa: ANN401 (of create_subscription)
    ) -> Subscription:
        """Call back for changes of parameters, whoever's they are."""
        return self.node.create_subscription(
            ParameterEvent, '/parameter_events', callback, qos_profile, **options
        )


def _messages(parameters: Sequence[Parameter | ParameterMessage]) -> list[ParameterMessage]:
    return [p.to_parameter_msg() if isinstance(p, Parameter) else p for p in parameters]
