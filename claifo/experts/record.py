"""Record the videos of an expert as a folder of bags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import claifo_sim
from claifo.bags.topics import camera_topics
from claifo.bags.writer import BagWriter
from claifo.experts.policies import RandomActions, load_expert
from claifo.experts.state_env import COMPARED_EPISODES, random_return
from claifo_core.data import Demonstration

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from claifo.experts.config import RecordConfig
    from claifo.experts.policies import StateExpert
    from claifo.films import Film
    from claifo_sim.env import SimEnv


def record(
    film: Film,
    config: RecordConfig,
    out: Path,
    command: str = '',
    report: Callable[[str], None] = print,
) -> list[float]:
    """Record episodes of the task's expert, one picture per control step.

    The pictures are those of every state from the first to the last, so an episode of T control
    steps has T + 1 of them. The true returns stand beside the bags, for evaluation only.

    Args:
        film: What it shows.
        config: How much of it; episode i has seed ``config.seed + i``.
        out: folder of the data set, which must not exist yet; it appears when all is recorded.
        command: what the user typed, kept beside the bags.
        report: takes the lines of progress.

    Returns:
        the true return of every episode.

    Raises:
        ClaifoError: ``out`` exists or cannot be written, or the task has no expert.
        SimError: unknown task or domain.
    """
    task, seed = film.task, config.seed
    info = claifo_sim.task_info(task)
    expert = RandomActions(seed) if film.random else load_expert(task)
    returns = []
    env = claifo_sim.make(
        task, film.domain, seed, size_px=film.side_px, episode_steps=config.episode_steps,
        cameras=film.cameras, image=film.image,
    )
    writer = BagWriter(
        out,
        rate_hz=info.control_hz,
        topics=tuple(f'/{topic}' for topic in camera_topics(film.cameras or info.cameras)),
        encoding='png' if config.compressed else 'rgb8',
        task=task,
        domain=film.domain,
        command=command,
        random_return=random_return(task, COMPARED_EPISODES),
    )
    try:
        with writer:
            for index in range(config.episodes):
                frames, shown, total = _play(env, expert, seed + index)
                writer.write_episode(
                    frames, shown=shown if film.actions else None, true_return=total,
                    seed=seed + index,
                )
                returns.append(total)
                report(
                    f'episode {index + 1}/{config.episodes}  {len(frames)} frames  '
                    f'return {total:.0f}'
                )
    finally:
        env.close()
    return returns


def _play(
    env: SimEnv, expert: StateExpert, seed: int
) -> tuple[NDArray[np.uint8], Demonstration, float]:
    """Play one episode.

    Returns:
        Its pictures, uint8 (T + 1, H, W, 3 V), the actions as they were carried out with what
        they earned, and its true return.
    """
    observation, _ = env.reset(seed=seed)
    expert.reset(env)
    frames, total, done = [observation['pixels']], 0.0, False
    actions: list[NDArray[np.float32]] = []
    rewards: list[float] = []
    while not done:
        action = expert.act(env, observation['state'])
        observation, reward, terminated, truncated, _ = env.step(action)
        frames.append(observation['pixels'])
        actions.append(np.clip(action, -1, 1).astype(np.float32))
        rewards.append(reward)
        total += reward
        done = terminated or truncated
    shown = Demonstration(
        np.stack(actions), np.array(rewards, np.float32), terminated=terminated
    )
    return np.stack(frames), shown, total
