"""What an environment shows the learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TimeStep:
    """What one environment shows after one agent step.

    Attributes:
        frame: uint8, shape (H, W, 3 V), RGB, camera after camera.
        action: The action that led here, float32 (A,); None at the start of an episode.
        reward: Environment reward of that action.
        terminated: The task ended the episode (a time limit does not).
        proprio: What the robot measures of itself, float32 (P,); None where it is not used.
    """

    frame: NDArray[np.uint8]
    action: NDArray[np.float32] | None = None
    reward: float = 0.0
    terminated: bool = False
    proprio: NDArray[np.float32] | None = None
