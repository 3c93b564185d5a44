"""Episodes with what the robot measured of itself: frames, and joint states at the same ticks.

Frames before the first joint states are left out.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from claifo.bags.episodes import each_episode
from claifo.bags.messages import newest_at, read_headed, stamped, ticks_of
from claifo.bags.report import BagReport
from claifo_core.deploy.joints import Joints, Told
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo.bags.messages import Stamped
    from claifo.bags.options import ReadOptions
    from claifo.bags.reader import BagPath
    from claifo_core.deploy.contract import Proprio

JOINT_STATE = 'sensor_msgs/msg/JointState'
_OLDEST_S = 0.5
"""Joints are told at 10 Hz and more; what is older says nothing of a picture."""


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
    report = BagReport()
    films: list[NDArray[np.uint8]] = []
    felt: list[NDArray[np.float32]] = []
    read = functools.lru_cache(1)(functools.partial(_joint_states, proprio=proprio))
    for where, film in each_episode([bag], options, report):
        stamps_ns, numbers = read(where)
        ticks_ns = ticks_of(report.starts_ns[-1], len(film), options.rate_hz)
        newest = newest_at(ticks_ns, stamps_ns, options.rate_hz)
        known = newest >= 0
        age_s = np.where(known, ticks_ns - stamps_ns[newest], 0) / 1e9
        if (age_s > _OLDEST_S).any():
            tick = int((age_s > _OLDEST_S).argmax())
            raise ClaifoError(
                f'{where.path}: {proprio.topic}: no joint states for {age_s[tick]:.2f} s at frame '
                f'{tick} of episode {len(films) + 1} (the longest lack is {age_s.max():.2f} s); '
                'record both to the end, or cut the pictures there'
            )
        if known.sum() < options.min_frames:
            raise ClaifoError(
                f'{where.path}: {proprio.topic}: no joint states at the time of the pictures; '
                'record both together, with the same clock'
            )
        films.append(film[known])
        felt.append(numbers[newest[known]])
    return films, felt, report


def _joint_states(where: BagPath, proprio: Proprio) -> Stamped:
    """Merge the joint states of a bag by name, by the rule of :mod:`claifo_core.deploy.joints`.

    Raises:
        ClaifoError: a joint or a field is missing, or a number is not finite.
    """
    joints, said = Joints(proprio.names, proprio.fields), f'{where.path}: {proprio.topic}'
    need = f'the policy needs {len(proprio.names)} numbers of it'
    rows, others = [], set()
    for stamp_ns, message in read_headed(where, proprio.topic, JOINT_STATE, need):
        others.update(message.name)
        told = Told(message.name, message.position, message.velocity, message.effort, stamp_ns)
        try:
            if known := joints.together(told, stamp_ns):
                rows.append((known[0], known[1].tolist()))
        except ClaifoError as error:
            raise ClaifoError(f'{said}: {error}') from None
    if name := joints.missing():
        raise ClaifoError(f'{said}: {joints.lack()}{did_you_mean(name, others)}')
    return stamped(rows)
