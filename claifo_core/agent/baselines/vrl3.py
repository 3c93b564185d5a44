"""VRL3 (arXiv 2202.10324): reinforcement learning that begins with demonstrations.

Its second stage learns from demonstrations alone, with a critic that is held low where they do
not go. Its third is online: demonstrations and the agent's own steps are one memory, and targets
of the critic hardly grow beyond what the task can pay. Numbers are those of the published code.
Its first stage, an encoder that has learnt ImageNet, is left out: there are no such weights here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from claifo_core.agent.agent import Agent
from claifo_core.agent.exploration import smoothed

if TYPE_CHECKING:
    from claifo_core.agent.auxiliary import CriticStep
    from claifo_core.agent.networks import Networks
    from claifo_core.data.replay import Batch
from claifo_core.data.stacks import Stacks

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
    fields: dict[str, Any] = {}
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


class SafeAgent(Agent):
    """Targets of the critic hardly grow beyond ``agent.safe_q``."""

    def _target(self, reward: Tensor, discount: Tensor, values: tuple[Tensor, Tensor]) -> Tensor:
        return safe_target(super()._target(reward, discount, values), self._config.safe_q)


class Conservative:
    """What holds Q low for actions that no demonstration shows (CQL, arXiv 2006.04779)."""

    def __init__(self, networks: Networks, std_clip: float, rng: torch.Generator) -> None:
        """Take critic and actor, the bound of the actor's noise, and where draws come from."""
        self._critic, self._actor = networks.critic, networks.actor
        self._clip, self._rng = std_clip, rng

    def loss(self, step: CriticStep, std: float | Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.agent.auxiliary.Auxiliary`."""
        action, _ = smoothed(self._actor, step.state.detach(), std, self._clip, self._rng)
        loss = self.held_low(step.state, step.values, action.detach(), step.next_action)
        return loss, {'conservative_loss': loss.detach()}

    def held_low(self, state: Tensor, shown: tuple[Tensor, Tensor], *played: Tensor) -> Tensor:
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
