"""Stacks of frames as indices into a ring: no picture moves before a view is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Stacks:
    """B stacks of T frames of V cameras, by where they lie.

    Attributes:
        frames: A ring, uint8, shape (N, H, W, 3 V).
        slots: Where the frames of each stack lie in it, oldest first, int64, shape (B, T).
    """

    frames: Tensor
    slots: Tensor

    def __len__(self) -> int:
        """Return B."""
        return len(self.slots)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of a view of them: (B, 3 T V, H, W)."""
        height, width, channels = self.frames.shape[1:]
        return len(self.slots), channels * self.slots.shape[1], height, width

    @property
    def device(self) -> torch.device:
        """Where the frames are."""
        return self.frames.device

    def pictures(self) -> Tensor:
        """Return a copy, picture after picture: uint8, shape (B, T V, 3, H, W)."""
        batch, channels, height, width = self.shape
        found = self.frames.index_select(0, self.slots.flatten()).permute(0, 3, 1, 2)
        return found.contiguous().view(batch, channels // 3, 3, height, width)

    def blank(self, count: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return room for so many views of such stacks, (count, 3 T V, H, W), channels last."""
        shape, last = (count, *self.shape[1:]), torch.channels_last
        return torch.empty(shape, dtype=dtype, device=self.device, memory_format=last)

    def copy_(self, other: Stacks) -> None:
        """Take over stacks whose frames lie as these do."""
        self.frames.copy_(other.frames)
        self.slots.copy_(other.slots)

    def roll(self) -> Stacks:
        """Return them with the last stack first."""
        return Stacks(self.frames, self.slots.roll(1, 0))

    def where(self, chosen: Tensor, other: Stacks) -> Stacks:
        """Return the chosen of these, bool (B,), and the others of as many ``other`` stacks."""
        both = join([self, other])
        ours, theirs = both.slots.split(len(self))
        return Stacks(both.frames, torch.where(chosen.unsqueeze(1), ours, theirs))


def join(parts: Sequence[Stacks]) -> Stacks:
    """Return all stacks behind one another; frames of several rings are copied into one."""
    if all(part.frames is parts[0].frames for part in parts):
        return Stacks(parts[0].frames, torch.cat([part.slots for part in parts]))
    frames = torch.cat([part.frames[part.slots.flatten()] for part in parts])
    return of_frames(frames, parts[0].slots.shape[1])


def of_frames(frames: Tensor, stack: int) -> Stacks:
    """Return stacks that lie one behind the other, uint8 (B T, H, W, 3 V)."""
    return Stacks(frames, torch.arange(len(frames), device=frames.device).view(-1, stack))
