"""Messages in the order of their log times, from parts of a bag that are opened when it is time.

A recorder writes nearly in order; tools that convert, split or repair bags do not. Parts that
overlap in time are open together, so memory is that of the parts around one moment.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claifo.bags.parts import Message

_MOST_OPEN_BYTES = 1 << 28


class Part(NamedTuple):
    """Some messages of a bag.

    Attributes:
        first_ns: No message of it is earlier.
        held_bytes: Memory that it takes while it is open.
        messages: Opens it: its messages by log time, those of one time as recorded.
    """

    first_ns: int
    held_bytes: int
    messages: Callable[[], Iterator[Message]]


class _Open(NamedTuple):
    """A part at its next message; place in the bag breaks ties."""

    time_ns: int
    number: int
    message: Message
    rest: Iterator[Message]
    held_bytes: int


def merged(parts: Sequence[Part]) -> Iterator[Message]:
    """Yield the messages of all parts by log time, those of one time in the order of the parts.

    Raises:
        ClaifoError: so many parts overlap that they would fill the memory.
    """
    heap: list[_Open] = []
    for number, part in sorted(enumerate(parts), key=lambda pair: (pair[1].first_ns, pair[0])):
        yield from _before(heap, part.first_ns)
        if sum(o.held_bytes for o in heap) + part.held_bytes > _MOST_OPEN_BYTES and heap:
            raise ClaifoError(
                f'{len(heap) + 1} chunks of the bag lie at the same time and are too large to be '
                'put in order together; sort it: mcap sort IN.mcap -o OUT.mcap'
            )
        _push(heap, number, part.messages(), part.held_bytes)
    yield from _before(heap, None)


def _push(heap: list[_Open], number: int, rest: Iterator[Message], held_bytes: int) -> None:
    if message := next(rest, None):
        heapq.heappush(heap, _Open(message[1], number, message, rest, held_bytes))


def _before(heap: list[_Open], end_ns: int | None) -> Iterator[Message]:
    """Yield the messages of open parts before a time; None: all."""
    while heap and (end_ns is None or heap[0].time_ns < end_ns):
        first = heapq.heappop(heap)
        yield first.message
        # as long as no other part is due, nothing needs to be compared but times
        due_ns = min((t for t in (end_ns, heap[0].time_ns if heap else None) if t is not None),
                     default=None)  # fmt: skip
        for message in first.rest:
            if due_ns is not None and message[1] >= due_ns:
                heapq.heappush(heap, first._replace(time_ns=message[1], message=message))
                break
            yield message
