"""VRL3 (arXiv 2202.10324): reinforcement learning that begins with demonstrations.

Its second stage learns from demonstrations alone, with a critic that is held low where they do
not go. Its third is online: demonstrations and the agent's own steps are one memory, and targets
of the critic hardly grow beyond what the task can pay. Numbers are those of the published code.
Its first stage, an encoder that has learnt ImageNet, is left out: there are no such weights here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claifo_core.data.replay import Batch
from claifo_core.data.stacks import Stacks

if TYPE_CHECKING:
    from claifo_core.agent.networks import TwinCritic

RANDOM_ACTIONS = 10
"""Drawn for each sample, to be held low."""
OFFLINE_STD = 0.1
"""Scale of the noise on the policy's actions in the second stage."""


def mixed(agent: Batch, expert: Batch, share: Tensor, rng: torch.Generator) -> Batch:
    """Return a batch as if drawn from both memories as one; needs no host.

    Args:
        agent: Transitions of the agent.
        expert: As many of the expert, with actions and rewards.
        share: Of the expert in the whole memory, a scalar.
        rng: Draws whose each transition is, on the device of the batches.
    """
    size = len(agent.reward)
    theirs = torch.rand(size, generator=rng, device=rng.device) < share
    fields = {}
    for name, ours in vars(agent).items():
        other = getattr(expert, name)
        if isinstance(other, Stacks):
            fields[name] = other.where(theirs, ours)
        else:
            fields[name] = torch.where(theirs.view(size, *[1] * (ours.ndim - 1)), other, ours)
    return dataclasses.replace(agent, **fields)


def safe_target(target: Tensor, limit: float) -> Tensor:
    """Return targets whose excess over ``limit`` is its square root, if it is more than 1."""
    excess = target - limit
    return torch.where(excess > 1, limit + excess.clamp_min(1).sqrt(), target)


class Conservative:
    """What holds Q low for actions that no demonstration shows (CQL, arXiv 2006.04779)."""

    def __init__(self, critic: TwinCritic, rng: torch.Generator) -> None:
        """Take the critic, and where random actions come from."""
        self._critic, self._rng = critic, rng

    def loss(self, state: Tensor, shown: tuple[Tensor, Tensor], *played: Tensor) -> Tensor:
        """Return log sum exp of Q over many actions, less Q of the one shown; both critics added.

        Args:
            state: Shape (B, Z).
            shown: Q1 and Q2 of the demonstrated action, shape (B,) each.
            played: Actions of the policy, shape (B, A) each.
        """
        size, dim = played[0].shape
        drawn = torch.rand((RANDOM_ACTIONS, size, dim), generator=self._rng, device=state.device)
        actions = torch.cat([2 * drawn - 1, torch.stack(played)])
        states = state.expand(len(actions), *state.shape)
        others = self._critic(states.flatten(0, 1), actions.flatten(0, 1))
        losses = [
            torch.logsumexp(torch.cat([q.view(-1, size), own[None]]), 0).mean() - own.mean()
            for q, own in zip(others, shown, strict=True)
        ]
        return losses[0] + losses[1]
