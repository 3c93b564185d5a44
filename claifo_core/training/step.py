"""What a run asks of a step of its environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Step(Protocol):
    """What N environments show: pixels uint8 (N, H, W, 3 V), proprio (N, P), the rest (N,)."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Frames; valid until the next step."""

    @property
    def proprio(self) -> NDArray[np.float32]:
        """What the robots measure of themselves; valid until the next step."""

    @property
    def reward(self) -> NDArray[np.float32]:
        """True rewards."""

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """Whether the task ended the episode."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the time was up."""

    @property
    def success(self) -> NDArray[np.bool_]:
        """Whether the task is solved in this step."""
