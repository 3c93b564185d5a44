"""Episodes with what the robot measured of itself: frames, and joint states at the same ticks.

At each tick the newest joint states count that are not later, by the rule of
:mod:`claifo.bags.resample`. Frames before the first joint states are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

from claifo.bags.episodes import bag_episodes
from claifo.bags.reader import Bag, find_bags
from claifo.bags.report import Tally
from claifo.bags.resample import JITTER, tick_ns
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo.bags.options import ReadOptions
    from claifo.bags.reader import BagPath
    from claifo.bags.report import BagReport
    from claifo_core.deploy.contract import Proprio

JOINT_STATE = 'sensor_msgs/msg/JointState'
_NS_PER_S = 1e9


def read_felt_episodes(
    bag: Path, options: ReadOptions, proprio: Proprio
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float32]], BagReport]:
    """Read episodes of frames with the numbers that a policy sees beside them.

    Args:
        bag: A bag, or a folder of bags.
        options: What to read of the cameras, and how.
        proprio: Which joint states.

    Returns:
        Frames, uint8 (T, size, size, 3 V), and numbers, float32 (T, P), of each episode; and what
        happened on the way.

    Raises:
        ClaifoError: as :func:`claifo.bags.read_episodes`; also when joint states are missing.
    """
    tally = Tally()
    films: list[NDArray[np.uint8]] = []
    felt: list[NDArray[np.float32]] = []
    for where in find_bags([bag]):
        stamps_ns, numbers = _joint_states(where, proprio)
        for film in bag_episodes(where, options, tally):
            ticks_ns = tally.starts_ns[-1] + np.array(
                [tick_ns(k, options.rate_hz) for k in range(len(film))]
            )
            late_ns = int(JITTER * _NS_PER_S / options.rate_hz)
            newest = np.searchsorted(stamps_ns, ticks_ns + late_ns, 'right') - 1
            known = newest >= 0
            if known.sum() < options.min_frames:
                raise ClaifoError(
                    f'{where.path}: {proprio.topic}: no joint states at the time of the pictures; '
                    'record both together, with the same clock'
                )
            films.append(film[known])
            felt.append(numbers[newest[known]])
    return films, felt, tally.report()


def _joint_states(
    where: BagPath, proprio: Proprio
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the stamps (N,) in their order, and the numbers (N, P)."""
    types = get_typestore(Stores.ROS2_JAZZY)
    rows: list[tuple[int, list[float]]] = []
    with Bag(where) as bag:
        names = [topic.name for topic in bag.topics() if topic.type == JOINT_STATE]
        if proprio.topic not in names:
            raise ClaifoError(
                f'{bag.path}: no {JOINT_STATE} on {proprio.topic}'
                f'{did_you_mean(proprio.topic, names)}; the policy needs '
                f'{len(proprio.names)} numbers of it'
            )
        for topic, time_ns, data in bag.messages():
            if topic.name == proprio.topic:
                message = _decoded(types, data, f'{bag.path}: {topic.name}')
                stamp = message.header.stamp
                stamp_ns = stamp.sec * 10**9 + stamp.nanosec
                rows.append((stamp_ns or time_ns, _chosen(message, proprio, str(bag.path))))
    rows.sort(key=lambda row: row[0])
    stamps = np.array([stamp_ns for stamp_ns, _ in rows], np.int64)
    return stamps, np.array([numbers for _, numbers in rows], np.float32)


def _decoded(types: Any, data: bytes | memoryview, where: str) -> Any:  # noqa: ANN401
    try:
        return types.deserialize_cdr(data, JOINT_STATE)
    except (SerdeError, ValueError, AssertionError, IndexError) as error:
        raise ClaifoError(f'{where}: a message cannot be decoded ({error})') from None


def _chosen(message: Any, proprio: Proprio, where: str) -> list[float]:  # noqa: ANN401
    """Return the numbers of one message in the order of the policy.

    Raises:
        ClaifoError: a joint or a field is missing, or a number is not finite.
    """
    place = {name: k for k, name in enumerate(message.name)}
    numbers = []
    for name, field in zip(proprio.names, proprio.fields, strict=True):
        values = getattr(message, field)
        if name not in place or place[name] >= len(values):
            raise ClaifoError(
                f'{where}: {proprio.topic}: there is no {field} of joint {name}'
                f'{did_you_mean(name, place)}'
            )
        numbers.append(float(values[place[name]]))
    if not np.isfinite(numbers).all():
        raise ClaifoError(f'{where}: {proprio.topic}: a number is not finite')
    return numbers
