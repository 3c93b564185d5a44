"""Video files, as phones and cameras write them, to films of an expert.

Frames come at the times that the file gives them (phones vary their rate) and are resampled
by the rule of :mod:`claifo.bags.resample`. OpenCV turns them upright as the file asks.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from claifo.bags.resample import Resampler
from claifo.bags.writer import BagWriter
from claifo_core.data.frames import prepare
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from claifo_core.data.frames import FrameSpec


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


class _Video:
    """One file."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ClaifoError: it is missing, or no video that OpenCV can read.
        """
        if not path.is_file():
            raise ClaifoError(f'{path}: no such video file')
        self.path, self.read = path, 0
        self._capture = cv2.VideoCapture(str(path))
        self.rate_hz = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.announced = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        if not self._capture.isOpened() or not self.rate_hz > 0:
            raise ClaifoError(f'{path}: not a video that can be read; convert it to mp4 (H.264)')

    def frames(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (time in nanoseconds, frame RGB) of all that can be read."""
        last_ns = -1
        while True:
            there, picture = self._capture.read()
            if not there:
                return
            told_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            if told_ns <= last_ns:  # the file does not tell
                told_ns = last_ns + round(1e9 / self.rate_hz)
            last_ns, self.read = told_ns, self.read + 1
            yield told_ns, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        self._capture.release()


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
        rate_hz: Frames per second of the bag; None: those of the first video.
        spec: Crop and size; None keeps the pictures as they are.
        encoding: As in :class:`claifo.bags.writer.BagWriter`.
        quality: Of JPEG, 1-100.

    Returns:
        The rate, and what became of each video.

    Raises:
        ClaifoError: a video cannot be read, or has pictures of another size than the first.
    """
    if rate_hz is None:
        with closing(_Video(videos[0])) as first:
            rate_hz = first.rate_hz
    done: list[Converted] = []
    size: list[tuple[int, ...]] = []
    with BagWriter(out, rate_hz=rate_hz, encoding=encoding, jpeg_quality=quality) as bag:
        for path in videos:
            with closing(_Video(path)) as video:
                written = bag.write_film(_resampled(video, rate_hz, spec, size))
            if not written:
                raise ClaifoError(f'{path}: no frame could be read; is the file whole?')
            done.append(Converted(path, video.read, video.announced, written))
    return rate_hz, done


def _resampled(
    video: _Video, rate_hz: float, spec: FrameSpec | None, size: list[tuple[int, ...]]
) -> Generator[NDArray[np.uint8], None, None]:
    """Yield the frames at the rate; ``size`` holds that of all videos, once it is known."""
    resampler = Resampler(rate_hz)
    newest: NDArray[np.uint8] | None = None
    for time_ns, picture in video.frames():
        for _ in range(resampler.push(time_ns)):
            assert newest is not None
            yield newest
        newest = _checked(video.path, picture, spec, size)
    if newest is not None:
        for _ in range(resampler.finish()):
            yield newest


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
