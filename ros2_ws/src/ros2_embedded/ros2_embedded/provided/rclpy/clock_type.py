"""The kinds of clocks."""

from enum import IntEnum


class ClockType(IntEnum):
    """Which clock a time belongs to."""

    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3
