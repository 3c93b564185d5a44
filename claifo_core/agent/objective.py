"""What makes the latents invariant: InfoNCE on two views of the same frames (step 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from claifo_core.agent import losses
from claifo_core.agent.diagnostics import retrieval
from claifo_core.data.stacks import join

if TYPE_CHECKING:
    from claifo_core.agent.sample import Sample
    from claifo_core.agent.sight import Part, View
    from claifo_core.config import AgentConfig

class Objective(Protocol):
    """A loss of the encoder on two views of the same frames.

    Attributes:
        two_way: Whether the second view is graded, as the first is.
        in_pass: Whether of the second view the latents are enough, which may be had in one pass
            with others.
    """

    two_way: bool
    in_pass: bool

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """Return the parts of the first view, and those of the second; none: nothing is learnt."""

    def loss(self, first: View, second: View) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and metrics."""

    def after_step(self) -> None:
        """Follow the encoder, which has just been stepped."""


def contrasted(
    data: str, sample: Sample, anchor: str = 'contrastive'
) -> tuple[list[Part], list[Part]]:
    """Return what the contrastive loss compares, row by row (algorithm 1.7).

    Rows of agent and expert are two views of the same frames. Rows of films of random actions are
    unlike frames, seen as they are: of one world and the other, so that the domains become one
    distribution; with ``agent+random`` the agent's beside every other one of its own world.

    Args:
        data: ``agent.contrastive_data``.
        sample: What is learnt from.
        anchor: Role of the first view of agent and expert.

    Returns:
        The parts of the first view, and those of the second.
    """
    first: list[Part] = []
    second: list[Part] = []
    if data != 'random':
        obs = sample.agent.obs
        if data in ('expert', 'all'):
            obs = join([obs, sample.expert.obs])
        first, second = [(obs, anchor)], [(obs, 'contrastive')]
    if data not in ('agent', 'expert'):
        # Draws are independent already; the shift keeps a pair from coming twice, reversed.
        ours, theirs, shifted = *sample.random, sample.random[0].roll()
        if data == 'agent+random':
            even = torch.arange(len(ours), device=ours.device) % 2 == 0
            first.append((ours, 'raw'))
            second.append((theirs.where(even, shifted), 'raw'))
        else:
            first.append((join([ours, theirs]), 'raw'))
            second.append((join([theirs, shifted]), 'raw'))
    return first, second


class NoObjective:
    """Nothing makes the latents invariant: LAIfO and whatever else has no step 1."""

    two_way = in_pass = False

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """Compare nothing."""
        return [], []

    def loss(self, first: View, second: View) -> tuple[Tensor, dict[str, Tensor]]:
        """Never asked for, as there are no parts."""
        raise AssertionError

    def after_step(self) -> None:
        """Nothing follows."""


class InfoNce:
    """Recognise the other view of a frame among those of the batch; its gradient stops."""

    two_way = False

    def __init__(
        self,
        config: AgentConfig,
        similarity: Tensor,
        projection: nn.Module | None,
        *,
        in_pass: bool = True,
    ) -> None:
        """Take the matrix of the bilinear form, and a head before it, if any."""
        self._config, self._similarity, self._projection = config, similarity, projection
        self.in_pass = in_pass

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """See :class:`Objective`."""
        return contrasted(self._config.contrastive_data, sample)

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
