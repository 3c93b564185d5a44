"""One episode in the making: frames of one camera or several in, frames at the control rate out.

Ticks begin where the last of the cameras begins and end where the first of them ends. At each
tick every camera shows its newest frame by the rule of :mod:`claifo.bags.resample`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from claifo.bags.cdr import RawImage
from claifo.bags.codecs import decode
from claifo.bags.parts import Loss
from claifo.bags.resample import JITTER, tick_ns
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


class _Camera:
    """The frames of one camera that no tick has left behind; those that are shown are decoded."""

    def __init__(self, where: str, name: str, options: ReadOptions, report: BagReport) -> None:
        self.name, self._where = name, f'{where}: {name}'
        self._options, self._report = options, report
        self.first_ns = self.last_ns = self.longest_ns = self._before_last_ns = 0
        self.frames = self.kept = 0
        self._waiting: deque[tuple[int, int, CameraImage]] = deque()
        self._shown: NDArray[np.uint8] | None = None

    def add(self, stamp_ns: int, image: CameraImage) -> None:
        if self.frames:
            pause_ns = stamp_ns - self.last_ns
            if pause_ns < 0 and (-pause_ns <= JUMP_NS or stamp_ns >= self._before_last_ns):
                # it was overtaken; what lies further behind is a loop
                self._report.late += 1
                return
            if not 0 <= pause_ns <= _LONGEST_HOLD_NS:
                raise self._bad_stamp(stamp_ns)
            if pause_ns > self.longest_ns:
                self.longest_ns = pause_ns
        else:
            self.first_ns = stamp_ns
        self._before_last_ns = self.last_ns if self.frames else stamp_ns
        self.last_ns = stamp_ns
        self.frames += 1
        self._waiting.append((stamp_ns, self._report.bag_frames, image))

    def show(self, end_ns: int) -> NDArray[np.uint8]:
        """Return the newest frame before ``end_ns``, and forget those before it."""
        while len(self._waiting) > 1 and self._waiting[1][0] < end_ns:
            self._waiting.popleft()
            self._shown = None
        if self._shown is None:
            _, number, image = self._waiting[0]
            self.kept += 1
            try:
                self._shown = self._prepared(image)
            except ClaifoError as error:
                raise ClaifoError(f'{self._where}: frame {number}: {error}') from error
        return self._shown

    def _prepared(self, image: CameraImage) -> NDArray[np.uint8]:
        picture = decode(image)
        if self._report.bag_shapes.get(self.name) != picture.shape:
            self._begin_size(image, picture.shape)
        return prepare(picture, self._options.frames)

    def _begin_size(self, image: CameraImage, shape: tuple[int, ...]) -> None:
        """Note encoding and size of the first frame of a bag; refuse another size after it."""
        before = self._report.bag_shapes.setdefault(self.name, shape)
        if before != shape:
            raise ClaifoError(
                f'{shape[1]}x{shape[0]} pixels, but frames before it have '
                f'{before[1]}x{before[0]}; a bag must keep one size'
            )
        encoding = image.layout.encoding if isinstance(image, RawImage) else image.format
        self._report.see(encoding, shape[1], shape[0])

    def _bad_stamp(self, stamp_ns: int) -> ClaifoError:
        number = self._report.bag_frames
        if stamp_ns < self.last_ns:
            return ClaifoError(
                f'{self._where}: the stamp jumps back at frame {number}, from '
                f'{self.last_ns / _NS_PER_S:.6f} s to {stamp_ns / _NS_PER_S:.6f} s; '
                'record without looped playback, or begin episodes by a marker topic'
            )
        return ClaifoError(
            f'{self._where}: no frame for {(stamp_ns - self.last_ns) / _NS_PER_S:.1f} s before '
            f'frame {number}; split episodes by gap (over {_LONGEST_HOLD_NS // _NS_PER_S} s '
            'nothing is held)'
        )


class Episode:
    """Frames of one episode as they come in."""

    def __init__(
        self, bag: str, names: list[str], options: ReadOptions, report: BagReport
    ) -> None:
        """Begin an episode of ``bag`` and its topics (for messages); count in ``report``."""
        self._where = f'{bag}: {", ".join(names)}'
        self._options, self._report = options, report
        self._cameras = [_Camera(bag, name, options, report) for name in names]
        self._buffer = FrameBuffer(options.frames.size_px, len(names))
        self._late_ns = int(JITTER * _NS_PER_S / options.rate_hz)
        self._newest_ns = 0
        self._begun = False  # all cameras have
        self._start_ns = self._due_ns = 0  # of the first tick and the next

    def pause_s(self, stamp_ns: int) -> float:
        """Return the seconds since the newest frame of any camera."""
        return (stamp_ns - self._newest_ns) / _NS_PER_S

    def add(self, stamp_ns: int, image: CameraImage, camera: int) -> None:
        """Take the next frame of a camera.

        Raises:
            ClaifoError: its stamp jumps back, or lies more than a minute behind the one before, or
                a frame cannot be decoded.
        """
        self._cameras[camera].add(stamp_ns, image)
        if stamp_ns > self._newest_ns:
            self._newest_ns = stamp_ns
        if not self._begun and all(camera.frames for camera in self._cameras):
            self._start_ns = self._due_ns = max(camera.first_ns for camera in self._cameras)
            self._begun = True
        if self._begun:
            self._show(min([camera.last_ns for camera in self._cameras]) - self._late_ns)

    def _show(self, end_ns: int) -> None:
        """Write the ticks before ``end_ns``."""
        while self._due_ns < end_ns:
            seen_ns = self._due_ns + self._late_ns + 1
            self._buffer.append([camera.show(seen_ns) for camera in self._cameras])
            self._due_ns = self._start_ns + tick_ns(self._buffer.count, self._options.rate_hz)

    def _end(self) -> None:
        last_ns = min(camera.last_ns for camera in self._cameras)
        if not self._begun or self._start_ns > last_ns:
            spans = '; '.join(
                f'{c.name} {c.first_ns / _NS_PER_S:.3f} to {c.last_ns / _NS_PER_S:.3f} s'
                if c.frames else f'{c.name} no frame' for c in self._cameras
            )  # fmt: skip
            raise ClaifoError(
                f'{self._where}: the cameras have no time in common ({spans}); record them at '
                'the same time and with the same clock'
            )
        self._show(last_ns + self._late_ns + 1)

    def drop_if_short(self) -> bool:
        """Leave the episode out if the recording was cut off before it was long enough."""
        if self._begun:
            self._end()
        if self._buffer.count >= self._options.min_frames:
            return False
        reason = f'{self._where}: the last episode, {self._length()}, was left out'
        self._report.losses.append(Loss(reason, 0))
        return True

    def finish(self) -> NDArray[np.uint8]:
        """Return the frames at the control rate, uint8, shape (T, size, size, 3 V).

        Raises:
            ClaifoError: the cameras have no time in common, or too little.
        """
        self._end()
        if self._buffer.count < self._options.min_frames:
            raise ClaifoError(
                f'{self._where}: episode {len(self._report.lengths) + 1} has {self._length()}, '
                f'fewer than the {self._options.min_frames} that learning needs; '
                'remove it or record it longer'
            )
        kept = sum(camera.kept for camera in self._cameras)
        self._report.end_episode(
            self._start_ns, kept, self._buffer.count, len(self._cameras)
        )
        for c in self._cameras:
            span_s = (c.last_ns - c.first_ns) / _NS_PER_S
            self._report.time(c.frames - 1, span_s, c.longest_ns / _NS_PER_S)
        return self._buffer.finish()

    def _length(self) -> str:
        return f'{self._buffer.count} frames at {self._options.rate_hz:g} Hz'


class FrameBuffer:
    """Frames in one growing array.

    It grows by copying: NumPy asks for huge pages when it makes a large array, but not when it
    extends one, and touching small pages would cost more than reading the bag.
    """

    def __init__(self, size_px: int, views: int) -> None:
        """Begin without frames of ``views`` cameras."""
        self.count = 0
        self._frames = np.empty((512, size_px, size_px, 3 * views), np.uint8)

    def append(self, pictures: list[NDArray[np.uint8]]) -> None:
        """Add a frame: the picture of each camera."""
        if self.count == len(self._frames):
            larger = np.empty((2 * self.count, *self._frames.shape[1:]), np.uint8)
            larger[: self.count] = self._frames
            self._frames = larger
        for view, picture in enumerate(pictures):
            self._frames[self.count, ..., 3 * view : 3 * view + 3] = picture
        self.count += 1

    def finish(self) -> NDArray[np.uint8]:
        """Return all frames."""
        # refcheck would count references that debuggers hold; no view of this array ever left
        self._frames.resize((self.count, *self._frames.shape[1:]), refcheck=False)
        return self._frames
