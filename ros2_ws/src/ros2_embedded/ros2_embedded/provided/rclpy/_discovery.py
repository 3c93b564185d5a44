"""Which nodes there are: every participant tells the endpoints of its nodes on one topic."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from rclpy._decoding import Decoder
from ros2_embedded import transport, types
from ros2_embedded.cdr import to_cdr
from ros2_embedded.messages import message_class

_TYPE = 'rmw_dds_common/msg/ParticipantEntitiesInfo'
_TOPIC = 'ros_discovery_info'
_LATCHED = transport.Qos(depth=1, transient_local=True)
_ALL_LATCHED = transport.Qos(depth=0, transient_local=True)
_MANY = 1000


class NodeInfo(NamedTuple):
    """A node somewhere, and the names of its endpoints."""

    name: str
    namespace: str
    enclave: str
    guids: frozenset[bytes]


def user_data(typename: str) -> str:
    """Return what an endpoint tells of its type."""
    found = types.type_hash(typename)
    return f'typehash={found};' if found else ''


class Discovery:
    """Tells of our nodes, and knows those of others."""

    def __init__(self, participant: transport.Participant) -> None:
        """Open the topic."""
        told = user_data(_TYPE)
        self._participant = participant
        self._writer = participant.writer(_TOPIC, _TYPE, _LATCHED, user_data=told)
        self._reader = participant.reader(
            _TOPIC, _TYPE, _ALL_LATCHED, user_data=told, ignore_local=True
        )
        self._decode = Decoder(_TYPE, _TOPIC)
        self._nodes: list[Any] = []
        self._others: dict[bytes, list[NodeInfo]] = {}
        self._lock = threading.RLock()
        gid: Any = message_class('rmw_dds_common/msg/Gid')()
        self._size = len(gid.data)

    def add(self, node: Any) -> None:  # noqa: ANN401
        """Tell of a node."""
        with self._lock:
            self._nodes.append(node)
            self.tell()

    def remove(self, node: Any) -> None:  # noqa: ANN401
        """Tell that a node has gone."""
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
                self.tell()

    def tell(self) -> None:
        """Tell of our nodes as they are now."""
        gid, part = self._gid, message_class('rmw_dds_common/msg/NodeEntitiesInfo')
        with self._lock:
            infos = [
                part(
                    node_namespace=node.get_namespace(),
                    node_name=node.get_name(),
                    reader_gid_seq=[gid(e.guid) for e in node._ros_dds if not _writes(e)],
                    writer_gid_seq=[gid(e.guid) for e in node._ros_dds if _writes(e)],
                )
                for node in self._nodes
            ]
            message = message_class(_TYPE)(
                gid=gid(self._participant.guid), node_entities_info_seq=infos
            )
            self._writer.write(to_cdr(message))

    def _gid(self, guid: bytes) -> Any:  # noqa: ANN401
        data = np.frombuffer(guid.ljust(self._size, b'\0'), np.uint8)
        return message_class('rmw_dds_common/msg/Gid')(data=data)

    def nodes(self) -> list[NodeInfo]:
        """Return all nodes in the domain, ours first."""
        with self._lock:
            ours = [
                NodeInfo(
                    node.get_name(), node.get_namespace(), '/',
                    frozenset(end.guid for end in node._ros_dds),
                )
                for node in self._nodes
            ]
            self._listen()
            alive = {e.participant for e in self._participant.endpoints()}
            self._others = {p: found for p, found in self._others.items() if p in alive}
            return [*ours, *(node for found in self._others.values() for node in found)]

    def _listen(self) -> None:
        for sample in self._reader.take(_MANY):
            message = self._decode(sample.data)
            if message is None:
                continue
            self._others[bytes(message.gid.data[:16])] = [
                NodeInfo(
                    info.node_name,
                    info.node_namespace,
                    '/',
                    frozenset(
                        bytes(g.data[:16]) for g in (*info.reader_gid_seq, *info.writer_gid_seq)
                    ),
                )
                for info in message.node_entities_info_seq
            ]


def _writes(endpoint: transport.Reader | transport.Writer) -> bool:
    return isinstance(endpoint, transport.Writer)
