"""Video files, as phones and cameras write them, to films of an expert.

Frames keep the times that the file gives them (phones and browsers vary their rate and pause)
unless another rate is asked for: then they are resampled by the rule of
:mod:`claifo.bags.resample`. What a container announces of its rate is not believed. Pictures are
turned upright as the file asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from claifo.bags.resample import Resampler, rate_of, tick_ns
from claifo.bags.writer import BagWriter
from claifo_core.data.frames import prepare
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.data.frames import FrameSpec


_UNTOLD_HZ = 30.0
_Timed = Iterator[tuple[int, NDArray[np.uint8]]]


class Converted(NamedTuple):
    """What became of one video.

    Attributes:
        path: The video.
        read: Frames that could be read.
        announced: Frames that the file says it has; 0: it does not say.
        written: Frames of the episode.
    """

    path: Path
    read: int
    announced: int
    written: int


class Video:
    """One file.

    Attributes:
        path: Where it is.
        read: Frames read so far.
        announced: Frames that the file says it has; 0: it does not say.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ClaifoError: it is missing, or no video that OpenCV can read.
        """
        if not path.is_file():
            raise ClaifoError(f'{path}: no such video file')
        self.path, self.read = path, 0
        self._capture = cv2.VideoCapture(str(path))
        # whether it does so unasked depends on its version
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        self.announced = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        if not self._capture.isOpened():
            raise ClaifoError(f'{path}: not a video that can be read; {_convert(path)}')

    def frames(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (time in nanoseconds, frame RGB) of all that can be read."""
        for time_ns in self._times():
            there, picture = self._capture.retrieve()
            if there:
                yield time_ns, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)

    def rate_hz(self) -> float:
        """Read to the end and return frames per second, by :func:`claifo.bags.resample.rate_of`.

        Raises:
            ClaifoError: there are fewer than two frames.
        """
        found_hz = rate_of(list(self._times()))
        if not found_hz:
            raise ClaifoError(f'{self.path}: {self.read} frames could be read; is it whole? Or '
                              f'{_convert(self.path)}')  # fmt: skip
        return found_hz

    def _times(self) -> Iterator[int]:
        """Go from frame to frame; a frame without a time follows as fast as those before it."""
        last_ns, step_ns = -1, round(1e9 / _UNTOLD_HZ)
        while self._capture.grab():
            told_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            if told_ns <= last_ns:
                told_ns = last_ns + step_ns
            elif self.read:
                step_ns = told_ns - last_ns
            last_ns, self.read = told_ns, self.read + 1
            yield told_ns

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()


def _convert(path: Path) -> str:
    return f'convert it to H.264: ffmpeg -i {path.name} -c:v libx264 {path.stem}_h264.mp4'


def convert(
    videos: Sequence[Path],
    out: Path,
    *,
    rate_hz: float | None = None,
    spec: FrameSpec | None = None,
    encoding: str = 'rgb8',
    quality: int = 95,
) -> tuple[float, list[Converted]]:
    """Write videos as one bag with an episode each; only one frame is in memory at a time.

    Args:
        videos: Their files.
        out: Folder of the bag, which must not exist.
        rate_hz: Frames per second of the bag; None: every frame at its own time.
        spec: Crop and size; None keeps the pictures as they are.
        encoding: As in :class:`claifo.bags.writer.BagWriter`.
        quality: Of JPEG, 1-100.

    Returns:
        The rate (as measured in the first video, if none was asked for), and what became of each
        video.

    Raises:
        ClaifoError: a video cannot be read, or has pictures of another size than the first.
    """
    asked_hz = rate_hz
    if rate_hz is None:
        with closing(Video(videos[0])) as first:
            rate_hz = first.rate_hz()
    done: list[Converted] = []
    size: list[tuple[int, ...]] = []
    with BagWriter(out, rate_hz=rate_hz, encoding=encoding, jpeg_quality=quality) as bag:
        for path in videos:
            with closing(Video(path)) as video:
                found = _checked_frames(video, spec, size)
                written = bag.write_film(_resampled(found, asked_hz) if asked_hz else found)
            if not written:
                raise ClaifoError(f'{path}: no frame could be read; is it whole? Or '
                                  f'{_convert(path)}')  # fmt: skip
            done.append(Converted(path, video.read, video.announced, written))
    return rate_hz, done


def _checked_frames(video: Video, spec: FrameSpec | None, size: list[tuple[int, ...]]) -> _Timed:
    """Yield times and frames; ``size`` holds that of all videos, once it is known."""
    for time_ns, picture in video.frames():
        yield time_ns, _checked(video.path, picture, spec, size)


def _resampled(found: _Timed, rate_hz: float) -> _Timed:
    """Yield the frames at a rate."""
    resampler, ticks = Resampler(rate_hz), count()
    newest: NDArray[np.uint8] | None = None
    for time_ns, frame in found:
        served = resampler.push(time_ns)
        if newest is not None:
            yield from ((tick_ns(next(ticks), rate_hz), newest) for _ in range(served))
        newest = frame
    if newest is not None:
        served = resampler.finish()
        yield from ((tick_ns(next(ticks), rate_hz), newest) for _ in range(served))


def _checked(
    path: Path, picture: NDArray[np.uint8], spec: FrameSpec | None, size: list[tuple[int, ...]]
) -> NDArray[np.uint8]:
    try:
        frame = prepare(picture, spec) if spec else picture
    except ClaifoError as error:
        raise ClaifoError(f'{path}: {error}') from None
    size[:] = size or [frame.shape]
    if frame.shape != size[0]:
        raise ClaifoError(
            f'{path}: pictures of {frame.shape[1]}x{frame.shape[0]} pixels, those before had '
            f'{size[0][1]}x{size[0][0]}; bring them to one size with --size-px'
        )
    return frame
