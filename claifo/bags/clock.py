"""Which clock the messages of a topic bear: that of their stamps, or the time of recording.

It is decided once for a whole topic, never message by message: stamps of a simulator and a
recorder's wall clock may lie decades apart. A stamp of 0 means that the driver set none, except
where a simulator's clock begins: in front of a first small stamp, or where time starts anew.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from claifo.bags.parts import Topic
    from claifo.bags.reader import Bag

_SOON_NS = 1_000_000_000
_STAMP_END = 12


def is_unstamped(stamps_ns: Sequence[int]) -> bool:
    """Return whether a message of a topic has no stamp, so that its times of recording count."""
    last = len(stamps_ns) - 1
    for k, stamp_ns in enumerate(stamps_ns):
        if stamp_ns:
            continue
        follows = stamps_ns[k + 1] if k < last else 0
        begins = k == 0 or follows < stamps_ns[k - 1]
        if not (begins and 0 < follows <= _SOON_NS):
            return True
    return False


def unstamped(bag: Bag, topics: Collection[Topic]) -> set[Topic]:
    """Read a bag once and return the topics, of such with a header, whose stamps do not count."""
    stamps: dict[Topic, array[int]] = {topic: array('q') for topic in topics}
    for topic, _, data in bag.messages():
        if topic in stamps and len(data) >= _STAMP_END:
            seconds, nanoseconds = struct.unpack_from('<iI' if data[1] & 1 else '>iI', data, 4)
            stamps[topic].append(seconds * 10**9 + nanoseconds)
    return {topic for topic, found in stamps.items() if is_unstamped(found)}
