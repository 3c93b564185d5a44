"""Frames stored once as uint8; stacks, n-step returns and expert pairs are built when sampled.

Each environment writes to a lane of its own, a ring. Frames of a lane are numbered without end;
frame ``k`` lies in slot ``k % lane``. A transition may start at any frame whose whole stack and
whole n-step window lie in the same episode and have not been overwritten: for each episode that
is one interval, so sampling needs a short list of intervals and no flag per frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CHUNK_FRAMES = 2048
"""Frames per file of a checkpoint; a file is written again only when its frames changed."""


@dataclass(frozen=True)
class Batch:
    """Transitions; B samples of stacks of T frames of V cameras.

    Attributes:
        obs: uint8, shape (B, T V, 3, H, W), oldest frame first, in it camera after camera.
        next_obs: The stack n steps later, same shape.
        action: float32, shape (B, A).
        reward: Discounted sum of the n environment rewards, float32, shape (B,).
        discount: gamma^n, or 0 where the episode terminated, float32, shape (B,).
        proprio: What the robot measures of itself at obs, float32, shape (B, P).
        next_proprio: The same n steps later.
    """

    obs: Tensor
    next_obs: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    proprio: Tensor
    next_proprio: Tensor


@dataclass
class _Episode:
    """Frames ``first`` to ``last`` (numbers within the lane, both included)."""

    first: int
    last: int
    terminated: bool = False


@dataclass
class _Lane:
    written: int = 0
    episodes: list[_Episode] = field(default_factory=list)


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
            device: Where frames are kept and batches appear.
        """
        self.stack, self.n_step, self.discount = stack, n_step, discount
        self.lane_frames = frames // lanes
        total = self.lane_frames * lanes
        shape = (total, 3 * views, size_px, size_px)
        self.frames = torch.empty(shape, dtype=torch.uint8, device=device)
        self.proprio = torch.zeros((total, proprio_dim), device=device)
        self.action = torch.zeros((total, action_dim), device=device)
        self.reward = torch.zeros(total, device=device)
        self._lanes = [_Lane() for _ in range(lanes)]
        self._dirty: set[int] = set()
        self._back = torch.arange(-stack + 1, n_step + 1, device=device)

    def begin(
        self, lane: int, frame: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> None:
        """Start an episode with its first frame, uint8 (H, W, 3 V), and proprioception (P,)."""
        number = self._write(lane, frame, proprio)
        self._lanes[lane].episodes.append(_Episode(number, number))

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
        state = self._lanes[lane]
        slot = self._slot(lane, state.written - 1)
        self.action[slot] = torch.from_numpy(action)
        self.reward[slot] = reward
        self._dirty.add(slot // CHUNK_FRAMES)
        episode = state.episodes[-1]
        episode.last = self._write(lane, frame, proprio)
        episode.terminated = terminated

    def add_video(self, video: NDArray[np.uint8], lane: int = 0) -> None:
        """Add an episode without actions, uint8 (T, H, W, 3 V)."""
        state = self._lanes[lane]
        first = state.written
        for frame in video:
            self._write(lane, frame)
        state.episodes.append(_Episode(first, state.written - 1))

    def _write(
        self, lane: int, frame: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> int:
        state = self._lanes[lane]
        number = state.written
        slot = self._slot(lane, number)
        self.frames[slot] = torch.from_numpy(frame).permute(2, 0, 1)
        if proprio is not None:
            self.proprio[slot] = torch.from_numpy(proprio)
        self._dirty.add(slot // CHUNK_FRAMES)
        state.written += 1
        oldest = state.written - self.lane_frames
        while state.episodes and state.episodes[0].last < oldest:
            del state.episodes[0]
        return number

    def _slot(self, lane: int, number: int) -> int:
        return lane * self.lane_frames + number % self.lane_frames

    def __len__(self) -> int:
        """Return how many transitions can be sampled."""
        return sum(stop - start for _, _, start, stop in self._intervals())

    def _intervals(self) -> list[tuple[int, _Episode, int, int]]:
        """Return (lane, episode, first start, end of starts) of each episode with legal starts."""
        found = []
        for index, lane in enumerate(self._lanes):
            oldest = lane.written - self.lane_frames
            for episode in lane.episodes:
                cut = episode.first < oldest
                start = oldest + self.stack - 1 if cut else episode.first
                stop = episode.last - self.n_step + 1
                if stop > start:
                    found.append((index, episode, start, stop))
        return found

    def sample(self, batch_size: int, rng: torch.Generator) -> Batch:
        """Draw transitions uniformly from all legal starts, with replacement.

        Raises:
            ClaifoError: no episode is as long as the n-step window.
        """
        intervals = self._intervals()
        if not intervals:
            raise ClaifoError(
                f'replay: no episode so far has {self.n_step + 1} frames (agent.n_step + 1); '
                'lower agent.n_step or let episodes last longer (env.episode_steps)'
            )
        table = torch.tensor(
            [
                (lane, e.first, start, stop - start, e.last if e.terminated else -1)
                for lane, e, start, stop in intervals
            ],
            device=self.frames.device,
        )
        ends = table[:, 3].cumsum(0)
        pick = torch.randint(int(ends[-1]), (batch_size,), generator=rng, device=rng.device)
        pick = pick.to(self.frames.device)
        row = torch.searchsorted(ends, pick, right=True)
        lane, first, start, length, terminal = table[row].unbind(1)
        number = start + pick - (ends[row] - length)
        return self._gather(lane * self.lane_frames, number, first, terminal)

    def _gather(self, base: Tensor, number: Tensor, first: Tensor, terminal: Tensor) -> Batch:
        window = torch.maximum(number[:, None] + self._back, first[:, None])
        slots = base[:, None] + window % self.lane_frames
        frames = self.frames.index_select(0, slots.flatten()).unflatten(0, slots.shape)
        steps = slots[:, self.stack - 1 : -1]
        powers = self.discount ** torch.arange(self.n_step, device=steps.device)
        alive = (number + self.n_step != terminal).float()
        return Batch(
            obs=_pictures(frames[:, : self.stack]),
            next_obs=_pictures(frames[:, self.n_step :]),
            proprio=self.proprio[slots[:, self.stack - 1]],
            next_proprio=self.proprio[slots[:, -1]],
            action=self.action[steps[:, 0]],
            reward=(self.reward[steps] * powers).sum(1),
            discount=alive * self.discount**self.n_step,
        )

    def latest(self, lane: int) -> tuple[Tensor, Tensor]:
        """Return the newest observation of a lane, uint8 (T V, 3, H, W), and proprioception."""
        state = self._lanes[lane]
        window = state.written - 1 + self._back[: self.stack]
        window = window.clamp_min(state.episodes[-1].first)
        slots = lane * self.lane_frames + window % self.lane_frames
        return _pictures(self.frames[slots]), self.proprio[slots[-1]]

    def state(self) -> list[dict[str, Any]]:
        """Return counts and episodes of every lane as JSON values."""
        return [
            {
                'written': lane.written,
                'episodes': [[e.first, e.last, int(e.terminated)] for e in lane.episodes],
            }
            for lane in self._lanes
        ]

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
        self._lanes = [
            _Lane(
                int(lane['written']),
                [_Episode(int(a), int(b), bool(t)) for a, b, t in lane['episodes']],
            )
            for lane in state
        ]
        self._dirty = set()


def _pictures(frames: Tensor) -> Tensor:
    """Return stacks (..., T, 3 V, H, W) as single pictures (..., T V, 3, H, W)."""
    *lead, _, height, width = frames.shape
    return frames.reshape(*lead[:-1], -1, 3, height, width)
