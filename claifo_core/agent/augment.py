"""The random look T and the random shift, seeded and batched (algorithm 1.7).

Here is what is drawn and for whom. What becomes of a picture is in
:mod:`claifo_core.agent.photometric`; on a CPU :mod:`claifo_core.agent.loops` does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claifo_core.agent import loops, photometric
from claifo_core.agent.look import Look, Plan, write

if TYPE_CHECKING:
    from claifo_core.config import AugmentConfig
    from claifo_core.data.stacks import Stacks

# Kinds of T that change equal levels of a channel equally.
_OF_LEVELS = ('brightness', 'auto', 'shift')

# Factors of brightness, contrast and saturation, and turns of the hue circle.
JITTER = ((0.2, 1.8), (0.2, 1.8), (0.2, 1.8), (-0.2, 0.2))
WIDE = ((0.6, 1.4), (0.2, 1.8), (0.0, 2.0), (-0.5, 0.5))


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

    def prepare(self, dtype: torch.dtype) -> None:
        """Get ready to make views of that type."""
        if self._rng.device.type == 'cpu':
            levels_alone = self._config.kind in _OF_LEVELS and self._config.warp == 0
            loops.prepare(dtype, levels_alone=levels_alone)

    def watch(self, agent: Stacks, expert: Stacks) -> None:
        """Take the colours between which T moves, where they are not given (``kind: auto``).

        Args:
            agent: Stacks of the agent.
            expert: Those of the expert.
        """
        if self._config.kind == 'auto':
            self._styles.copy_(torch.stack([_style(agent), _style(expert)]))

    def draw(self, look: str, batch: int, pictures: int) -> Look:
        """Draw a view of ``batch`` stacks of so many pictures: ``T``, ``shift`` or ``raw``."""
        if look == 'T':
            plans = self._draw_plans(batch, pictures)
            return Look(plans, self._draw_moves(batch) if self._shifts_too else None)
        return Look([[]], self._draw_moves(batch) if look == 'shift' else None)

    def view(self, stacks: Stacks, look: str, out: Tensor) -> Tensor:
        """Write a random view of every stack.

        Args:
            stacks: uint8.
            look: See :meth:`draw`.
            out: Gets 0..255; float32 or bfloat16, shape (B, 3 T V, H, W), channels last.

        Returns:
            ``out``.
        """
        drawn = self.draw(look, len(stacks), out.shape[1] // 3)
        if not loops.paint(stacks, drawn, out):
            write(stacks, drawn, out)
        return out

    def _draw_moves(self, batch: int) -> Tensor | None:
        largest_px = self._config.shift_px
        if largest_px == 0:
            return None
        rng = self._rng
        drawn = torch.randint(2 * largest_px + 1, (2, batch), generator=rng, device=rng.device)
        return drawn - largest_px

    def _draw_plans(self, batch: int, pictures: int) -> list[Plan]:
        warp = self._warp(batch) if self._config.warp > 0 else []
        draw = self._plans[self._config.kind]
        if self._config.draw == 'sample':
            return [warp + draw(batch)]
        return [warp + draw(1) for _ in range(pictures)]

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        draw = torch.rand(count, generator=self._rng, device=self._rng.device)
        return low + (high - low) * draw

    def _coin(self, count: int, probability: float) -> Tensor:
        return self._uniform(count, 0, 1) < probability

    def _brightness(self, count: int) -> Plan:
        low, high = self._config.brightness
        return [(photometric.brightness_, self._uniform(count, low, high))]

    def _warp(self, count: int) -> Plan:
        """A viewpoint of its own for each sample, the same for its whole stack."""
        corners = 2 * self._config.warp * self._uniform(8 * count, -1, 1).view(count, 8)
        return [(photometric.warp_, corners)]

    def _jitter(
        self, count: int, ranges: tuple[tuple[float, float], ...] = JITTER
    ) -> Plan:
        """Brightness, contrast, saturation and hue in random order."""
        changes = torch.stack([self._uniform(count, *range_) for range_ in ranges], 1)
        order = self._uniform(4, 0, 1).argsort().expand(count, 4)
        return [(photometric.jitter_, torch.cat([changes, order], 1))]

    def _blur(self, count: int, probability: float) -> tuple[photometric.Change, Tensor]:
        """Sigma in pixels for the frames that are blurred, 0 for the others."""
        sigma = self._uniform(count, 1, 2) * self._coin(count, probability)
        return photometric.blur_, sigma

    def _auto(self, count: int) -> Plan:
        """Colours on the way from agent to expert, and a quarter of the way beyond either."""
        share = self._uniform(3 * count, -0.25, 1.25).view(count, 3).repeat(1, 2)
        agent, expert = self._styles
        style = (agent + share * (expert - agent)).clamp(0, 255)
        return [(photometric.restyle_, style)]

    def _generic(self, count: int) -> Plan:
        """Brightness by a factor from 1/4 to 4, then color with any hue."""
        factor = torch.exp2(self._uniform(count, -2, 2))
        return [(photometric.brightness_, factor), *self._color(count, WIDE)]

    def _color(
        self, count: int, ranges: tuple[tuple[float, float], ...] = JITTER
    ) -> Plan:
        shuffled = torch.rand(count, 3, generator=self._rng, device=self._rng.device).argsort(1)
        keep = torch.arange(3, device=shuffled.device).expand_as(shuffled)
        return [
            *self._jitter(count, ranges),
            (photometric.grayscale_, self._coin(count, 0.2)),
            self._blur(count, 0.2),
            (photometric.invert_, self._coin(count, 0.2)),
            (photometric.permute_, torch.where(self._coin(count, 0.2)[:, None], shuffled, keep)),
        ]

    def _full(self, count: int) -> Plan:
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


def _style(stacks: Stacks) -> Tensor:
    """Return mean and standard deviation of the channels of stacks, shape (6,)."""
    values = stacks.pictures().float()
    mean = values.mean((0, 1, 3, 4))
    spread = (values - mean[:, None, None]).square().mean((0, 1, 3, 4)).sqrt()
    return torch.cat([mean, spread])
