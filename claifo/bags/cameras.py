"""One episode of several cameras in the making: their frames are aligned by stamp.

Ticks begin where the last of the cameras begins and end where the first of them ends. At each
tick every camera shows its newest frame by the rule of :mod:`claifo.bags.resample`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from claifo.bags.assemble import FrameBuffer, encoding_of
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


class _Camera:
    """The frames of one camera that no tick has left behind."""

    def __init__(self, name: str, options: ReadOptions, report: BagReport) -> None:
        self.name, self.shown = name, 0
        self._options, self._report = options, report
        self.first_ns = self.last_ns = -1
        self._frames: deque[tuple[int, CameraImage]] = deque()
        self._prepared: NDArray[np.uint8] | None = None

    def add(self, stamp_ns: int, image: CameraImage) -> None:
        if self.first_ns < 0:
            self.first_ns = stamp_ns
        self.last_ns = stamp_ns
        self._frames.append((stamp_ns, image))

    def show(self, end_ns: int) -> NDArray[np.uint8]:
        """Return the newest frame before ``end_ns``, and forget those before it."""
        while len(self._frames) > 1 and self._frames[1][0] < end_ns:
            self._frames.popleft()
            self._prepared = None
        if self._prepared is None:
            self._prepared = self._prepare(self._frames[0][1])
        return self._prepared

    def _prepare(self, image: CameraImage) -> NDArray[np.uint8]:
        self.shown += 1
        picture = decode(image)
        height, width, _ = picture.shape
        self._report.see(encoding_of(image), width, height)
        return prepare(picture, self._options.frames)


class Rig:
    """Frames of one episode as they come in from several cameras."""

    def __init__(
        self, where: str, names: list[str], options: ReadOptions, report: BagReport
    ) -> None:
        """Begin an episode of ``where`` (bag and topics, for messages); count in ``report``."""
        self._where, self._options, self._report = where, options, report
        self._cameras = [_Camera(name, options, report) for name in names]
        self._buffer = FrameBuffer(options.frames.size_px, len(names))
        self._late_ns = int(JITTER * _NS_PER_S / options.rate_hz)
        self._newest_ns = -1

    def pause_s(self, stamp_ns: int) -> float:
        """Return the seconds since the newest frame of any camera."""
        return (stamp_ns - self._newest_ns) / _NS_PER_S

    def add(self, stamp_ns: int, image: CameraImage, camera: int) -> None:
        """Take the next frame of a camera; one that swapped with its last is left out.

        Raises:
            ClaifoError: its stamp jumps back, or it cannot be decoded.
        """
        chosen = self._cameras[camera]
        if 0 < chosen.last_ns - stamp_ns <= JUMP_NS:
            return
        if stamp_ns < chosen.last_ns:
            raise ClaifoError(
                f'{self._where}: the stamp of {chosen.name} jumps back from '
                f'{chosen.last_ns / _NS_PER_S:.6f} s to {stamp_ns / _NS_PER_S:.6f} s; '
                'record without looped playback, or begin episodes by a marker topic'
            )
        chosen.add(stamp_ns, image)
        self._newest_ns = max(self._newest_ns, stamp_ns)
        if self._begun():
            self._show(min(c.last_ns for c in self._cameras) - self._late_ns)

    def _begun(self) -> bool:
        return all(camera.first_ns >= 0 for camera in self._cameras)

    def _start_ns(self) -> int:
        return max(camera.first_ns for camera in self._cameras)

    def _show(self, end_ns: int) -> None:
        """Write the ticks before ``end_ns``."""
        start_ns, rate_hz = self._start_ns(), self._options.rate_hz
        while (now_ns := start_ns + tick_ns(self._buffer.count, rate_hz)) < end_ns:
            try:
                views = [c.show(now_ns + self._late_ns + 1) for c in self._cameras]
            except ClaifoError as error:
                raise ClaifoError(f'{self._where}: {error}') from error
            self._buffer.append(np.concatenate(views, 2), 1)

    def _end(self) -> None:
        last_ns = min(camera.last_ns for camera in self._cameras)
        if not self._begun() or self._start_ns() > last_ns:
            spans = '; '.join(
                f'{c.name} {c.first_ns / _NS_PER_S:.3f} to {c.last_ns / _NS_PER_S:.3f} s'
                if c.first_ns >= 0 else f'{c.name} no frame' for c in self._cameras
            )  # fmt: skip
            raise ClaifoError(
                f'{self._where}: the cameras have no time in common ({spans}); record them at '
                'the same time and with the same clock'
            )
        self._show(last_ns + self._late_ns + 1)

    def drop_if_short(self) -> bool:
        """Leave the episode out if the recording was cut off before it was long enough."""
        if self._begun():
            self._end()
        if self._buffer.count >= self._options.min_frames:
            return False
        reason = f'{self._where}: the last episode, {self._buffer.count} frames, was left out'
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
                f'{self._where}: episode {len(self._report.lengths) + 1} has {self._buffer.count} '
                f'frames at {self._options.rate_hz:g} Hz, fewer than the '
                f'{self._options.min_frames} that learning needs; remove it or record it longer'
            )
        shown = sum(camera.shown for camera in self._cameras)
        self._report.end_episode(
            self._start_ns(), shown, self._buffer.count, len(self._cameras)
        )
        return self._buffer.finish()
