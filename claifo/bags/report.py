"""What happened while bags were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claifo.bags.parts import Loss

_MANY_REPEATS = 0.1


@dataclass
class BagReport:
    """What was read, counted on the way.

    Attributes:
        bags: Bags that were read.
        frames_read: Camera frames found.
        frames_kept: Camera frames that at least one tick shows.
        frames_duplicated: Ticks that repeat a frame which an earlier tick has shown.
        unstamped: Frames without a header stamp, in topics placed by the time of recording.
        late: Frames whose stamp lies before that of a frame recorded before; left out.
        longest_pause_s: Longest time between two frames of an episode, in seconds.
        topics: Image topics that were read, each once.
        encodings: Encodings or compressed formats found.
        sizes: Image sizes found, as (width, height), in pixels.
        lengths: Frames of each episode at the control rate.
        starts_ns: Stamp of the first frame of each episode.
        losses: What could not be read.
        bag_frames: Camera frames so far of the bag that is being read.
        bag_shapes: Shape of its pictures, by topic.
    """

    bags: int = 0
    frames_read: int = 0
    frames_kept: int = 0
    frames_duplicated: int = 0
    unstamped: int = 0
    late: int = 0
    longest_pause_s: float = 0.0
    topics: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    starts_ns: list[int] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    bag_frames: int = 0
    bag_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _intervals: int = 0
    _span_s: float = 0.0

    @property
    def episodes(self) -> int:
        """Episodes that came out."""
        return len(self.lengths)

    @property
    def frames_dropped(self) -> int:
        """Camera frames that no tick shows, or that lie outside every episode."""
        return self.frames_read - self.frames_kept

    @property
    def rate_hz(self) -> float:
        """Measured camera rate, frames per second (0 if there was only one frame)."""
        return self._intervals / self._span_s if self._span_s else 0.0

    @property
    def lost(self) -> list[str]:
        """What could not be read, one line each."""
        return [loss.reason for loss in self.losses]

    @property
    def lost_bytes(self) -> int:
        """Size of what could not be read."""
        return sum(loss.lost_bytes for loss in self.losses)

    def begin_bag(self, topic: str) -> None:
        """Begin a bag."""
        self.bags += 1
        self.bag_frames, self.bag_shapes = 0, {}
        _note(topic, self.topics)

    def see(self, encoding: str, width: int, height: int) -> None:
        """Note encoding and size of a picture."""
        _note(encoding, self.encodings)
        _note((width, height), self.sizes)

    def end_bag(self, losses: list[Loss]) -> None:
        """Add what the bag held and what was lost."""
        self.frames_read += self.bag_frames
        self.losses.extend(losses)

    def end_episode(self, start_ns: int, kept: int, ticks: int, views: int = 1) -> None:
        """Count an episode of ``ticks`` frames at the control rate, ``kept`` pictures distinct."""
        self.starts_ns.append(start_ns)
        self.frames_kept += kept
        self.frames_duplicated += ticks * views - kept
        self.lengths.append(ticks)

    def time(self, intervals: int, span_s: float, longest_pause_s: float) -> None:
        """Count the times between the camera frames of an episode."""
        self._intervals += intervals
        self._span_s += span_s
        self.longest_pause_s = max(self.longest_pause_s, longest_pause_s)

    def warnings(self) -> list[str]:
        """Return what a person should know although training can go on, one line each."""
        lines = self.lost
        ticks = self.frames_kept + self.frames_duplicated
        if self.frames_duplicated > _MANY_REPEATS * ticks:
            lines.append(
                f'{self.frames_duplicated} of {ticks} frames repeat the one before: the camera '
                f'recorded at {self.rate_hz:.3g} Hz, longest pause {self.longest_pause_s:.3g} s'
            )
        if len(self.sizes) > 1:
            sizes = ', '.join(f'{width}x{height}' for width, height in self.sizes)
            lines.append(f'the bags have images of different sizes: {sizes} pixels')
        if self.unstamped:
            lines.append(
                f'{self.unstamped} frames have no header stamp: the time of recording was used, '
                'for all frames of their topic'
            )
        if self.late:
            lines.append(
                f'{self.late} frames were recorded behind a later one, and left out'
            )
        return lines


def _note(value: Any, seen: list[Any]) -> None:  # noqa: ANN401 (of one kind)
    """Add what has not been seen before."""
    if value not in seen:
        seen.append(value)
