"""The transport: raw CDR through Cyclone DDS, as rmw_cyclonedds lays it out on the wire.

All that the rest of the package knows of DDS is here. There are no listeners: they would take the
GIL in threads of DDS and deadlock. Waiting and writing release the GIL.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from cyclonedds import _clayer
from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import (
    DDSException,
    Entity,
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
from cyclonedds.internal import load_cyclonedds
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from ros2_embedded import dds_config, idl

_ANY = SampleState.Any | ViewState.Any | InstanceState.Any
_ALIVE = SampleState.Any | ViewState.Any | InstanceState.Alive
_FOREVER = 2**63 - 1
_UNSIGNED = 2**64 - 1
# Python runs signal handlers between two waits, so a wait must not last longer.
_SLICE_S = 0.1
_MAX_ENDPOINTS = 10_000


class TransportError(RuntimeError):
    """What DDS refuses, in one line."""


class _RawSample(ctypes.Structure):
    """The sample of a writer whose topic was made by the Python binding: a pointer and a size."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t)]  # noqa: RUF012 (of ctypes)


_library = load_cyclonedds()
_dds_write = _library.dds_write
_dds_write.argtypes = [ctypes.c_int32, ctypes.POINTER(_RawSample)]
_dds_write.restype = ctypes.c_int32
_dds_attach = _library.dds_waitset_attach
_dds_attach.argtypes = [ctypes.c_int32, ctypes.c_int32, ctypes.c_ssize_t]
_dds_attach.restype = ctypes.c_int32
_dds_detach = _library.dds_waitset_detach
_dds_detach.argtypes = [ctypes.c_int32, ctypes.c_int32]
_dds_detach.restype = ctypes.c_int32
_dds_wait = _library.dds_waitset_wait
_dds_wait.argtypes = [
    ctypes.c_int32, ctypes.POINTER(ctypes.c_ssize_t), ctypes.c_size_t, ctypes.c_int64
]  # fmt: skip
_dds_wait.restype = ctypes.c_int32


@dataclass(frozen=True)
class Qos:
    """Quality of service; durations of 0 mean without limit.

    Attributes:
        depth: Samples kept; 0 keeps all.
        reliable: Lost samples are sent again.
        transient_local: Readers that come late get what the writer keeps.
        deadline_ns: Longest time between two samples.
        lifespan_ns: Age at which a sample is dropped.
        liveliness_manual: The writer says itself that it is alive.
        lease_ns: Silence after which a writer counts as dead.
    """

    depth: int = 10
    reliable: bool = True
    transient_local: bool = False
    deadline_ns: int = 0
    lifespan_ns: int = 0
    liveliness_manual: bool = False
    lease_ns: int = 0


class Sample(NamedTuple):
    """One message as it came.

    Attributes:
        data: CDR with its encapsulation header.
        source_ns: When it was written, by the writer's clock.
        publisher: Handle of the writer.
    """

    data: bytes
    source_ns: int
    publisher: int


class Endpoint(NamedTuple):
    """A writer or reader somewhere in the domain; names are those of DDS."""

    topic: str
    typename: str
    is_writer: bool
    guid: bytes
    participant: bytes
    qos: Qos
    user_data: str


class Status(NamedTuple):
    """What has gone wrong at an endpoint, counted since it was made."""

    deadline_missed: int
    incompatible_qos: int
    incompatible_policy: int


def _policies(qos: Qos, user_data: str, ignore_local: bool) -> Iterator[Any]:
    history = Policy.History.KeepLast(qos.depth) if qos.depth else Policy.History.KeepAll
    yield history
    yield (
        Policy.Reliability.Reliable(duration(infinite=True))
        if qos.reliable else Policy.Reliability.BestEffort
    )  # fmt: skip
    yield Policy.WriterDataLifecycle(autodispose=False)
    yield Policy.DataRepresentation(use_cdrv0_representation=True)
    yield Policy.TypeConsistency.DisallowTypeCoercion(force_type_validation=False)
    if qos.transient_local:
        yield Policy.Durability.TransientLocal
        yield Policy.DurabilityService(0, history, -1, -1, -1)
    else:
        yield Policy.Durability.Volatile
    if qos.deadline_ns:
        yield Policy.Deadline(qos.deadline_ns)
    if qos.lifespan_ns:
        yield Policy.Lifespan(qos.lifespan_ns)
    if qos.lease_ns or qos.liveliness_manual:
        kind = (Policy.Liveliness.ManualByTopic if qos.liveliness_manual
                else Policy.Liveliness.Automatic)  # fmt: skip
        yield kind(qos.lease_ns or duration(infinite=True))
    if user_data:
        yield Policy.Userdata(user_data.encode())
    if ignore_local:
        yield Policy.IgnoreLocal.Participant


