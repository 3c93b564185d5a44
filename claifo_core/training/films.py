"""What a learner takes of films, and refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from claifo_core.config import TrainConfig
    from claifo_core.data import Demonstration


def check_videos(
    whose: str, videos: Sequence[NDArray[np.uint8]], config: TrainConfig, views: int
) -> None:
    """Check that the episodes of a film fit a run.

    Args:
        whose: Names the film in errors.
        videos: Episodes, uint8 (T, H, W, 3 V) each.
        config: The run.
        views: Cameras per frame, V.

    Raises:
        ClaifoError: there is none, or one does not fit.
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


def random_films(
    random: Sequence[Sequence[NDArray[np.uint8]]], config: TrainConfig
) -> list[tuple[str, Sequence[NDArray[np.uint8]]]]:
    """Return the films of random actions with the names that errors give them; [] if not needed.

    Args:
        random: Of the agent's world, and of the expert's.
        config: The run.

    Raises:
        ClaifoError: they are needed and not there.
    """
    if not config.agent.needs_random:
        return []
    worlds = ("random actions, the agent's world", "random actions, the expert's world")
    if len(random) != len(worlds):
        raise ClaifoError(
            'agent.contrastive_data or agent.random_constraint: films of random actions of both '
            'worlds are needed'
        )
    return list(zip(worlds, random, strict=True))


def check_demonstrations(
    demonstrations: Sequence[Demonstration],
    videos: Sequence[NDArray[np.uint8]],
    config: TrainConfig,
    action_dim: int,
) -> None:
    """Check that what is known beside the expert's videos fits them, and is there if needed.

    Args:
        demonstrations: One for each video; none where videos are images alone.
        videos: Episodes, uint8 (T, H, W, 3 V) each.
        config: The run.
        action_dim: Length of an action, A.

    Raises:
        ClaifoError: it does not, or is not.
    """
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
