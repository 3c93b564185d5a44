"""Messages beside the pictures: their definitions, their numbers, and which of them a tick sees.

At each tick the newest message counts that is not later, by the rule of
:mod:`claifo.bags.resample`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from claifo.bags.clock import unstamped
from claifo.bags.reader import Bag
from claifo.bags.resample import JITTER, tick_ns
from claifo.resources import interfaces_dir
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo.bags.reader import BagPath

ACTION, TIME_STEP = 'claifo_msgs/msg/Action', 'claifo_msgs/msg/TimeStep'
UNREADABLE = (SerdeError, struct.error, AssertionError, ValueError, IndexError, MemoryError)
"""What deserialising damaged bytes may raise."""

_NS_PER_S = 1e9


class Stamped(NamedTuple):
    """The messages of one topic of a bag, by stamp.

    Attributes:
        stamps_ns: int64, shape (N,); times of recording where the topic has no stamps.
        numbers: float32, shape (N, D).
    """

    stamps_ns: NDArray[np.int64]
    numbers: NDArray[np.float32]


def typestore() -> Any:  # noqa: ANN401 (of rosbags)
    """Return the definitions of the standard messages, and of claifo_msgs."""
    types = get_typestore(Stores.ROS2_JAZZY)
    for definition in sorted((interfaces_dir() / 'msg').glob('*.msg')):
        kind = f'claifo_msgs/msg/{definition.stem}'
        types.register(get_types_from_msg(definition.read_text(), kind))
    return types


def read_stamped(
    where: BagPath,
    topic: str,
    kind: str,
    numbers: Callable[[Any, str], list[float]],
    way_out: str,
) -> Stamped:
    """Read the messages of a topic, which have a header.

    Args:
        where: The bag.
        topic: Name of the topic.
        kind: Its message type, of the standard ones or of claifo_msgs.
        numbers: Returns the numbers of a message; gets the bag and topic for its errors.
        way_out: What to do where the topic is missing.

    Raises:
        ClaifoError: the topic is missing, a message cannot be decoded, or as ``numbers``.
    """
    said = f'{where.path}: {topic}'
    found = read_headed(where, topic, kind, way_out)
    return stamped((stamp_ns, numbers(message, said)) for stamp_ns, message in found)


def read_headed(
    where: BagPath, topic: str, kind: str, way_out: str
) -> Iterator[tuple[int, Any]]:
    """Yield the messages of a topic in the order of recording, with their stamps.

    Arguments and errors as for :func:`read_stamped`; the time of recording stands in for a stamp.
    """
    types = typestore()
    with Bag(where) as bag:
        names = [found.name for found in bag.topics() if found.type == kind]
        if topic not in names:
            raise ClaifoError(
                f'{bag.path}: no {kind} on {topic}{did_you_mean(topic, names)}; {way_out}'
            )
        recorded = unstamped(bag, [found for found in bag.topics() if found == (topic, kind)])
        for found, time_ns, data in bag.messages():
            if found == (topic, kind):
                message = _decoded(types, data, kind, f'{bag.path}: {topic}')
                stamp = message.header.stamp
                stamp_ns = stamp.sec * 10**9 + stamp.nanosec
                yield time_ns if found in recorded else stamp_ns, message


def stamped(found: Iterable[tuple[int, Sequence[float]]]) -> Stamped:
    """Return numbers in the order of their stamps."""
    rows = sorted(found, key=lambda row: row[0])
    stamps = np.array([stamp_ns for stamp_ns, _ in rows], np.int64)
    return Stamped(stamps, np.array([row for _, row in rows], np.float32))


def _decoded(types: Any, data: bytes | memoryview, kind: str, said: str) -> Any:  # noqa: ANN401
    try:
        return types.deserialize_cdr(data, kind)
    except UNREADABLE as error:
        raise ClaifoError(f'{said}: a message cannot be decoded ({error})') from None


def ticks_of(start_ns: int, count: int, rate_hz: float) -> NDArray[np.int64]:
    """Return the first ``count`` ticks of an episode that begins at ``start_ns``."""
    return start_ns + np.array([tick_ns(k, rate_hz) for k in range(count)], np.int64)


def newest_at(
    ticks_ns: NDArray[np.int64], stamps_ns: NDArray[np.int64], rate_hz: float
) -> NDArray[np.intp]:
    """Return which message each tick sees; -1: none so far."""
    late_ns = int(JITTER * _NS_PER_S / rate_hz)
    return np.searchsorted(stamps_ns, ticks_ns + late_ns, 'right') - 1
