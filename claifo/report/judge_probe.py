"""Judge the judge: does the imitation reward rank what a run has seen as the true reward does?

Encoder and discriminator learn anew on the replay of a finished run, which is left as it is, and
on a film. What takes an hour to show in a run shows here in minutes, if the replay holds behaviour
of every quality: that of a run on the true reward does.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from claifo.playback.domain_gap import DomainGap, domain_gap
from claifo.report.scenes import Stage
from claifo_core.agent.diagnostics import rank_correlation
from claifo_core.config import TrainConfig, settings
from claifo_core.device.seeding import generator
from claifo_core.errors import ClaifoError
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.learner import Learner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from claifo.report.scenes import Pairs
    from claifo_core.data.replay import Batch, Replay

_JUDGED, _SHOWN = 3000, 1000  # transitions of agent and expert
_PIECE = 250  # stacks encoded at once
_BEST, _WORST = 0.2, 0.5


@dataclass(frozen=True)
class Verdict:
    """What the judge says after so many updates.

    Attributes:
        updates: Updates done.
        rank_correlation: Spearman's, of D and the true reward over the agent's transitions; None:
            the true reward is the same in all.
        best: Mean D of the fifth that earned most.
        worst: Mean D of the half that earned least.
        expert: Mean D of the film.
        gap: What separates the two looks of the same states in the latent space.
    """

    updates: int
    rank_correlation: float | None
    best: float
    worst: float
    expert: float
    gap: DomainGap


def in_the_world_of(config: TrainConfig, run_dir: Path) -> TrainConfig:
    """Return a configuration with the world, frame sizes and replay of a run.

    Raises:
        ClaifoError: the run has no replay, or the configuration no judge of latents.
    """
    agent = config.agent
    if agent.reward == 'env' or agent.judge != 'latent' or agent.cloning:
        raise ClaifoError(
            f'agent.reward is {agent.reward}, agent.judge {agent.judge}, agent.cloning '
            f'{agent.cloning}: there is no discriminator of latents to judge; name a preset with '
            '--config, or set these'
        )
    if not Checkpoint(run_dir / 'checkpoint').exists():
        raise ClaifoError(f'{run_dir}: no checkpoint, so no replay; name the folder of a run')
    theirs = settings.load(run_dir / 'config.yaml')
    return dataclasses.replace(config, env=theirs.env, replay_frames=theirs.replay_frames)


def verdicts(
    config: TrainConfig,
    run_dir: Path,
    action_dim: int,
    videos: Sequence[NDArray[np.uint8]],
    looks: Pairs,
    *,
    updates: int,
    every: int,
) -> Iterator[Verdict]:
    """Learn from the replay of a run, and judge the judge again and again.

    Args:
        config: What learns, in the world of the run (:func:`in_the_world_of`).
        run_dir: The run.
        action_dim: Length of an action.
        videos: Film of the expert, uint8 (T, H, W, 3 V) each.
        looks: The same states in both looks (:meth:`claifo.report.scenes.Stage.stacks`).
        updates: Updates in all.
        every: Updates between verdicts.

    Yields:
        A verdict after every so many updates, and at the end.

    Raises:
        ClaifoError: the checkpoint is damaged, or the film does not fit.
    """
    learner = Learner(config, action_dim, videos)
    Checkpoint(run_dir / 'checkpoint').load_replay(learner.replay)
    for done in range(1, updates + 1):
        learner.update()
        if done % every == 0 or done == updates:
            yield _verdict(learner, looks)


def looks_of(config: TrainConfig, source: str) -> Pairs:
    """Return the same states as the expert's world and the agent's show them.

    Args:
        config: Its ``env`` is the agent's world.
        source: Domain of the film.
    """
    with Stage(config.env, source) as stage:
        return stage.stacks()


def _verdict(learner: Learner, looks: Pairs) -> Verdict:
    scores, reward = _scores(learner, learner.replay, _JUDGED)
    theirs, _ = _scores(learner, learner.expert, _SHOWN)
    order = reward.argsort(descending=True)
    policy = learner.policy()
    return Verdict(
        learner.updates,
        float(rank_correlation(scores, reward)) if reward.min() < reward.max() else None,
        float(scores[order[: round(_BEST * len(order))]].mean()),
        float(scores[order[-round(_WORST * len(order)) :]].mean()),
        float(theirs.mean()),
        domain_gap(policy.encode(looks.source), policy.encode(looks.target), looks.episode),
    )


def _scores(learner: Learner, replay: Replay, count: int) -> tuple[Tensor, Tensor]:
    """Return D and the true reward of transitions, the same ones each time, shape (N,) both."""
    rng = generator(learner.config.seed, 'judged', device=replay.frames.device)
    batches = [replay.sample(_PIECE, rng) for _ in range(count // _PIECE)]
    scores = [_score(learner, batch) for batch in batches]
    return torch.cat(scores).cpu(), torch.cat([batch.reward for batch in batches]).cpu()


@torch.no_grad()
def _score(learner: Learner, batch: Batch) -> Tensor:
    """Return D of the frames as they are, shape (B,)."""
    networks = learner.agent.networks
    pictures = torch.cat([batch.obs.pictures(), batch.next_obs.pictures()]).to(learner.device)
    pair = networks.encoder(pictures.flatten(1, 2).float()).chunk(2)
    score: Tensor = networks.discriminator(torch.cat(pair, 1)).squeeze(1)
    return score