def _finite(value: int) -> int:
    return 0 if value >= _FOREVER else value


def _qos_of(found: DdsQos) -> Qos:
    """Return the QoS of an endpoint that was discovered."""
    history = found[Policy.History]
    liveliness = found[Policy.Liveliness]
    deadline, lifespan = found[Policy.Deadline], found[Policy.Lifespan]
    return Qos(
        depth=getattr(history, 'depth', 0) if history else 0,
        reliable=isinstance(found[Policy.Reliability], Policy.Reliability.Reliable),
        transient_local=found[Policy.Durability] == Policy.Durability.TransientLocal,
        deadline_ns=_finite(deadline.deadline) if deadline else 0,
        lifespan_ns=_finite(lifespan.lifespan) if lifespan else 0,
        liveliness_manual=isinstance(liveliness, Policy.Liveliness.ManualByTopic),
        lease_ns=_finite(liveliness.lease_duration) if liveliness else 0,
    )


class _Closable:
    """Something of DDS that is given back by hand, once, from any thread."""

    def __init__(self, *entities: Entity) -> None:
        self._entities = list(entities)

    def close(self) -> None:
        """Give it back; more calls do nothing."""
        while self._entities:
            self._entities.pop(0).__del__()


class Writer(_Closable):
    """Writes CDR to a topic.

    Attributes:
        guid: Name of the endpoint in the domain, 16 bytes.
        handle: Its instance handle, which names a client in the header of requests.
    """

    def __init__(self, writer: DataWriter) -> None:
        """Take a writer of the binding."""
        super().__init__(writer)
        self._writer, self._ref = writer, writer._ref
        self.guid = writer.guid.bytes
        self.handle = writer.get_instance_handle() & _UNSIGNED

    def write(self, data: bytearray) -> None:
        """Send; blocks while reliable readers lag behind by more than fits the buffers.

        Args:
            data: CDR with its header, padded to a multiple of 4.

        Raises:
            TransportError: DDS refuses, the writer being closed for example.
        """
        sample = _RawSample(ctypes.addressof(ctypes.c_char.from_buffer(data)), len(data))
        code = _dds_write(self._ref, ctypes.byref(sample))
        if code:
            raise TransportError(f'writing failed: {DDSException(code)}')

    def matched(self) -> int:
        """Return the number of readers that it reaches."""
        return self._writer.get_publication_matched_status().current_count

    def wait_for_acks(self, timeout_s: float) -> bool:
        """Wait until all reliable readers have all samples; return whether they do."""
        return self._writer.wait_for_acks(duration(seconds=timeout_s))

    def status(self) -> Status:
        """Return what has gone wrong."""
        qos = self._writer.get_offered_incompatible_qos_status()
        missed = self._writer.get_offered_deadline_missed_status()
        return Status(missed.total_count, qos.total_count, qos.last_policy_id)


class Reader(_Closable):
    """Takes CDR from a topic.

    Attributes:
        guid: Name of the endpoint in the domain, 16 bytes.
    """

    def __init__(self, reader: DataReader) -> None:
        """Take a reader of the binding."""
        self.condition = ReadCondition(reader, _ANY)
        super().__init__(self.condition, reader)
        self._reader, self._ref = reader, reader._ref
        self.guid = reader.guid.bytes

    def take(self, limit: int = 1) -> list[Sample]:
        """Take up to ``limit`` samples; returns at once.

        Raises:
            TransportError: DDS refuses, the reader being closed for example.
        """
        found = _clayer.ddspy_take(self._ref, _ANY, limit)
        if isinstance(found, int):
            raise TransportError(f'taking failed: {DDSException(found)}')
        return [
            Sample(data, info.source_timestamp, info.publication_handle & _UNSIGNED)
            for data, info in found
            if info.valid_data
        ]

    def matched(self) -> int:
        """Return the number of writers that reach it."""
        return self._reader.get_subscription_matched_status().current_count

    def status(self) -> Status:
        """Return what has gone wrong."""
        qos = self._reader.get_requested_incompatible_qos_status()
        missed = self._reader.get_requested_deadline_missed_status()
        return Status(missed.total_count, qos.total_count, qos.last_policy_id)


