"""BYOL (arXiv 2006.07733) in place of InfoNCE: predict what a slow copy of the encoder says.

As the authors of C-LAIfO set it up: the encoder is shared with the critic, and a projector and a
predictor come behind it. Unlike theirs, both views are augmented, as those of InfoNCE are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from claifo_core.agent.diagnostics import retrieval
from claifo_core.agent.layers import Linear, initialise
from claifo_core.agent.objective import contrasted

if TYPE_CHECKING:
    from claifo_core.agent.encoders import Encoder
    from claifo_core.agent.sample import Sample
    from claifo_core.agent.sight import Part, View
    from claifo_core.config import AgentConfig, NetworkConfig

TARGET_TAU = 0.01
"""Share of the encoder mixed into its slow copy after each step."""


def _head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    # The statistics of the batch alone: the heads never see single frames.
    norm = nn.BatchNorm1d(hidden, track_running_stats=False)
    layers = nn.Sequential(Linear(inputs, hidden), norm, nn.ReLU(), Linear(hidden, outputs))
    return layers.apply(initialise)


class Heads(nn.Module):
    """Projector and predictor, and the slow copies of encoder and projector."""

    def __init__(self, config: NetworkConfig, encoder: Encoder) -> None:
        """Build for an encoder; at its default sizes 50 to 4096 to 25, as the authors have it."""
        super().__init__()
        hidden, size = 4 * config.hidden_dim, max(1, config.latent_dim // 2)
        self.projector = _head(config.latent_dim, hidden, size)
        self.predictor = _head(size, hidden, size)
        self.target = copy.deepcopy(nn.ModuleList([encoder, self.projector]))
        self.target.requires_grad_(False)


def distances(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the squared distance of unit vectors, 2 - 2 cos, averaged; both shape (B, D)."""
    return 2 - 2 * functional.cosine_similarity(predicted, target).mean()


class Byol:
    """The loss of both views, each predicting the other."""

    two_way, in_pass = True, False

    def __init__(
        self,
        config: AgentConfig,
        encoder: nn.Module,
        heads: Heads,
        encode: Callable[[Tensor, nn.Module], Tensor],
    ) -> None:
        """Take built parts; ``encode`` gives the latents of images by any encoder."""
        self._config, self._encoder, self._heads, self._encode = config, encoder, heads, encode

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """See :class:`claifo_core.agent.objective.Objective`; the published first view is raw."""
        anchor = 'raw' if self._config.faithful else 'contrastive'
        return contrasted(self._config.contrastive_data, sample, anchor)

    def loss(self, first: View, second: View) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.agent.objective.Objective`."""
        predicted = [self._heads.predictor(self._heads.projector(v.latent))
                     for v in (first, second)]  # fmt: skip
        targets = [self._target(view) for view in (first, second)]
        loss = distances(predicted[0], targets[1]) + distances(predicted[1], targets[0])
        likeness = functional.normalize(predicted[0]) @ functional.normalize(targets[1]).T
        return loss, {
            'contrastive_loss': loss.detach(),
            'contrastive_accuracy': retrieval(likeness),
        }

    @torch.no_grad()
    def _target(self, view: View) -> Tensor:
        assert view.images is not None
        encoder, projector = self._heads.target
        projected: Tensor = projector(self._encode(view.images, encoder))
        return projected

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the slow copies a little."""
        online = nn.ModuleList([self._encoder, self._heads.projector])
        torch._foreach_lerp_(
            list(self._heads.target.parameters()), list(online.parameters()), TARGET_TAU
        )
