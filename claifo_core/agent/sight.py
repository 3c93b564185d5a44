"""What each step of the algorithm sees of a stack: a random view, and the latent of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from claifo_core.data.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claifo_core.agent.augment import Augmenter
    from claifo_core.agent.encoders import Encoder
    from claifo_core.agent.sample import Sample
    from claifo_core.config import TrainConfig

Part = tuple[Stacks, str]
"""Stacks, and the role in which they are viewed."""


class View(NamedTuple):
    """One random view of a batch.

    Attributes:
        latent: Of the shared encoder, shape (B, Z).
        images: As :meth:`Sight.view` returns them; None where an objective needs none.
        features: Of the encoder before its linear layer, shape (B, F), where those are compared.
    """

    latent: Tensor
    images: Tensor | None = None
    features: Tensor | None = None

    @property
    def compared(self) -> Tensor:
        """What InfoNCE sees."""
        return self.latent if self.features is None else self.features


class Sight:
    """Makes views for each role: ``contrastive``, ``discriminator``, ``critic`` or ``raw``."""

    def __init__(
        self, encoder: Encoder, augmenter: Augmenter, config: TrainConfig, *, half: bool = False
    ) -> None:
        """Take built parts.

        Args:
            encoder: The shared one.
            augmenter: Makes views, from a random stream of its own.
            config: The run; ``augment.apply`` says which roles see T. The others see a random
                shift, ``raw`` the frames as they are.
            half: Encode in bfloat16.
        """
        self._encoder, self._augmenter, self._half = encoder, augmenter, half
        self._dtype = torch.bfloat16 if half else torch.float32
        augmenter.prepare(self._dtype)
        self._keeps_features = config.network.contrast == 'features'
        apply = config.augment.apply
        sees_t = {
            'contrastive': apply != 'nowhere',
            'discriminator': apply in ('CL-D', 'everywhere'),
            'critic': apply in ('CL-Q', 'everywhere'),
        }
        self._looks = {role: 'T' if sees else 'shift' for role, sees in sees_t.items()}
        self._looks['raw'] = 'raw'

    def watch(self, sample: Sample) -> None:
        """Take note of the colours of agent and expert, which T may follow."""
        self._augmenter.watch(sample.agent.obs, sample.expert.obs)

    def view(self, stacks: Stacks, role: str, out: Tensor | None = None) -> Tensor:
        """Return a random view in 0..255, (B, 3 T V, H, W), in ``out`` if that is given."""
        if out is None:
            out = stacks.blank(len(stacks), self._dtype)
        return self._augmenter.view(stacks, self._looks[role], out)

    def alike(self, first: Sequence[Part], second: Sequence[Part]) -> bool:
        """Return whether one view of T serves both."""
        if len(first) != len(second):
            return False
        pairs = zip(first, second, strict=True)
        return all(
            a is b and self._looks[x] == self._looks[y] == 'T' for (a, x), (b, y) in pairs
        )

    def graded(self, *parts: Part) -> View:
        """Return one view of all parts, a gradient reaching the encoder."""
        views = [self.view(*part) for part in parts]
        images = views[0] if len(views) == 1 else torch.cat(views)
        if not self._keeps_features:
            return View(self.encode(images), images)
        features = self._autocast(self._encoder.features, images)
        return View(self._autocast(self._encoder.latent, features), images, features)

    @torch.no_grad()
    def latents(self, *groups: Sequence[Part]) -> Iterator[list[Tensor]]:
        """Encode a random view of each part, in one pass without gradient; group by group."""
        parts = [part for group in groups for part in group]
        sizes = [len(stacks) for stacks, _ in parts]
        images = parts[0][0].blank(sum(sizes), self._dtype)
        for (stacks, role), part in zip(parts, images.split(sizes), strict=True):
            self.view(stacks, role, out=part)
        found = iter(self.encode(images).split(sizes))
        return iter([[next(found) for _ in group] for group in groups])

    def encode(self, images: Tensor, encoder: nn.Module | None = None) -> Tensor:
        """Return latents of images, (B, 3 T V, H, W), by the shared encoder or another one."""
        return self._autocast(encoder or self._encoder, images)

    def _autocast(self, network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self._half):
            return network(inputs).float()
