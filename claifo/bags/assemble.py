"""One episode in the making: camera frames in, frames at the control rate out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claifo.bags.cdr import RawImage
from claifo.bags.codecs import decode
from claifo.bags.parts import Loss
from claifo.bags.resample import Resampler
from claifo_core.data.frames import prepare
from claifo_core.deploy.ticks import JUMP_NS
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo.bags.cdr import CameraImage
    from claifo.bags.options import ReadOptions
    from claifo.bags.report import BagReport

_NS_PER_S = 1_000_000_000
_LONGEST_HOLD_NS = 60 * _NS_PER_S


class Episode:
    """Frames of one episode as they come in; only those that a tick shows are decoded."""

    def __init__(self, where: str, options: ReadOptions, report: BagReport) -> None:
        """Begin an episode of ``where`` (bag and topic, for messages) and count in ``report``."""
        self._where = where
        self._options = options
        self._report = report
        self._resampler = Resampler(options.rate_hz)
        self._buffer = FrameBuffer(options.frames.size_px)
        self._last: CameraImage | None = None
        self._first_ns = self._last_ns = self._longest_ns = 0
        self._last_number = self._frames = self._kept = 0

    def pause_s(self, stamp_ns: int) -> float:
        """Return the seconds since the frame before (an episode begins with a frame)."""
        return (stamp_ns - self._last_ns) / _NS_PER_S

    def add(self, stamp_ns: int, image: CameraImage, camera: int = 0) -> None:
        """Take the next frame of the only camera; one that swapped with the last is left out."""
        del camera
        if self._last is None:
            self._first_ns = self._last_ns = stamp_ns
        if 0 < self._last_ns - stamp_ns <= JUMP_NS:
            return
        pause_ns = stamp_ns - self._last_ns
        if not 0 <= pause_ns <= _LONGEST_HOLD_NS:
            raise self._bad_stamp(stamp_ns)
        if pause_ns > self._longest_ns:
            self._longest_ns = pause_ns
        self._show(self._resampler.push(stamp_ns))
        self._last, self._last_ns, self._last_number = image, stamp_ns, self._report.bag_frames
        self._frames += 1

    def drop_if_short(self) -> bool:
        """Leave the episode out if the recording was cut off before it was long enough."""
        self._show(self._resampler.finish())
        if self._buffer.count >= self._options.min_frames:
            return False
        reason = f'{self._where}: the last episode, {self._length()}, was left out'
        self._report.losses.append(Loss(reason, 0))
        return True

    def finish(self) -> NDArray[np.uint8]:
        """Return the frames at the control rate, uint8, shape (T, size, size, 3)."""
        self._show(self._resampler.finish())
        if self._buffer.count < self._options.min_frames:
            raise ClaifoError(
                f'{self._where}: episode {len(self._report.lengths) + 1} has {self._length()}, '
                f'fewer than the {self._options.min_frames} that learning needs; '
                'remove it or record it longer'
            )
        self._report.end_episode(self._first_ns, self._kept, self._buffer.count)
        span_s = (self._last_ns - self._first_ns) / _NS_PER_S
        self._report.time(self._frames - 1, span_s, self._longest_ns / _NS_PER_S)
        return self._buffer.finish()

    def _length(self) -> str:
        return f'{self._buffer.count} frames at {self._options.rate_hz:g} Hz'

    def _bad_stamp(self, stamp_ns: int) -> ClaifoError:
        number = self._report.bag_frames
        if stamp_ns < self._last_ns:
            return ClaifoError(
                f'{self._where}: the stamp jumps back at frame {number}, from '
                f'{self._last_ns / _NS_PER_S:.6f} s to {stamp_ns / _NS_PER_S:.6f} s; '
                'record without looped playback, or begin episodes by a marker topic'
            )
        return ClaifoError(
            f'{self._where}: no frame for {self.pause_s(stamp_ns):.1f} s before frame {number}; '
            f'split episodes by gap (over {_LONGEST_HOLD_NS // _NS_PER_S} s nothing is held)'
        )

    def _show(self, ticks: int) -> None:
        """Write the last frame to the ticks that it serves."""
        if not ticks or self._last is None:
            return
        self._kept += 1
        try:
            picture = decode(self._last)
            if picture.shape != self._report.bag_shape:
                self._begin_size(picture.shape)
            self._buffer.append(prepare(picture, self._options.frames), ticks)
        except ClaifoError as error:
            raise ClaifoError(f'{self._where}: frame {self._last_number}: {error}') from error

    def _begin_size(self, shape: tuple[int, ...]) -> None:
        """Note encoding and size of the first frame of a bag; refuse another size after it."""
        if self._report.bag_shape:
            height, width, _ = self._report.bag_shape
            raise ClaifoError(
                f'{shape[1]}x{shape[0]} pixels, but frames before it have {width}x{height}; '
                'a bag must keep one size'
            )
        self._report.bag_shape = shape
        assert self._last is not None
        self._report.see(encoding_of(self._last), shape[1], shape[0])


def encoding_of(image: CameraImage) -> str:
    """Return the encoding or compressed format of an image."""
    return image.layout.encoding if isinstance(image, RawImage) else image.format


class FrameBuffer:
    """Frames in one growing array.

    It grows by copying: NumPy asks for huge pages when it makes a large array, but not when it
    extends one, and touching small pages would cost more than reading the bag.
    """

    def __init__(self, size_px: int, views: int = 1) -> None:
        """Begin without frames of ``views`` cameras."""
        self.count = 0
        self._frames = np.empty((512, size_px, size_px, 3 * views), np.uint8)

    def append(self, frame: NDArray[np.uint8], times: int) -> None:
        """Add a frame so many times."""
        end = self.count + times
        if end > len(self._frames):
            larger = np.empty((2 * end, *self._frames.shape[1:]), np.uint8)
            larger[: self.count] = self._frames[: self.count]
            self._frames = larger
        self._frames[self.count : end] = frame
        self.count = end

    def finish(self) -> NDArray[np.uint8]:
        """Return all frames."""
        # refcheck would count references that debuggers hold; no view of this array ever left
        self._frames.resize((self.count, *self._frames.shape[1:]), refcheck=False)
        return self._frames
