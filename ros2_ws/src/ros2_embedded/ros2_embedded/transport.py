"""The transport: raw CDR through Cyclone DDS, as rmw_cyclonedds lays it out on the wire.

All that the rest of the package knows of DDS is here and in the modules `dds_*` and `idl`. There
are no listeners: they would take the GIL in threads of DDS and deadlock. Waiting and writing
release the GIL.
"""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import (
    DDSException,
    GuardCondition,
    InstanceState,
    Policy,
    ReadCondition,
    SampleState,
    ViewState,
)
from cyclonedds.core import Qos as DdsQos
from cyclonedds.core import WaitSet as DdsWaitSet
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from ros2_embedded import dds_config, idl
from ros2_embedded.dds_entities import (
    Guard,
    RCLError,
    Reader,
    Sample,
    Status,
    WaitSet,
    Writer,
)
from ros2_embedded.dds_qos import Qos, policies, qos_of

__all__ = [
    'Endpoint',
    'Guard',
    'Participant',
    'Qos',
    'RCLError',
    'Reader',
    'Sample',
    'Status',
    'WaitSet',
    'Writer',
    'now_ns',
]  # fmt: skip

_ALIVE = SampleState.Any | ViewState.Any | InstanceState.Alive
_MAX_ENDPOINTS = 10_000


class Endpoint(NamedTuple):
    """A writer or reader somewhere in the domain; names are those of DDS."""

    topic: str
    typename: str
    is_writer: bool
    guid: bytes
    participant: bytes
    qos: Qos
    user_data: str


class _Domains:
    """The domains of this process: Cyclone takes a configuration once per domain."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, tuple[Domain, int]] = {}

    def enter(self, number: int) -> None:
        with self._lock:
            domain, users = self._open.get(number, (None, 0))
            domain = domain or Domain(number, dds_config.configuration())
            self._open[number] = (domain, users + 1)

    def leave(self, number: int) -> None:
        with self._lock:
            domain, users = self._open.pop(number)
            if users > 1:
                self._open[number] = (domain, users - 1)
            else:
                domain.__del__()


_domains = _Domains()


class Participant:
    """One process's part in a DDS domain.

    Attributes:
        guid: Its name in the domain, 16 bytes.
        domain_id: Number of the domain.
    """

    def __init__(self, domain_id: int | None = None, enclave: str = '/') -> None:
        """Join a domain.

        Args:
            domain_id: Number of the domain; None: what ROS_DOMAIN_ID says.
            enclave: Name of the security enclave, told to others.

        Raises:
            RCLError: The domain cannot be joined.
            ConfigError: An environment variable means nothing.
        """
        self.domain_id = dds_config.domain_id() if domain_id is None else domain_id
        try:
            _domains.enter(self.domain_id)
            about = DdsQos(Policy.Userdata(f'enclave={enclave};'.encode()))
            self._participant = DomainParticipant(self.domain_id, qos=about)
        except DDSException as error:
            raise RCLError(
                f'DDS domain {self.domain_id} cannot be joined: {" ".join(str(error).split())}; '
                'check ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and CYCLONEDDS_URI'
            ) from None
        self.guid = self._participant.guid.bytes
        self._topics: dict[tuple[str, str], Topic] = {}
        self._builtin: list[BuiltinDataReader] = []
        self._closed = False

    def writer(
        self, topic: str, typename: str, qos: Qos, *, user_data: str = '', service: bool = False
    ) -> Writer:
        """Open a writer.

        Args:
            topic: Name in DDS, for example ``rt/chatter``.
            typename: Name in ROS, for example ``std_msgs/msg/String``.
            qos: What is offered.
            user_data: Told to others, for example the hash of the type.
            service: The samples begin with the header of requests and responses.

        Raises:
            RCLError: DDS refuses.
        """
        told = DdsQos(*policies(qos, user_data, ignore_local=False))
        made = self._made(DataWriter, topic, typename, service, told)
        return Writer(made)

    def reader(
        self,
        topic: str,
        typename: str,
        qos: Qos,
        *,
        user_data: str = '',
        service: bool = False,
        ignore_local: bool = False,
    ) -> Reader:
        """Open a reader; arguments as for :meth:`writer`.

        Args:
            topic: Name in DDS.
            typename: Name in ROS.
            qos: What is requested.
            user_data: Told to others.
            service: The samples begin with the header of requests and responses.
            ignore_local: Take nothing from writers of this participant.

        Raises:
            RCLError: DDS refuses.
        """
        told = DdsQos(*policies(qos, user_data, ignore_local))
        return Reader(self._made(DataReader, topic, typename, service, told))

    def _made(self, kind: Any, topic: str, typename: str, service: bool, qos: DdsQos) -> Any:  # noqa: ANN401
        key = (topic, typename)
        try:
            if key not in self._topics:
                self._topics[key] = Topic(self._participant, topic, idl.struct(typename, service))
            return kind(self._participant, self._topics[key], qos=qos)
        except DDSException as error:
            reason = ' '.join(str(error).split())
            raise RCLError(f'{topic} [{typename}] cannot be opened: {reason}') from None

    def guard(self) -> Guard:
        """Return a guard for a wait set."""
        return Guard(GuardCondition(self._participant))

    def waitset(self) -> WaitSet:
        """Return an empty wait set."""
        return WaitSet(DdsWaitSet(self._participant))

    def endpoints(self) -> list[Endpoint]:
        """Return every writer and reader known in the domain, those of this participant too."""
        if not self._builtin:
            self._builtin = [
                BuiltinDataReader(self._participant, topic)
                for topic in (BuiltinTopicDcpsPublication, BuiltinTopicDcpsSubscription)
            ]
        return [
            _endpoint(found, index == 0)
            for index, reader in enumerate(self._builtin)
            for found in reader.read(_MAX_ENDPOINTS, ReadCondition(reader, _ALIVE))
            if found.sample_info.valid_data
        ]

    def close(self) -> None:
        """Leave the domain; all that was opened here is closed with it."""
        if self._closed:
            return
        self._closed = True
        self._topics.clear()
        self._builtin.clear()
        self._participant.__del__()
        _domains.leave(self.domain_id)


def _endpoint(found: Any, is_writer: bool) -> Endpoint:  # noqa: ANN401 (DcpsEndpoint)
    data = found.qos[Policy.Userdata]
    return Endpoint(
        found.topic_name, found.type_name, is_writer, found.key.bytes,
        found.participant_key.bytes, qos_of(found.qos),
        data.data.decode(errors='replace') if data else '',
    )  # fmt: skip


def now_ns() -> int:
    """Return the system time as DDS stamps samples, in nanoseconds since 1970."""
    return time.time_ns()
