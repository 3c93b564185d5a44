"""What cameras and joints send, in the words of a contract."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from sensor_msgs.msg import Image

from claifo.bags import codecs
from claifo.bags.picture_size import picture_size
from claifo_core.deploy.contract import Seen
from claifo_core.deploy.joints import TOGETHER_NS, Joints, Told
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, JointState

    from claifo_core.deploy.contract import Proprio

CLOCK_NS = 1_000_000_000
"""A stamp further from the ROS clock comes from a clock that is set wrong."""


def look(message: Image | CompressedImage, stamps_ns: list[int]) -> Seen:
    """Return what the contract speaks of in a picture, without unpacking it."""
    if isinstance(message, Image):
        return Seen(message.encoding, message.width, message.height, stamps_ns)
    height, width = picture_size(np.frombuffer(message.data, np.uint8).data) or (0, 0)
    return Seen(codecs.compression(message.format), width, height, stamps_ns)


def off(age_ns: int) -> str:
    """Return what is said of a clock that is set wrong."""
    return (f'stamps are {age_ns / 1e9:+.1f} s off the ROS clock; synchronise the clocks, or set '
            'use_sim_time for a bag')  # fmt: skip


class JointSource:
    """The joint states that a policy sees, from however many publishers."""

    def __init__(self, proprio: Proprio | None) -> None:
        """Know nothing yet."""
        names, fields = (proprio.names, proprio.fields) if proprio else ((), ())
        self._joints, self._first_s, self._damage = Joints(names, fields), 0.0, ''

    def take(self, message: JointState, now_ns: int) -> tuple[int, np.ndarray] | None:
        """Take a message; returns the stamp and the numbers (P,) known by it, if there are any.

        Raises:
            ClaifoError: it is damaged, or its clock is set wrong; it is left out.
        """
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec or now_ns
        self._first_s = self._first_s or time.monotonic()
        told = Told(message.name, message.position, message.velocity, message.effort, stamp_ns)
        try:
            if abs(now_ns - stamp_ns) > CLOCK_NS:
                raise ClaifoError(off(now_ns - stamp_ns))
            return self._joints.together(told, time.monotonic_ns())
        except ClaifoError as error:
            self._damage = str(error)
            raise

    @property
    def awaited(self) -> bool:
        """Whether another publisher may still tell what is missing."""
        if not self._joints.missing():
            return False
        return not self._first_s or time.monotonic() - self._first_s < TOGETHER_NS / 1e9

    @property
    def problem(self) -> str:
        """What is wrong with what came; empty if all is there."""
        return (self._damage or self._joints.lack()) if self._joints.missing() else ''
