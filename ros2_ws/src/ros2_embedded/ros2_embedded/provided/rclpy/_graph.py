"""What a node can ask about the graph: topics, services, nodes."""

from __future__ import annotations

import time
from typing import Any

from rclpy import _names
from rclpy._discovery import NodeInfo
from rclpy._rclpy_pybind11 import NodeNameNonExistentError
from rclpy.exceptions import NameValidationException
from rclpy.qos import QoSProfile
from rclpy.topic_endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum
from ros2_embedded import transport

_POLL_S = 0.05
_UNKNOWN = '_NODE_NAME_UNKNOWN_', '_NODE_NAMESPACE_UNKNOWN_'
NamesAndTypes = list[tuple[str, list[str]]]


def _demangled(typename: str) -> str:
    """Return ``sensor_msgs/msg/Image`` for the name on the wire; '' for what is not of ROS."""
    package, mark, name = typename.partition('::dds_::')
    return f'{package.replace("::", "/")}/{name.removesuffix("_")}' if mark else ''


def _collect(found: list[tuple[str, str]]) -> NamesAndTypes:
    names: dict[str, set[str]] = {}
    for name, typename in found:
        names.setdefault(name, set()).add(typename)
    return [(name, sorted(types)) for name, types in sorted(names.items())]


def _as_topic(endpoint: transport.Endpoint) -> tuple[str, str] | None:
    if not endpoint.topic.startswith('rt/'):
        return None
    return endpoint.topic[2:], _demangled(endpoint.typename)


def _as_service(endpoint: transport.Endpoint, prefix: str) -> tuple[str, str] | None:
    """Return name and type of the service whose requests (``rq``) or replies (``rr``) it is."""
    suffix, part = ('Request', '_Request') if prefix == 'rq' else ('Reply', '_Response')
    if not endpoint.topic.startswith(f'{prefix}/') or not endpoint.topic.endswith(suffix):
        return None
    name = endpoint.topic[2:].removesuffix(suffix)
    return name, _demangled(endpoint.typename).removesuffix(part)


