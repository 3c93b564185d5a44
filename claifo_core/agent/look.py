"""One random look of a batch, as it was drawn, and how PyTorch gives it to images.

Images are float32 in 0..255, planar, shape (B, T V, 3, H, W). A CPU takes this way only where
:mod:`claifo_core.agent.loops` cannot.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from claifo_core.agent import photometric
from claifo_core.data.stacks import Stacks
from claifo_core.device.capture import compiled, recordable

Plan = list[tuple[photometric.Change, Tensor]]
"""Changes in their order, with their values for one frame or for one frame of each sample."""

# So many frames and their intermediate images stay in a CPU's caches.
_BLOCK_FRAMES = 64


@dataclass(frozen=True)
class Look:
    """What was drawn for one view.

    Attributes:
        plans: One for all pictures of the stack, or one for each.
        moves: Rows and columns by which each stack is shifted, int64, shape (2, B); None: none is.
    """

    plans: list[Plan]
    moves: Tensor | None


def shift_(images: Tensor, moves: Tensor) -> Tensor:
    """Move each stack by whole pixels, repeating its border (in place).

    Args:
        images: float32, shape (B, T V, 3, H, W).
        moves: Rows and columns, int64, shape (2, B), common to all pictures of a stack.
    """
    batch, _, _, height, width = images.shape
    down, across = moves.unsqueeze(2)
    row = (torch.arange(height, device=images.device) + down).clamp_(0, height - 1)
    column = (torch.arange(width, device=images.device) + across).clamp_(0, width - 1)
    source = (row.unsqueeze(2) * width + column.unsqueeze(1)).view(batch, 1, -1)
    pixels = images.view(batch, -1, height * width)
    pixels.copy_(pixels.gather(2, source.expand_as(pixels)))
    return images


def apply_(look: Look, images: Tensor) -> Tensor:
    """Make the view that was drawn of images, float32 (B, T V, 3, H, W) in 0..255 (in place)."""
    batch, pictures = images.shape[:2]
    if len(look.plans) == 1:
        _change_(_spread(look.plans[0], batch, pictures), images.flatten(0, 1))
    else:
        for picture, plan in enumerate(look.plans):
            _change_(_spread(plan, batch, 1), images[:, picture])
    return images if look.moves is None else shift_(images, look.moves)


def _spread(plan: Plan, batch: int, pictures: int) -> Plan:
    """Return the values of a plan for every frame."""
    return [
        (change, v.expand(batch, *v.shape[1:]).repeat_interleave(pictures, 0))
        for change, v in plan
    ]


def _change_(plan: Plan, frames: Tensor) -> None:
    """Apply all changes: on a CPU block after block."""
    start, size = 0, max(1, len(frames)) if recordable(frames) else _BLOCK_FRAMES
    for block in frames.split(size):
        for change, values in plan:
            change(block, values[start : start + len(block)])
        start += len(block)


def write(stacks: Stacks, look: Look, out: Tensor) -> None:
    """Write the view that was drawn of stacks: on a GPU from the ring to ``out`` in one kernel.

    Args:
        stacks: uint8.
        look: See above.
        out: float32 or bfloat16, shape (B, 3 T V, H, W), channels last.
    """
    changes = tuple(tuple(change for change, _ in plan) for plan in look.plans)
    values = [value for plan in look.plans for _, value in plan]
    write = _fused(changes) if out.is_cuda else functools.partial(_write, changes)
    write(stacks.frames, stacks.slots, out, look.moves, *values)


def _write(
    changes: tuple[tuple[photometric.Change, ...], ...],
    frames: Tensor,
    slots: Tensor,
    out: Tensor,
    moves: Tensor | None,
    *values: Tensor,
) -> None:
    left = iter(values)
    plans = [[(change, next(left)) for change in plan] for plan in changes]
    images = Stacks(frames, slots).pictures().float()
    out.copy_(apply_(Look(plans, moves), images).flatten(1, 2))


@functools.cache
def _fused(changes: tuple[tuple[photometric.Change, ...], ...]) -> Callable[..., None]:
    return compiled(functools.partial(_write, changes))
