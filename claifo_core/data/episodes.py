"""Which frames of a ring belong together, and drawing transitions from them.

Each environment writes to a lane of its own, a ring. Frames of a lane are numbered without end;
frame ``k`` lies in slot ``k % lane_frames`` of the lane. A transition may start at any frame whose
whole stack and whole n-step window lie in the same episode and have not been overwritten: for each
episode that is one interval, so sampling needs a short table of episodes and no flag per frame.

The table lies on the device of the frames. It is written anew only when an episode begins or
ends; what changes with every step is one number per lane. So drawing needs nothing of the host,
and a CUDA graph can hold it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from claifo_core.data.transfer import put
from claifo_core.device.capture import recordable
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 1024
_NEWEST = 2**62
# So many different draws that a remainder of them is as good as uniform.
_DRAWS = 2**62


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


@dataclass(frozen=True)
class Starts:
    """Where transitions start; int64, shape (B,) each.

    Attributes:
        lane: The lane.
        number: The frame in that lane.
        first: The first frame of its episode.
        terminal: The frame in which the task ended the episode; -1: in none.
    """

    lane: Tensor
    number: Tensor
    first: Tensor
    terminal: Tensor


class Episodes:
    """The episodes of every lane, oldest first.

    Attributes:
        table: Lane, first frame, end and terminal frame of each episode, int64 (rows, 4). It stays
            where it is until it must grow to twice its size.
        serial: Another number than any so far whenever the table lies elsewhere.
    """

    _serials = itertools.count()

    def __init__(
        self, lanes: int, lane_frames: int, stack: int, n_step: int, device: torch.device | str
    ) -> None:
        """Begin without any; see :class:`claifo_core.data.replay.Replay` for the arguments."""
        self._lane_frames, self._stack, self._n_step = lane_frames, stack, n_step
        self._lanes = [_Lane() for _ in range(lanes)]
        self._written = torch.zeros(lanes, dtype=torch.int64, device=device)
        self.table = torch.zeros((0, 4), dtype=torch.int64, device=device)
        self.serial = next(self._serials)
        self._stale = True

    def take(self, lane: int, count: int = 1) -> int:
        """Count more frames of a lane, which overwrite the oldest; returns the first's number."""
        state = self._lanes[lane]
        state.written += count
        self._written[lane].fill_(state.written)  # a kernel's argument; [lane] = would be a copy
        oldest = state.written - self._lane_frames
        while state.episodes and state.episodes[0].last < oldest:
            del state.episodes[0]
            self._stale = True
        return state.written - count

    def begin(self, lane: int, first: int) -> None:
        """Say that an episode begins with frame ``first`` and reaches to the newest one."""
        state = self._lanes[lane]
        state.episodes.append(_Episode(first, state.written - 1))
        self._stale = True

    def extend(self, lane: int, *, terminated: bool) -> None:
        """Say that the newest frame belongs to the newest episode, and whether it is its end."""
        episode = self._lanes[lane].episodes[-1]
        episode.last, episode.terminated = self._lanes[lane].written - 1, terminated
        self._stale |= terminated

    def written(self, lane: int) -> int:
        """Return how many frames a lane has ever had."""
        return self._lanes[lane].written

    def newest(self, lane: int) -> list[int]:
        """Return the frames of the newest stack of a lane, oldest first."""
        first, last = self._lanes[lane].episodes[-1].first, self._lanes[lane].written - 1
        return [max(first, frame) for frame in range(last - self._stack + 1, last + 1)]

    def __len__(self) -> int:
        """Return how many transitions can be drawn."""
        return sum(self._counts())

    def _counts(self) -> Iterator[int]:
        """Yield how many legal starts each episode has that has any."""
        for lane in self._lanes:
            oldest = lane.written - self._lane_frames
            for episode in lane.episodes:
                cut = episode.first < oldest
                start = oldest + self._stack - 1 if cut else episode.first
                stop = episode.last - self._n_step + 1
                if stop > start:
                    yield stop - start

    def refresh(self) -> None:
        """Bring the table up to date, before drawing.

        Raises:
            ClaifoError: no episode is as long as the n-step window.
        """
        if next(self._counts(), None) is None:
            raise ClaifoError(
                f'replay: no episode so far has {self._n_step + 1} frames (agent.n_step + 1); '
                'lower agent.n_step or let episodes last longer (env.episode_steps)'
            )
        if self._stale:
            self._write(np.array(list(self._rows())))
            self._stale = False

    def _rows(self) -> Iterator[tuple[int, int, int, int]]:
        for number, lane in enumerate(self._lanes):
            for episode in lane.episodes:
                # The newest episode of a lane reaches as far as its frames.
                stop = _NEWEST if episode is lane.episodes[-1] else episode.last + 1
                terminal = episode.last if episode.terminated else -1
                yield number, episode.first, stop, terminal

    def _write(self, rows: NDArray[np.int64]) -> None:
        if len(rows) > len(self.table):
            room = max(_ROWS, 2 * len(rows))
            self.table = torch.zeros((room, 4), dtype=torch.int64, device=self.table.device)
            self.serial = next(self._serials)
        put(self.table[: len(rows)], rows)
        self.table[len(rows) :].zero_()  # without legal starts

    def draw(self, count: int, rng: torch.Generator) -> Starts:
        """Draw starts uniformly from all legal ones, with replacement; needs no host.

        Args:
            count: B.
            rng: Source of the draws, on the device of the table.
        """
        lane, first, stop, terminal = self.table.unbind(1)
        written = self._written[lane]
        oldest = written - self._lane_frames
        start = torch.where(first < oldest, oldest + self._stack - 1, first)
        length = (torch.minimum(stop, written) - self._n_step - start).clamp_min(0)
        ends = length.cumsum(0)
        pick = _below(ends[-1], count, rng)
        row = torch.searchsorted(ends, pick, right=True)
        number = start[row] + pick - (ends[row] - length[row])
        return Starts(lane[row], number, first[row], terminal[row])

    def state(self) -> list[dict[str, Any]]:
        """Return counts and episodes of every lane as JSON values."""
        return [
            {
                'written': lane.written,
                'episodes': [[e.first, e.last, int(e.terminated)] for e in lane.episodes],
            }
            for lane in self._lanes
        ]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Take over what :meth:`state` returned."""
        self._lanes = [
            _Lane(
                int(lane['written']),
                [_Episode(int(a), int(b), bool(t)) for a, b, t in lane['episodes']],
            )
            for lane in state
        ]
        self._written.copy_(torch.tensor([lane.written for lane in self._lanes]))
        self._stale = True


def _below(total: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Draw ``count`` uniform numbers from 0 up to a number on the device."""
    if recordable(total):
        draws = torch.randint(_DRAWS, (count,), generator=rng, device=rng.device)
        return draws.remainder(total)
    return torch.randint(int(total), (count,), generator=rng)
