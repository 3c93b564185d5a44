"""Whether what arrives is what a policy was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    import numpy as np

    from claifo_core.policy import Policy
    from claifo_nodes.time_steps import Batch


def check_frames(policy: Policy, frames: np.ndarray) -> None:
    """Check the shape of frames (N, H, W, 3 V).

    Raises:
        ClaifoError: The policy wants to see frames of another size or of other cameras.
    """
    _, height, width, planes = frames.shape
    if planes != 3 * policy.views:
        raise ClaifoError(
            f'frames are of {planes // 3} cameras; the policy was trained with {policy.views}'
        )
    if (height, width) != (policy.frames.size_px,) * 2:
        raise ClaifoError(
            f'frames are {width}x{height} pixels; the policy was trained with '
            f'{policy.frames.size_px}x{policy.frames.size_px}'
        )


def proprio(policy: Policy, batch: Batch) -> np.ndarray | None:
    """Return the proprioception (N, P), if the policy needs it; torch wants to own its memory.

    Raises:
        ClaifoError: The simulator sends another one.
    """
    if not policy.proprio_dim:
        return None
    if batch.proprio.shape[1] != policy.proprio_dim:
        raise ClaifoError(
            f'proprioception has {batch.proprio.shape[1]} numbers; the policy was trained with '
            f'{policy.proprio_dim}'
        )
    return batch.proprio.copy()
