"""What makes the latents invariant: InfoNCE on two views of the same frames (step 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from claifo_core.agent import losses
from claifo_core.agent.diagnostics import retrieval
from claifo_core.data.stacks import Stacks, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.config import AgentConfig

Part = tuple[Stacks, str]
"""Stacks, and the role in which they are viewed."""


class View(NamedTuple):
    """One random view of a batch.

    Attributes:
        latent: Of the shared encoder, shape (B, Z).
        images: Shape (B, 3 T V, H, W); None where an objective needs none.
        features: Of the encoder before its linear layer, shape (B, F), where those are compared.
    """

    latent: Tensor
    images: Tensor | None = None
    features: Tensor | None = None

    @property
    def compared(self) -> Tensor:
        """What InfoNCE sees."""
        return self.latent if self.features is None else self.features


class Objective(Protocol):
    """A loss of the encoder on two views of the same frames.

    Attributes:
        two_way: Whether the second view is graded and shown with its images, as the first is.
        raw_anchor: Whether the first view is the frames as they are.
    """

    two_way: bool
    raw_anchor: bool

    def loss(self, first: View, second: View) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and metrics."""

    def after_step(self) -> None:
        """Follow the encoder, which has just been stepped."""


def contrasted(
    data: str, agent: Stacks, expert: Stacks, random: Sequence[Stacks]
) -> tuple[list[Part], list[Part]]:
    """Return what the contrastive loss compares, row by row (algorithm 1.7).

    Rows of agent and expert are two views of the same frames. Rows of films of random actions are
    unlike frames, seen as they are: of one world and the other, so that the domains become one
    distribution; with ``agent+random`` the agent's beside every other one of its own world.

    Args:
        data: ``agent.contrastive_data``.
        agent: Stacks of the agent.
        expert: Stacks of the expert.
        random: Stacks from random actions in the agent's world and in the expert's.

    Returns:
        The parts of the first view, and those of the second.
    """
    if data == 'agent':
        return [(agent, 'anchor')], [(agent, 'contrastive')]
    first: list[Part] = []
    second: list[Part] = []
    if data != 'random':
        obs = agent if data == 'agent+random' else join([agent, expert])
        first, second = [(obs, 'anchor')], [(obs, 'contrastive')]
    if data != 'expert':
        # Draws are independent already; the shift keeps a pair from coming twice, reversed.
        ours, theirs, shifted = *random, random[0].roll()
        if data == 'agent+random':
            other = torch.arange(len(ours), device=ours.device) % 2 == 0
            first.append((ours, 'raw'))
            second.append((theirs.where(other, shifted), 'raw'))
        else:
            first.append((join([ours, theirs]), 'raw'))
            second.append((join([theirs, shifted]), 'raw'))
    return first, second


class InfoNce:
    """Recognise the other view of a frame among those of the batch; its gradient stops."""

    two_way = raw_anchor = False

    def __init__(
        self, config: AgentConfig, similarity: Tensor, projection: nn.Module | None
    ) -> None:
        """Take the matrix of the bilinear form, and a head before it, if any."""
        self._config, self._similarity, self._projection = config, similarity, projection

    def loss(self, first: View, second: View) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`Objective`."""
        anchor, positive = first.compared, second.compared
        if self._projection is not None:
            anchor, positive = self._projection(anchor), self._projection(positive).detach()
        if self._config.contrastive == 'bilinear':
            logits = losses.bilinear_logits(anchor, positive, self._similarity)
        else:
            logits = losses.cosine_logits(anchor, positive, self._config.temperature)
        loss = losses.info_nce(logits)
        return loss, {'contrastive_loss': loss.detach(), 'contrastive_accuracy': retrieval(logits)}

    def after_step(self) -> None:
        """Nothing follows."""
