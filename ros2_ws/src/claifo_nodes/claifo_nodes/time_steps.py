"""TimeStep messages to arrays and back."""

from __future__ import annotations

import array
from typing import Any, NamedTuple

import numpy as np
from claifo_msgs.msg import TimeStep

from claifo_core.errors import ClaifoError


class Batch(NamedTuple):
    """One control step of N environments.

    Attributes:
        frames: uint8 (N, H, W, 3 V), RGB, the pictures of V cameras one behind the other.
        action: float32 (N, A), what led here.
        proprio: float32 (N, P).
        reward: float32 (N,).
        discount: float32 (N,); 0 where the task ended the episode.
        step_type: uint8 (N,); FIRST, MID or LAST of TimeStep.
        success: bool (N,).
    """

    frames: np.ndarray
    action: np.ndarray
    proprio: np.ndarray
    reward: np.ndarray
    discount: np.ndarray
    step_type: np.ndarray
    success: np.ndarray


def flat(values: np.ndarray) -> array.array:
    """Return the numbers as the kind of array that rclpy takes without looking at each."""
    kind = {'uint8': 'B', 'float32': 'f'}[values.dtype.name]
    found = array.array(kind)
    found.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return found


def pack(batch: Batch, **fields: Any) -> TimeStep:  # noqa: ANN401 (of the message)
    """Return the message; ``fields`` are those that are not in the batch."""
    count, height, width, planes = batch.frames.shape
    return TimeStep(
        num_envs=count,
        height=height,
        width=width,
        views=planes // 3,
        frames=flat(batch.frames),
        action=flat(batch.action),
        proprio=flat(batch.proprio),
        reward=flat(batch.reward),
        discount=flat(batch.discount),
        step_type=flat(batch.step_type),
        success=batch.success.tolist(),
        **fields,
    )


def unpack(message: TimeStep) -> Batch:
    """Return the arrays of a message; frames are a view of it.

    Raises:
        ClaifoError: A length does not fit, a number is not finite, or a step type unknown.
    """
    planes = 3 * message.views
    count, size = message.num_envs, message.height * message.width * planes
    if count == 0 or size == 0:
        raise ClaifoError(
            f'TimeStep has {count} environments of {message.width}x{message.height} pixels '
            f'and {message.views} cameras'
        )
    frames = _rows('frames', message.frames, np.uint8, count, size)
    batch = Batch(
        frames=frames.reshape(count, message.height, message.width, planes),
        action=_rows('action', message.action, np.float32, count),
        proprio=_rows('proprio', message.proprio, np.float32, count),
        reward=_rows('reward', message.reward, np.float32, count, 1)[:, 0],
        discount=_rows('discount', message.discount, np.float32, count, 1)[:, 0],
        step_type=_rows('step_type', message.step_type, np.uint8, count, 1)[:, 0],
        success=_rows('success', np.array(message.success, bool), np.bool_, count, 1)[:, 0],
    )
    for name in ('action', 'proprio', 'reward', 'discount'):
        if not np.isfinite(getattr(batch, name)).all():
            raise ClaifoError(f'TimeStep.{name} holds a number that is not finite')
    if batch.step_type.max() > TimeStep.LAST:
        raise ClaifoError(
            f'TimeStep.step_type has the value {batch.step_type.max()}; {TimeStep.LAST} (LAST) is '
            'the highest'
        )
    return batch


def _rows(
    name: str, values: Any, kind: type, count: int, size: int | None = None  # noqa: ANN401
) -> np.ndarray:
    """Return values as (count, size); without a size, as many columns as there are."""
    found: np.ndarray = np.frombuffer(values, kind)
    if found.size != (found.size // count if size is None else size) * count:
        expected = f'a multiple of {count}' if size is None else str(count * size)
        raise ClaifoError(f'TimeStep.{name} has {found.size} values; {expected} are needed')
    return found.reshape(count, -1)
