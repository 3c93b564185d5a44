"""What makes the latents invariant: InfoNCE on two views of the same frames (step 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from torch import Tensor, nn

from claifo_core import losses
from claifo_core.diagnostics import retrieval

if TYPE_CHECKING:
    from claifo_core.config import AgentConfig


class View(NamedTuple):
    """One random view of a batch.

    Attributes:
        latent: Of the shared encoder, shape (B, Z).
        images: float32, shape (B, T V, 3, H, W); None where an objective needs none.
    """

    latent: Tensor
    images: Tensor | None = None


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
        anchor, positive = first.latent, second.latent
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
