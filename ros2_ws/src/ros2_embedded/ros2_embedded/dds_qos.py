"""Quality of service, as rmw_cyclonedds maps it to DDS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cyclonedds.core import Policy
from cyclonedds.core import Qos as DdsQos
from cyclonedds.util import duration

_FOREVER = 2**63 - 1


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


def policies(qos: Qos, user_data: str, ignore_local: bool) -> Iterator[Any]:
    """Yield the policies of a writer or reader."""
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


def qos_of(found: DdsQos) -> Qos:
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
