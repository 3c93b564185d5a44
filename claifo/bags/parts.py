"""The small records that the readers of both storage formats share."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """A topic of a bag: its name and message type, as ``sensor_msgs/msg/Image``."""

    name: str
    type: str


# Topic, time of recording in nanoseconds, serialised message (CDR with its encapsulation).
# A plain tuple: bags of small frames hold some hundred thousand messages per second.
Message = tuple[Topic, int, 'bytes | memoryview']


class Loss(NamedTuple):
    """Something that could not be read: one line with the file, and how many bytes it held."""

    reason: str
    lost_bytes: int
