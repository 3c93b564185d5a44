"""What is opened in a DDS domain: writers, readers, and waiting for them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from cyclonedds import _clayer
from cyclonedds.core import (
    DDSException,
    Entity,
    GuardCondition,
    InstanceState,
    ReadCondition,
    SampleState,
    ViewState,
)
from cyclonedds.core import WaitSet as DdsWaitSet
from cyclonedds.internal import load_cyclonedds
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.util import duration

_ANY = SampleState.Any | ViewState.Any | InstanceState.Any
_UNSIGNED = 2**64 - 1
# Python runs signal handlers between two waits, so a wait must not last longer.
_SLICE_S = 0.1


class RCLError(RuntimeError):
    """What DDS refuses, in one line; named as in rclpy, out of which it comes."""


class _RawSample(ctypes.Structure):
    """The sample of a writer whose topic was made by the Python binding: a pointer and a size."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t)]


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


class Status(NamedTuple):
    """What has gone wrong at an endpoint, counted since it was made."""

    deadline_missed: int
    incompatible_qos: int
    incompatible_policy: int


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
            RCLError: DDS refuses, the writer being closed for example.
        """
        sample = _RawSample(ctypes.addressof(ctypes.c_char.from_buffer(data)), len(data))
        code = _dds_write(self._ref, ctypes.byref(sample))
        if code:
            raise RCLError(f'writing failed: {DDSException(code)}')

    def matches(self) -> tuple[int, int]:
        """Return how many readers it has ever reached, and how many it reaches.

        Raises:
            RCLError: It is closed, or the domain was left.
        """
        status = _asked(self._writer.get_publication_matched_status)
        return status.total_count, status.current_count

    def wait_for_acks(self, timeout_s: float) -> bool:
        """Wait until all reliable readers have all samples; return whether they do."""
        return self._writer.wait_for_acks(duration(seconds=timeout_s))

    def status(self) -> Status:
        """Return what has gone wrong; raises as :meth:`matches`."""
        qos = _asked(self._writer.get_offered_incompatible_qos_status)
        missed = _asked(self._writer.get_offered_deadline_missed_status)
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
            RCLError: DDS refuses, the reader being closed for example.
        """
        found = _clayer.ddspy_take(self._ref, _ANY, limit)
        if isinstance(found, int):
            raise RCLError(f'taking failed: {DDSException(found)}')
        return [
            Sample(data, info.source_timestamp, info.publication_handle & _UNSIGNED)
            for data, info in found
            if info.valid_data
        ]

    def matches(self) -> tuple[int, int]:
        """Return how many writers have ever reached it, and how many do; raises likewise."""
        status = _asked(self._reader.get_subscription_matched_status)
        return status.total_count, status.current_count

    def status(self) -> Status:
        """Return what has gone wrong; raises as :meth:`matches`."""
        qos = _asked(self._reader.get_requested_incompatible_qos_status)
        missed = _asked(self._reader.get_requested_deadline_missed_status)
        return Status(missed.total_count, qos.total_count, qos.last_policy_id)


def _asked(question: Callable[[], Any]) -> Any:  # noqa: ANN401 (a status)
    try:
        return question()
    except DDSException as error:
        raise RCLError(f'DDS cannot be asked: {" ".join(str(error).split())}') from None


class Guard(_Closable):
    """Ends a wait from another thread."""

    def __init__(self, guard: GuardCondition) -> None:
        """Take a guard condition of the binding."""
        super().__init__(guard)
        self.condition = guard

    def trigger(self) -> None:
        """End the present wait, or the next one."""
        self._set(True)

    def clear(self) -> None:
        """Let waits last again."""
        self._set(False)

    def _set(self, triggered: bool) -> None:
        if self._entities:
            # The code is not looked at: the participant may have been closed meanwhile.
            self.condition._set_guardcondition(self.condition._ref, triggered)


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
