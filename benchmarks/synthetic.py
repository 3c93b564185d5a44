"""Learners on random frames: speed does not depend on what is seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from claifo_core.data import Demonstration
from claifo_core.training.learner import Learner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo.cost import Shape
    from claifo_core.config import TrainConfig
    from claifo_core.data.replay import Replay

EPISODE_FRAMES = 250


def video(config: TrainConfig, shape: Shape, frames: int, seed: int) -> NDArray[np.uint8]:
    """Return random frames, uint8 (T, H, W, 3 V)."""
    size = config.env.size_px
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (frames, size, size, 3 * shape.views), np.uint8)


def fill(replay: Replay, frames: NDArray[np.uint8], lanes: int = 1) -> None:
    """Fill all lanes of a replay with the same frames again and again."""
    for lane in range(lanes):
        for _ in range(0, replay.lane_frames, len(frames)):
            replay.add_video(frames, lane)


def demonstration(frames: int, shape: Shape) -> Demonstration:
    """Return random actions, and rewards of nothing, for so many frames."""
    actions = np.random.default_rng(2).uniform(-1, 1, (frames - 1, shape.action_dim))
    return Demonstration(actions.astype(np.float32), np.zeros(frames - 1, np.float32))


def build(config: TrainConfig, shape: Shape, frames: int) -> Learner:
    """Return a learner with a replay for ``frames`` frames, full."""
    config = dataclasses.replace(config, replay_frames=frames)
    expert = video(config, shape, 2 * EPISODE_FRAMES, 1)
    random = [[expert], [expert]]  # looked at only where a method needs it
    learner = Learner(
        config, shape.action_dim, [expert], shape.proprio_dim, random=random,
        demonstrations=[demonstration(len(expert), shape)] if config.expert.action_topic else [],
    )  # fmt: skip
    fill(learner.replay, video(config, shape, EPISODE_FRAMES, 0), config.env.num_envs)
    return learner
