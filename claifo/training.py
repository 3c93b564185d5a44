"""From a configuration to a run: expert bag in, simulators and trainer started."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from claifo.bags import BagReport, ReadOptions, read_episodes, read_truth
from claifo.bags.demonstrations import read_demonstrations
from claifo.bags.topics import camera_topics, split_topics
from claifo.environments import agent_hz, env_spec, evaluation_env
from claifo.films import Film, film_place
from claifo_core.config import ExpertConfig, TrainConfig
from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError
from claifo_core.training import parallel
from claifo_core.training.run import Setting
from claifo_core.training.trainer import Trainer, World
from claifo_sim import VectorEnv, task_info

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo.bags.truth import Truth
    from claifo_core.data import Demonstration

COMPARED_EPISODES = 5


class Expert(NamedTuple):
    """What there is of the expert.

    Attributes:
        videos: Episodes, uint8 (T, H, W, 3 V) each.
        demonstrations: What it did there, one each; none where the films are images alone.
        report: What happened on the way.
    """

    videos: list[NDArray[np.uint8]]
    demonstrations: list[Demonstration]
    report: BagReport


def read_expert(config: TrainConfig) -> Expert:
    """Read the expert's videos as the agent would see them: its rate, its frame size.

    With ``expert.action_topic`` also what it did, and with ``expert.reward_topic`` what it earned.

    Raises:
        ClaifoError: no bag is named, or the bag cannot be used (see :mod:`claifo.bags`).
    """
    expert, task = config.expert, config.env.task
    env_spec(config.env)  # first of all: task, domain or camera may be misspelt
    bag = _film(config, 'bag')
    options = _options(config)
    if not expert.action_topic:
        videos, report = read_episodes([bag], options)
        return Expert(videos, [], report)
    found = read_demonstrations(
        [bag], options, task_info(task).action_dim, action_topic=expert.action_topic,
        reward_topic=expert.reward_topic,
    )  # fmt: skip
    return Expert(*found)


def read_random(config: TrainConfig) -> list[list[NDArray[np.uint8]]]:
    """Read the films of random actions, of the agent's world and the expert's; [] if not needed.

    The agent's is read as its simulator shows it, whatever topic and crop the expert's has.

    Raises:
        ClaifoError: as :func:`read_expert`.
    """
    if not config.agent.needs_random:
        return []
    plain = dataclasses.replace(config, expert=ExpertConfig())
    films = (
        (_film(config, 'random_agent_bag'), _options(plain)),
        (_film(config, 'random_bag'), _options(config)),
    )
    return [read_episodes([bag], options)[0] for bag, options in films]


def _film(config: TrainConfig, option: str) -> Path:
    """Return the bag that an option names, or the one that is recorded for it."""
    place = film_place(config, option)
    if not getattr(config.expert, option) and not place.exists():
        raise ClaifoError(
            f'expert.{option} is empty and there is no {place}; record one with '
            f'`claifo {" ".join(Film.of(config, option).words())}`, or name yours with '
            f'`--expert.{option}`'
        )
    return place


def _options(config: TrainConfig) -> ReadOptions:
    expert, env = config.expert, config.env
    return ReadOptions(
        frames=FrameSpec(env.size_px, expert.crop, env.observation),
        rate_hz=agent_hz(env),
        topics=topics_of(config),
        split=expert.split,
        gap_s=expert.gap_s,
        marker_topic=expert.marker_topic,
        max_episodes=expert.max_episodes,
        min_frames=max(env.frame_stack, config.agent.n_step + 1),
    )


def topics_of(config: TrainConfig) -> tuple[str, ...]:
    """Return the image topics to read; none: the only one of the bag."""
    named = split_topics(config.expert.topic)
    cameras = env_spec(config.env).filmed_by
    if named or len(cameras) == 1:
        return named
    return tuple(f'/{topic}' for topic in camera_topics(cameras))


def setting(config: TrainConfig) -> Setting:
    """Return what a run of ``config`` is evaluated in and compared with."""
    return Setting(
        single=functools.partial(evaluation_env, config.env),
        control_hz=agent_hz(config.env),
        compared=functools.partial(_compared, config),
        solved_steps=task_info(config.env.task).solved_steps,
    )


def _world(config: TrainConfig, *, evaluated: bool) -> World:
    specs = [env_spec(config.env)] * config.env.num_envs
    world = World(**vars(setting(config)), vector=functools.partial(VectorEnv, specs))
    return world if evaluated else dataclasses.replace(world, single=None, compared=dict)


def _compared(config: TrainConfig) -> dict[str, float | None]:
    """Return what a reader of the curves wants to compare with; the learner never sees it."""
    from claifo.experts import COMPARED_EPISODES, random_return

    task = config.env.task
    truth = read_truth(film_place(config))
    known = truth if truth and truth.task == task else None
    random = known.random_return if known else None
    return {
        'expert_return': _expert_return(known, config) if known else None,
        'random_return': random_return(task, COMPARED_EPISODES) if random is None else random,
    }


def _expert_return(truth: Truth, config: TrainConfig) -> float | None:
    """Return the filmed expert's true return per whole episode, as evaluations count it."""
    from claifo.experts import COMPARED_EPISODES, expert_scores, expert_tasks, load_expert

    task = config.env.task
    if truth.returns and all(e.frames > task_info(task).control_steps for e in truth.episodes):
        return float(np.mean(truth.returns))
    if task not in expert_tasks():
        return None
    # The film shows cut episodes: let the same expert play whole ones.
    played = expert_scores(task, load_expert(task), COMPARED_EPISODES, config.seed)
    return float(played.returns.mean())


def train(
    config: TrainConfig,
    run_dir: Path,
    *,
    console: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Start a run, or resume the one in ``run_dir``, and train to its end.

    Started by `torchrun`, each process calls this; all but the first keep their replay in
    ``run_dir``/rank1, rank2, …, and are silent.

    Args:
        config: The run.
        run_dir: Its folder.
        console: Show progress on standard error.
        stop: Asked between steps; true ends the session with a checkpoint.

    Returns:
        The last metrics record; nothing in all but the first process.

    Raises:
        ClaifoError: bag, checkpoint or configuration cannot be used.
    """
    expert, random = read_expert(config), read_random(config)
    team = parallel.join()
    first = team.rank == 0
    for line in expert.report.lost if first else ():
        print(f'expert: {line}')
    folder = run_dir if first else run_dir / f'rank{team.rank}'
    world = _world(config, evaluated=first)
    with (
        closing(team),
        closing(
            Trainer(
                config, folder, world, expert.videos, demonstrations=expert.demonstrations,
                console=console and first, team=team, random=random,
            )
        ) as trainer,
    ):
        end = trainer.run(stop)
    return end if first else {}
