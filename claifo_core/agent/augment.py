"""The random look T and the random shift, seeded and batched (algorithm 1.7).

Images are float32 in 0..255, planar, shape (B, T, 3, H, W): a batch of stacks of T frames. What
each change does to one frame is in :mod:`claifo_core.agent.photometric`; here is what is drawn
and for whom.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claifo_core.agent import photometric
from claifo_core.device.capture import compiled

if TYPE_CHECKING:
    from claifo_core.config import AugmentConfig

Change = Callable[[Tensor, Tensor], object]
"""Changes frames (N, 3, H, W) in place by one value per frame, shape (N, ...)."""

# So many frames and their intermediate images stay in a CPU's caches.
_BLOCK_FRAMES = 64

# Factors of brightness, contrast and saturation, and turns of the hue circle.
JITTER = ((0.2, 1.8), (0.2, 1.8), (0.2, 1.8), (-0.2, 0.2))
WIDE = ((0.6, 1.4), (0.2, 1.8), (0.0, 2.0), (-0.5, 0.5))


def shift_(images: Tensor, largest_px: int, rng: torch.Generator) -> Tensor:
    """Move each stack by a whole number of pixels, repeating its border (in place).

    Args:
        images: float32, shape (B, T, 3, H, W).
        largest_px: Moves are drawn from {-largest_px .. largest_px} in both directions, one draw
            per sample, common to all frames of its stack.
        rng: Source of the draws.
    """
    if largest_px == 0:
        return images
    batch, _, _, height, width = images.shape
    offset = torch.randint(2 * largest_px + 1, (2, batch), generator=rng, device=rng.device)
    offset = (offset - largest_px).unsqueeze(2)
    row = (torch.arange(height, device=images.device) + offset[0]).clamp_(0, height - 1)
    column = (torch.arange(width, device=images.device) + offset[1]).clamp_(0, width - 1)
    source = (row.unsqueeze(2) * width + column.unsqueeze(1)).view(batch, 1, -1)
    pixels = images.view(batch, -1, height * width)
    pixels.copy_(pixels.gather(2, source.expand_as(pixels)))
    return images


class Augmenter:
    """Draws T and applies it to stacks of frames.

    With ``draw: batch`` each call draws once per frame of the stack and applies that draw to the
    whole batch (the authors' way); with ``draw: sample`` each sample has a draw of its own that
    all frames of its stack share.
    """

    def __init__(self, config: AugmentConfig, rng: torch.Generator) -> None:
        """Keep the settings and the stream from which every draw is taken."""
        self._config = config
        self._rng = rng
        self._plans = {
            'brightness': self._brightness,
            'color': self._color,
            'full': self._full,
            'generic': self._generic,
            'auto': self._auto,
            'shift': lambda count: [],
        }
        self._shifts_too = config.shift_too or config.kind == 'shift'
        # Of agent and expert: means of red, green and blue, then their standard deviations.
        self._styles = torch.tensor([[128.0] * 3 + [64.0] * 3] * 2, device=rng.device)

    def shift_(self, images: Tensor) -> Tensor:
        """Apply the random shift alone (in place); see :func:`shift_`."""
        return shift_(images, self._config.shift_px, self._rng)

    def watch(self, agent: Tensor, expert: Tensor) -> None:
        """Take the colours between which T moves, where they are not given (``kind: auto``).

        Args:
            agent: uint8 stacks of the agent, shape (B, T V, 3, H, W).
            expert: Those of the expert, same shape.
        """
        if self._config.kind == 'auto':
            self._styles.copy_(torch.stack([_style(agent), _style(expert)]))

    def transform_(self, images: Tensor) -> Tensor:
        """Apply T to one view, float32 (B, T, 3, H, W) in 0..255 (in place)."""
        if self._config.warp > 0:
            self._warp_(images)
        draw = self._plans[self._config.kind]
        batch, stack = images.shape[:2]
        if self._config.draw == 'sample':
            plan = [(change, v.repeat_interleave(stack, 0)) for change, v in draw(batch)]
            _apply(plan, images.flatten(0, 1))
        else:
            for frame in range(stack):
                plan = [(change, v.expand(batch, *v.shape[1:])) for change, v in draw(1)]
                _apply(plan, images[:, frame])
        return self.shift_(images) if self._shifts_too else images

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        draw = torch.rand(count, generator=self._rng, device=self._rng.device)
        return low + (high - low) * draw

    def _coin(self, count: int, probability: float) -> Tensor:
        return self._uniform(count, 0, 1) < probability

    def _brightness(self, count: int) -> list[tuple[Change, Tensor]]:
        low, high = self._config.brightness
        return [(photometric.brightness_, self._uniform(count, low, high))]

    def _warp_(self, images: Tensor) -> None:
        """Show each sample from a viewpoint of its own, the same for its whole stack."""
        batch, stack = images.shape[:2]
        corners = 2 * self._config.warp * self._uniform(8 * batch, -1, 1).view(batch, 8)
        _apply([(photometric.warp_, corners.repeat_interleave(stack, 0))], images.flatten(0, 1))

    def _jitter(
        self, count: int, ranges: tuple[tuple[float, float], ...] = JITTER
    ) -> list[tuple[Change, Tensor]]:
        """Brightness, contrast, saturation and hue in random order."""
        changes = torch.stack([self._uniform(count, *range_) for range_ in ranges], 1)
        order = self._uniform(4, 0, 1).argsort().expand(count, 4)
        return [(photometric.jitter_, torch.cat([changes, order], 1))]

    def _blur(self, count: int, probability: float) -> tuple[Change, Tensor]:
        """Sigma in pixels for the frames that are blurred, 0 for the others."""
        sigma = self._uniform(count, 1, 2) * self._coin(count, probability)
        return photometric.blur_, sigma

    def _auto(self, count: int) -> list[tuple[Change, Tensor]]:
        """Colours on the way from agent to expert, and a quarter of the way beyond either."""
        share = self._uniform(3 * count, -0.25, 1.25).view(count, 3).repeat(1, 2)
        agent, expert = self._styles
        style = (agent + share * (expert - agent)).clamp(0, 255)
        return [(photometric.restyle_, style)]

    def _generic(self, count: int) -> list[tuple[Change, Tensor]]:
        """Brightness by a factor from 1/4 to 4, then color with any hue."""
        factor = torch.exp2(self._uniform(count, -2, 2))
        return [(photometric.brightness_, factor), *self._color(count, WIDE)]

    def _color(
        self, count: int, ranges: tuple[tuple[float, float], ...] = JITTER
    ) -> list[tuple[Change, Tensor]]:
        shuffled = torch.rand(count, 3, generator=self._rng, device=self._rng.device).argsort(1)
        keep = torch.arange(3, device=shuffled.device).expand_as(shuffled)
        return [
            *self._jitter(count, ranges),
            (photometric.grayscale_, self._coin(count, 0.2)),
            self._blur(count, 0.2),
            (photometric.invert_, self._coin(count, 0.2)),
            (photometric.permute_, torch.where(self._coin(count, 0.2)[:, None], shuffled, keep)),
        ]

    def _full(self, count: int) -> list[tuple[Change, Tensor]]:
        box = [self._uniform(count, *r) for r in ((0.8, 1), (0.9, 1.1), (-1, 1), (-1, 1))]
        return [
            *self._jitter(count),
            (photometric.grayscale_, self._coin(count, 0.2)),
            (photometric.flip_horizontally_, self._coin(count, 0.1)),
            (photometric.flip_vertically_, self._coin(count, 0.1)),
            self._blur(count, 0.1),
            (photometric.invert_, self._coin(count, 0.2)),
            (photometric.resized_crop_, torch.stack(box, 1)),
        ]


def _style(stacks: Tensor) -> Tensor:
    """Return mean and standard deviation of the channels of uint8 stacks, shape (6,)."""
    values = stacks.float()
    mean = values.mean((0, 1, 3, 4))
    spread = (values - mean[:, None, None]).square().mean((0, 1, 3, 4)).sqrt()
    return torch.cat([mean, spread])


def _apply(plan: list[tuple[Change, Tensor]], frames: Tensor) -> None:
    """Apply all changes: on a CPU block after block, on a GPU in a few fused kernels."""
    if not plan:
        return
    changes, values = zip(*plan, strict=True)
    if frames.is_cuda:
        _fused(changes)(frames, *values)
        return
    start = 0
    for block in frames.split(_BLOCK_FRAMES):
        _in_turn(changes, block, *(v[start : start + len(block)] for v in values))
        start += len(block)


def _in_turn(changes: tuple[Change, ...], frames: Tensor, *values: Tensor) -> None:
    for change, value in zip(changes, values, strict=True):
        change(frames, value)


@functools.cache
def _fused(changes: tuple[Change, ...]) -> Callable[..., None]:
    return compiled(functools.partial(_in_turn, changes))
