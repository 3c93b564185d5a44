"""What videos must be like to be learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from claifo_core.config import TrainConfig


def check_videos(
    whose: str, videos: Sequence[NDArray[np.uint8]], config: TrainConfig, views: int
) -> None:
    """Check the episodes of a film, uint8 (T, H, W, 3 V) each.

    Args:
        whose: Names the film in errors.
        videos: Its episodes.
        config: The run.
        views: Cameras per frame, V.

    Raises:
        ClaifoError: there is none, or one does not fit frame size or n-step window.
    """
    size = config.env.size_px
    needed = config.agent.n_step + 1
    if not videos:
        raise ClaifoError(f'{whose}: no episode; at least one is needed')
    for number, video in enumerate(videos):
        wanted = (size, size, 3 * views)
        if video.shape[1:] != wanted:
            raise ClaifoError(
                f'{whose}: frames of episode {number} are {video.shape[1:]}; the agent sees '
                f'{wanted} (env.size_px, env.cameras)'
            )
        if len(video) < needed:
            raise ClaifoError(
                f'{whose}: episode {number} has {len(video)} frames; at least {needed} are '
                'needed (agent.n_step + 1)'
            )
