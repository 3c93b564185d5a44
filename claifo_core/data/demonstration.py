"""What is known of an expert beside its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Demonstration:
    """What is known of an episode of the expert beside its T frames.

    Attributes:
        actions: What it did at each frame but the last, float32 (T - 1, A).
        rewards: What each earned, float32 (T - 1,); None: not known.
        terminated: The task ended the episode (a time limit does not).
    """

    actions: NDArray[np.float32]
    rewards: NDArray[np.float32] | None = None
    terminated: bool = False
