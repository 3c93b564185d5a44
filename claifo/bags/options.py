"""What to read from bags."""

from __future__ import annotations

from dataclasses import dataclass

from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError, check_choice

SPLITS = ('bag', 'gap', 'marker')


_RATES_HZ = (1e-3, 1e4)
_LARGEST_PX = 4096


def check_rate(rate_hz: float) -> None:
    """Check a control rate.

    Raises:
        ClaifoError: no robot has it.
    """
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise ClaifoError(
            f'rate_hz is {rate_hz}; it must be from {_RATES_HZ[0]:g} to {_RATES_HZ[1]:g}'
        )


@dataclass(frozen=True)
class ReadOptions:
    """What to read and how.

    Attributes:
        frames: Crop and size of the frames.
        rate_hz: Control rate, frames per second.
        topics: Image topics, one per camera; none takes the only one of the bag.
        split: Where episodes begin: ``bag``, ``gap`` or ``marker`` (see ``episodes``).
        gap_s: Pause that begins a new episode, in seconds; only for ``gap``.
        marker_topic: Topic whose messages begin episodes; only for ``marker``.
        max_episodes: Stop after so many episodes; 0 reads all.
        min_frames: Fewest frames of an episode that can be learned from: the frame stack at least.
    """

    frames: FrameSpec
    rate_hz: float
    topics: tuple[str, ...] = ()
    split: str = 'bag'
    gap_s: float = 1.0
    marker_topic: str = ''
    max_episodes: int = 0
    min_frames: int = 1

    def __post_init__(self) -> None:
        """Refuse options that cannot be."""
        check_choice('split', self.split, SPLITS)
        if self.split == 'marker' and not self.marker_topic:
            raise ClaifoError("split is 'marker' but marker_topic is empty; name the marker topic")
        for name, lowest in (('max_episodes', 0), ('min_frames', 1)):
            if getattr(self, name) < lowest:
                raise ClaifoError(f'{name} is {getattr(self, name)}; it must be at least {lowest}')
        check_rate(self.rate_hz)
        if not self.gap_s > 0:
            raise ClaifoError(f'gap_s is {self.gap_s}; it must be above 0')
        if self.frames.size_px > _LARGEST_PX:
            raise ClaifoError(
                f'size_px is {self.frames.size_px}; it must be at most {_LARGEST_PX}'
            )
