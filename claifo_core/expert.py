"""What a learner takes of an expert, and refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from claifo_core.config import TrainConfig


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


def check_expert(
    config: TrainConfig,
    views: int,
    action_dim: int,
    videos: Sequence[NDArray[np.uint8]],
    demonstrations: Sequence[Demonstration],
) -> None:
    """Check that videos, and what is known beside them, fit a run.

    Args:
        config: The run.
        views: Cameras per frame, V.
        action_dim: Length of an action, A.
        videos: Expert episodes, uint8 (T, H, W, 3 V) each.
        demonstrations: One for each; none where videos are images alone.

    Raises:
        ClaifoError: they do not.
    """
    size = config.env.size_px
    needed = config.agent.n_step + 1
    if not videos:
        raise ClaifoError('expert: no episode; at least one is needed')
    for number, video in enumerate(videos):
        wanted = (size, size, 3 * views)
        if video.shape[1:] != wanted:
            raise ClaifoError(
                f'expert: frames of episode {number} are {video.shape[1:]}; the agent sees '
                f'{wanted} (env.size_px, env.cameras)'
            )
        if len(video) < needed:
            raise ClaifoError(
                f'expert: episode {number} has {len(video)} frames; at least {needed} are '
                'needed (agent.n_step + 1)'
            )
    found = [shown.actions.shape for shown in demonstrations]
    shapes = [(len(video) - 1, action_dim) for video in videos]
    agent = config.agent
    if found != shapes and (found or agent.cloning or agent.demonstrations):
        raise ClaifoError(
            f'expert: actions are {found or "missing"}; {shapes} are needed, one for each frame '
            'but the last of each episode (expert.action_topic)'
        )
    earned = [0 if shown.rewards is None else len(shown.rewards) for shown in demonstrations]
    if agent.demonstrations and earned != [length for length, _ in shapes]:
        raise ClaifoError(
            f'expert: there are {earned} rewards; {[length for length, _ in shapes]} are needed, '
            'one for each action (expert.reward_topic)'
        )