class Guard(_Closable):
    """Ends a wait from another thread."""

    def __init__(self, guard: GuardCondition) -> None:
        """Take a guard condition of the binding."""
        super().__init__(guard)
        self.condition = guard

    def trigger(self) -> None:
        """End the present wait, or the next one."""
        if self._entities:
            self.condition.set(True)

    def clear(self) -> None:
        """Let waits last again."""
        if self._entities:
            self.condition.set(False)


class WaitSet(_Closable):
    """Waits for samples and guards."""

    def __init__(self, waitset: DdsWaitSet) -> None:
        """Take an empty wait set of the binding."""
        super().__init__(waitset)
        self._ref = waitset._ref
        self._attached: dict[int, Reader | Guard] = {}
        self._triggered = (ctypes.c_ssize_t * 0)()

    def attach(self, entity: Reader | Guard) -> None:
        """Wait for this one too."""
        reference = entity.condition._ref
        if reference in self._attached:
            return
        if _dds_attach(self._ref, reference, reference) == 0:
            self._attached[reference] = entity
            self._triggered = (ctypes.c_ssize_t * len(self._attached))()

    def detach(self, entity: Reader | Guard) -> None:
        """Wait for this one no more; it may be closed already."""
        reference = entity.condition._ref
        if self._attached.pop(reference, None) is not None:
            _dds_detach(self._ref, reference)

    def wait(self, timeout_s: float | None) -> list[Reader | Guard]:
        """Wait until something is there; returns what, or nothing after the time.

        A wait is also ended, with nothing, after a tenth of a second: so that signal handlers run.
        """
        limit_s = _SLICE_S if timeout_s is None else min(timeout_s, _SLICE_S)
        count = _dds_wait(
            self._ref, self._triggered, len(self._triggered), max(0, int(limit_s * 1e9))
        )
        found = (self._attached.get(self._triggered[index]) for index in range(max(0, count)))
        return [entity for entity in found if entity is not None]


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
            TransportError: The domain cannot be joined.
            ConfigError: An environment variable means nothing.
        """
        self.domain_id = dds_config.domain_id() if domain_id is None else domain_id
        try:
            _domains.enter(self.domain_id)
            about = DdsQos(Policy.Userdata(f'enclave={enclave};'.encode()))
            self._participant = DomainParticipant(self.domain_id, qos=about)
        except DDSException as error:
            raise TransportError(
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
            TransportError: DDS refuses.
        """
        policies = DdsQos(*_policies(qos, user_data, ignore_local=False))
        made = self._made(DataWriter, topic, typename, service, policies)
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
            TransportError: DDS refuses.
        """
        policies = DdsQos(*_policies(qos, user_data, ignore_local))
        return Reader(self._made(DataReader, topic, typename, service, policies))

    def _made(self, kind: Any, topic: str, typename: str, service: bool, qos: DdsQos) -> Any:  # noqa: ANN401
        key = (topic, typename)
        try:
            if key not in self._topics:
                self._topics[key] = Topic(self._participant, topic, idl.struct(typename, service))
            return kind(self._participant, self._topics[key], qos=qos)
        except DDSException as error:
            reason = ' '.join(str(error).split())
            raise TransportError(f'{topic} [{typename}] cannot be opened: {reason}') from None

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
        found.participant_key.bytes, _qos_of(found.qos),
        data.data.decode(errors='replace') if data else '',
    )  # fmt: skip


def now_ns() -> int:
    """Return the system time as DDS stamps samples, in nanoseconds since 1970."""
    return time.time_ns()
