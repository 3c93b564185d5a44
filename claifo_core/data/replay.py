"""Frames stored once as uint8; stacks and n-step returns are indices until views are made of them.

Frames lie in one ring per environment; :mod:`claifo_core.data.episodes` knows which of them make
transitions.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from claifo_core.data.episodes import Episodes
from claifo_core.data.stacks import Stacks, of_frames
from claifo_core.data.transfer import Uplink, put

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from claifo_core.data import Demonstration

CHUNK_FRAMES = 2048
"""Frames per file of a checkpoint; a file is written again only when its frames changed."""

_BLOCK_FRAMES = 256
"""Frames of a film that are copied at once, less than a chunk."""


@dataclass(frozen=True)
class Batch:
    """Transitions; B samples of stacks of T frames of V cameras.

    Attributes:
        obs: Oldest frame first, in it camera after camera.
        next_obs: The stacks n steps later.
        action: float32, shape (B, A).
        reward: Discounted sum of the n environment rewards, float32, shape (B,).
        discount: gamma^n, or 0 where the episode terminated, float32, shape (B,).
        proprio: What the robot measures of itself at obs, float32, shape (B, P).
        next_proprio: The same n steps later.
    """

    obs: Stacks
    next_obs: Stacks
    action: Tensor
    reward: Tensor
    discount: Tensor
    proprio: Tensor
    next_proprio: Tensor


class Replay:
    """Ring of single frames with actions and rewards, in one lane per environment."""

    def __init__(
        self,
        frames: int,
        size_px: int,
        action_dim: int,
        *,
        views: int = 1,
        proprio_dim: int = 0,
        lanes: int = 1,
        stack: int = 3,
        n_step: int = 1,
        discount: float = 0.99,
        device: torch.device | str = 'cpu',
        batches_on: torch.device | None = None,
    ) -> None:
        """Reserve memory: frames * size_px^2 * 3 * views bytes, touched only as it fills.

        Args:
            frames: Frames kept in all lanes together.
            size_px: Side of a frame, in pixels.
            action_dim: Length of an action; 0 for videos without actions.
            views: Cameras per frame.
            proprio_dim: Length of the proprioception.
            lanes: Environments that write.
            stack: Frames in one observation.
            n_step: Steps between obs and next_obs.
            discount: gamma, per step.
            device: Where frames are kept.
            batches_on: Where batches appear; None: on ``device``. A GPU reads frames of the host
                from page-locked memory.
        """
        self.stack, self.n_step, self.discount = stack, n_step, discount
        self.lane_frames = frames // lanes
        total = self.lane_frames * lanes
        device = torch.device(device)
        batches_on = batches_on or device
        pinned = device.type == 'cpu' and batches_on.type == 'cuda'
        shape = (total, size_px, size_px, 3 * views)
        self.frames = torch.empty(shape, dtype=torch.uint8, device=device, pin_memory=pinned)
        self.proprio = torch.zeros((total, proprio_dim), device=device)
        self.action = torch.zeros((total, action_dim), device=device)
        self.reward = torch.zeros(total, device=device)
        self._uplink = Uplink(batches_on)
        self._pinned = pinned
        self.episodes = Episodes(lanes, self.lane_frames, stack, n_step, device)
        self._lanes = range(lanes)
        self._dirty: set[int] = set()
        self._newest = torch.zeros((lanes, stack), dtype=torch.int64, device=device)
        self._back = torch.arange(-stack + 1, n_step + 1, device=device)
        self._powers = discount ** torch.arange(n_step, device=device)

    def begin(
        self, lane: int, frame: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> None:
        """Start an episode with its first frame, uint8 (H, W, 3 V), and proprioception (P,)."""
        self.episodes.begin(lane, self._write_one(lane, frame, proprio))

    def append(
        self,
        lane: int,
        action: NDArray[np.float32],
        reward: float,
        frame: NDArray[np.uint8],
        proprio: NDArray[np.float32] | None = None,
        *,
        terminated: bool = False,
    ) -> None:
        """Add the action taken at the newest frame, its reward, and the frame that followed."""
        slot = self._slot(lane, self.episodes.written(lane) - 1)
        put(self.action[slot], action)
        self.reward[slot].fill_(reward)
        self._dirty.add(slot // CHUNK_FRAMES)
        self._write_one(lane, frame, proprio)
        self.episodes.extend(lane, terminated=terminated)

    def add_videos(
        self,
        videos: Sequence[NDArray[np.uint8]],
        demonstrations: Sequence[Demonstration] = (),
    ) -> None:
        """Add whole episodes, see :meth:`add_video`; what is known is of each or of none."""
        for video, shown in itertools.zip_longest(videos, demonstrations):
            self.add_video(video, shown=shown)

    def add_video(
        self,
        video: NDArray[np.uint8],
        lane: int = 0,
        shown: Demonstration | None = None,
    ) -> None:
        """Add a whole episode, uint8 (T, H, W, 3 V), and what is known beside it, if anything."""
        first = self._write(lane, video)
        self.episodes.begin(lane, first)
        if shown is None:
            return
        kept = slice(-self.lane_frames, None)  # a longer video overwrites its own beginning
        numbers = range(first, first + len(video) - 1)[kept]
        slots = torch.tensor([self._slot(lane, number) for number in numbers])
        slots = slots.to(self.action.device)
        self.action[slots] = torch.from_numpy(shown.actions[kept]).to(self.action)
        if shown.rewards is not None:
            self.reward[slots] = torch.from_numpy(shown.rewards[kept]).to(self.reward)
        self.episodes.extend(lane, terminated=shown.terminated)

    def _write(self, lane: int, frames: NDArray[np.uint8]) -> int:
        """Write frames (T, H, W, 3 V), many by one copy; returns the number of the first."""
        number = self.episodes.written(lane)
        while len(frames):
            slot = self._slot(lane, self.episodes.written(lane))
            count = min(len(frames), _BLOCK_FRAMES, (lane + 1) * self.lane_frames - slot)
            put(self.frames[slot : slot + count], frames[:count])
            self._dirty |= {slot // CHUNK_FRAMES, (slot + count - 1) // CHUNK_FRAMES}
            self.episodes.take(lane, count)
            frames = frames[count:]
        return number

    def _write_one(
        self, lane: int, frame: NDArray[np.uint8], proprio: NDArray[np.float32] | None
    ) -> int:
        number = self._write(lane, frame[None])
        if proprio is not None:
            put(self.proprio[self._slot(lane, number)], proprio)
        return number

    def _slot(self, lane: int, number: int) -> int:
        return lane * self.lane_frames + number % self.lane_frames

    def __len__(self) -> int:
        """Return how many transitions can be sampled."""
        return len(self.episodes)

    def sample(self, batch_size: int, rng: torch.Generator) -> Batch:
        """Draw transitions uniformly from all legal starts, with replacement.

        Raises:
            ClaifoError: no episode is as long as the n-step window.
        """
        self.episodes.refresh()
        return self.draw(batch_size, rng)

    def draw(self, batch_size: int, rng: torch.Generator) -> Batch:
        """Do what :meth:`sample` does with the table of episodes as it is: needs no host.

        Args:
            batch_size: B.
            rng: Source of the draws, on the device of the frames.
        """
        at = self.episodes.draw(batch_size, rng)
        window = torch.maximum(at.number[:, None] + self._back, at.first[:, None])
        slots = at.lane[:, None] * self.lane_frames + window % self.lane_frames
        steps = slots[:, self.stack - 1 : -1]
        alive = (at.number + self.n_step != at.terminal).float()
        bring = self._uplink.bring
        seen = self._within_reach(slots)
        return Batch(
            obs=Stacks(seen.frames, seen.slots[:, : self.stack]),
            next_obs=Stacks(seen.frames, seen.slots[:, self.n_step :]),
            proprio=bring(self.proprio[slots[:, self.stack - 1]]),
            next_proprio=bring(self.proprio[slots[:, -1]]),
            action=bring(self.action[steps[:, 0]]),
            reward=bring((self.reward[steps] * self._powers).sum(1)),
            discount=bring(alive * self.discount**self.n_step),
        )

    def _within_reach(self, slots: Tensor) -> Stacks:
        """Return frames where they lie, or copied to where batches are to appear."""
        if not self._pinned:
            return Stacks(self.frames, slots)
        return of_frames(self._uplink.bring(self._copied(slots)), slots.shape[1])

    def _copied(self, slots: Tensor) -> Tensor:
        """Return frames, uint8 (slots, H, W, 3 V), page-locked where a GPU reads them."""
        shape = (slots.numel(), *self.frames.shape[1:])
        found = self.frames.new_empty(shape, pin_memory=self._pinned)
        return torch.index_select(self.frames, 0, slots.flatten(), out=found)

    def newest(self) -> Stacks:
        """Return the newest stack of every lane."""
        numbers = [[self._slot(k, n) for n in self.episodes.newest(k)] for k in self._lanes]
        put(self._newest, np.array(numbers))
        return self._within_reach(self._newest)

    def latest(self) -> tuple[Tensor, Tensor]:
        """Return the newest observation of every lane.

        Returns:
            Stacks, uint8 (lanes, T V, 3, H, W), and proprioception, float32 (lanes, P).
        """
        stacks = self.newest()
        proprio = self._uplink.bring(self.proprio[self._newest[:, -1]])
        return stacks.pictures(), proprio

    def state(self) -> list[dict[str, Any]]:
        """Return counts and episodes of every lane as JSON values."""
        return self.episodes.state()

    def dirty(self) -> list[int]:
        """Return the chunks changed since :meth:`mark_clean`."""
        return sorted(self._dirty)

    def mark_clean(self) -> None:
        """Forget which chunks have changed: all of them are safe elsewhere."""
        self._dirty = set()

    def chunk(self, index: int) -> dict[str, Tensor]:
        """Return one chunk of slots as tensors (views)."""
        part = slice(index * CHUNK_FRAMES, (index + 1) * CHUNK_FRAMES)
        return {
            'frames': self.frames[part],
            'proprio': self.proprio[part],
            'action': self.action[part],
            'reward': self.reward[part],
        }

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Take over counts and episodes; the chunks are copied in by the caller."""
        self.episodes.restore(state)
        self._dirty = set()