class GraphNode:
    """The queries of a node."""

    _ros_context: Any
    _ros_name: str
    _ros_namespace: str

    def _ros_endpoints(self) -> list[transport.Endpoint]:
        return self._ros_context._joined().endpoints()

    def _ros_nodes_there(self) -> list[NodeInfo]:
        return self._ros_context._discovery.nodes()

    def get_topic_names_and_types(self, no_demangle: bool = False) -> NamesAndTypes:
        """Return all topics with their types."""
        if no_demangle:
            return _collect([(e.topic, e.typename) for e in self._ros_endpoints()])
        return _collect([found for e in self._ros_endpoints() if (found := _as_topic(e))])

    def get_service_names_and_types(self) -> NamesAndTypes:
        """Return all services that are offered, with their types."""
        return _collect([
            found for e in self._ros_endpoints()
            if not e.is_writer and (found := _as_service(e, 'rq'))
        ])  # fmt: skip

    def get_node_names(self) -> list[str]:
        """Return the names of all nodes."""
        return [node.name for node in self._ros_nodes_there()]

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        """Return names and namespaces of all nodes."""
        return [(node.name, node.namespace) for node in self._ros_nodes_there()]

    def get_node_names_and_namespaces_with_enclaves(self) -> list[tuple[str, str, str]]:
        """Return names, namespaces and enclaves of all nodes."""
        return [(node.name, node.namespace, node.enclave) for node in self._ros_nodes_there()]

    def get_fully_qualified_node_names(self) -> list[str]:
        """Return the names of all nodes, with their namespaces."""
        return [f'{n.namespace.rstrip("/")}/{n.name}' for n in self._ros_nodes_there()]

    def _ros_of_node(self, name: str, namespace: str, writers: bool) -> list[transport.Endpoint]:
        guids: set[bytes] = set()
        known = False
        for node in self._ros_nodes_there():
            if (node.name, node.namespace) == (name, namespace):
                known = True
                guids |= node.guids
        if not known:
            raise NodeNameNonExistentError(f"Cannot get names and types: node '{name}' not found")
        return [e for e in self._ros_endpoints() if e.is_writer == writers and e.guid in guids]

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """Return what a node publishes."""
        found = self._ros_of_node(node_name, node_namespace, True)
        return _collect([t for e in found if (t := _as_topic(e))])

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """Return to what a node is subscribed."""
        found = self._ros_of_node(node_name, node_namespace, False)
        return _collect([t for e in found if (t := _as_topic(e))])

    def get_service_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """Return which services a node offers."""
        found = self._ros_of_node(node_name, node_namespace, False)
        return _collect([s for e in found if (s := _as_service(e, 'rq'))])

    def get_client_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """Return which services a node asks."""
        found = self._ros_of_node(node_name, node_namespace, False)
        return _collect([s for e in found if (s := _as_service(e, 'rr'))])

    def _ros_count(self, topic: str, is_writer: bool) -> int:
        return sum(e.topic == topic and e.is_writer == is_writer for e in self._ros_endpoints())

    def count_publishers(self, topic_name: str) -> int:
        """Return how many publishers a topic has."""
        return self._ros_count(f'rt{self._ros_full(topic_name)}', True)

    def count_subscribers(self, topic_name: str) -> int:
        """Return how many subscriptions a topic has."""
        return self._ros_count(f'rt{self._ros_full(topic_name)}', False)

    def count_services(self, service_name: str) -> int:
        """Return how many servers a service has."""
        return self._ros_count(f'rq{self._ros_full(service_name)}Request', False)

    def count_clients(self, service_name: str) -> int:
        """Return how many clients a service has."""
        return self._ros_count(f'rq{self._ros_full(service_name)}Request', True)

    def _ros_full(self, name: str) -> str:
        try:
            return _names.expand(name, self._ros_name, self._ros_namespace)
        except NameValidationException as error:
            raise ValueError(f'{name!r} is invalid: {error}') from None

    def get_publishers_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """Return the publishers of a topic."""
        return self._ros_infos(topic_name, True)

    def get_subscriptions_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """Return the subscriptions of a topic."""
        return self._ros_infos(topic_name, False)

    def _ros_infos(self, topic: str, writers: bool) -> list[TopicEndpointInfo]:
        nodes = self._ros_nodes_there()
        return [
            _info(e, nodes) for e in self._ros_endpoints()
            if e.topic == f'rt{self._ros_full(topic)}' and e.is_writer == writers
        ]  # fmt: skip

    def wait_for_node(self, fully_qualified_node_name: str, timeout: float) -> bool:
        """Wait until a node is there; return whether it is."""
        end = time.monotonic() + timeout
        wanted = '/' + fully_qualified_node_name.lstrip('/')
        while True:
            found = self.get_node_names_and_namespaces()
            if any(f'{space.rstrip("/")}/{name}' == wanted for name, space in found):
                return True
            if time.monotonic() >= end or not self._ros_context.ok():
                return False
            time.sleep(_POLL_S)


def _info(endpoint: transport.Endpoint, nodes: list[NodeInfo]) -> TopicEndpointInfo:
    owner = next(((n.name, n.namespace) for n in nodes if endpoint.guid in n.guids), _UNKNOWN)
    data = dict(part.partition('=')[::2] for part in endpoint.user_data.split(';'))
    kind = TopicEndpointTypeEnum
    return TopicEndpointInfo(
        node_name=owner[0],
        node_namespace=owner[1],
        topic_type=_demangled(endpoint.typename),
        topic_type_hash=data.get('typehash', ''),
        endpoint_type=kind.PUBLISHER if endpoint.is_writer else kind.SUBSCRIPTION,
        endpoint_gid=list(endpoint.guid),
        qos_profile=QoSProfile._of(endpoint.qos),
    )
