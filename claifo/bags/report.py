"""What happened while bags were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claifo.bags.parts import Loss

_MANY_REPEATS = 0.1


@dataclass(frozen=True)
class BagReport:
    """Summary of what was read.

    Attributes:
        bags: Bags that were read.
        topics: Image topics that were read.
        episodes: Episodes that came out.
        lengths: Frames of each episode at the control rate.
        frames_read: Camera frames found.
        frames_kept: Camera frames that at least one tick shows.
        frames_dropped: Camera frames that no tick shows, or that lie outside every episode.
        frames_duplicated: Ticks that repeat a frame which an earlier tick has shown.
        rate_hz: Measured camera rate, frames per second (0 if there was only one frame).
        longest_pause_s: Longest time between two frames of an episode, in seconds.
        encodings: Encodings or compressed formats found.
        sizes: Image sizes found, as (width, height), in pixels.
        lost: What could not be read, one line each.
        lost_bytes: Size of what could not be read.
        unstamped: Frames without a header stamp, placed by the time of recording.
    """

    bags: int
    topics: tuple[str, ...]
    episodes: int
    lengths: tuple[int, ...]
    frames_read: int
    frames_kept: int
    frames_dropped: int
    frames_duplicated: int
    rate_hz: float
    longest_pause_s: float
    encodings: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    lost: tuple[str, ...]
    lost_bytes: int
    unstamped: int

    def warnings(self) -> list[str]:
        """Return what a person should know although training can go on, one line each."""
        lines = list(self.lost)
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
                f'{self.unstamped} frames have no header stamp: the time of recording was used'
            )
        return lines


@dataclass
class Tally:
    """Counts while bags are read; :meth:`report` freezes them.

    ``bag_frames`` and ``bag_shape`` belong to the bag that is being read; ``starts_ns`` has the
    stamp of the first frame of each episode.
    """

    bags: int = 0
    read: int = 0
    kept: int = 0
    duplicated: int = 0
    unstamped: int = 0
    intervals: int = 0
    span_s: float = 0.0
    longest_pause_s: float = 0.0
    bag_frames: int = 0
    bag_shape: tuple[int, ...] = ()
    topics: dict[str, None] = field(default_factory=dict)
    encodings: dict[str, None] = field(default_factory=dict)
    sizes: dict[tuple[int, int], None] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    starts_ns: list[int] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def begin_bag(self, topic: str) -> None:
        """Begin a bag."""
        self.bags += 1
        self.bag_frames, self.bag_shape = 0, ()
        self.topics[topic] = None

    def end_bag(self, losses: list[Loss]) -> None:
        """Add what the bag held and what was lost."""
        self.read += self.bag_frames
        self.losses.extend(losses)

    def end_episode(self, start_ns: int, kept: int, ticks: int, views: int = 1) -> None:
        """Count an episode of ``ticks`` frames at the control rate, ``kept`` pictures distinct."""
        self.starts_ns.append(start_ns)
        self.kept += kept
        self.duplicated += ticks * views - kept
        self.lengths.append(ticks)

    def time(self, intervals: int, span_s: float, longest_pause_s: float) -> None:
        """Count the times between the camera frames of an episode."""
        self.intervals += intervals
        self.span_s += span_s
        self.longest_pause_s = max(self.longest_pause_s, longest_pause_s)

    def report(self) -> BagReport:
        """Return the counts so far."""
        return BagReport(
            bags=self.bags,
            topics=tuple(self.topics),
            episodes=len(self.lengths),
            lengths=tuple(self.lengths),
            frames_read=self.read,
            frames_kept=self.kept,
            frames_dropped=self.read - self.kept,
            frames_duplicated=self.duplicated,
            rate_hz=self.intervals / self.span_s if self.span_s else 0.0,
            longest_pause_s=self.longest_pause_s,
            encodings=tuple(self.encodings),
            sizes=tuple(self.sizes),
            lost=tuple(loss.reason for loss in self.losses),
            lost_bytes=sum(loss.lost_bytes for loss in self.losses),
            unstamped=self.unstamped,
        )
