"""Writing a data set of expert videos: a folder of rosbag2 bags, one per episode.

Bags are MCAP with metadata version 8, the newest that humble and jazzy both read. Header stamps
lie exactly at the control rate; recording times equal them. The same frames give the same bytes.
An action has the stamp of the frame that it was taken at, a reward that of the frame to which it
led.
"""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer

from claifo.bags.beside import Beside
from claifo.bags.cdr import COMPRESSED, IMAGE
from claifo.bags.codecs import COMPRESSIONS, encode_compressed
from claifo.bags.messages import typestore
from claifo.bags.options import check_rate
from claifo.bags.resample import tick_ns
from claifo.bags.truth import EpisodeTruth, Truth, write_truth
from claifo_core.errors import ClaifoError, check_choice
from claifo_core.files import sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from rosbags.interfaces import Connection

    from claifo_core.data import Demonstration

ENCODINGS = ('rgb8', *COMPRESSIONS)
TOPIC = '/camera/image_raw'

_FRAME_ID = 'camera'
_START_NS = 1_000_000_000
_PAUSE_NS = 1_000_000_000
METADATA_VERSION: Literal[8] = 8
_FOREVER = QosTime(9223372036, 854775807)
QOS = Qos(
    QosHistory.KEEP_LAST,
    10,
    QosReliability.RELIABLE,
    QosDurability.VOLATILE,
    _FOREVER,
    _FOREVER,
    QosLiveliness.AUTOMATIC,
    _FOREVER,
    False,
)


class BagWriter:
    """Writes ``PATH/episode_000``, ``PATH/episode_001``, …; a context manager.

    The data set appears at ``PATH`` as a whole when the block ends, and not at all if it fails.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        rate_hz: float,
        topics: tuple[str, ...] = (TOPIC,),
        encoding: str = 'rgb8',
        jpeg_quality: int = 95,
        task: str = '',
        domain: str = '',
        command: str = '',
        random_return: float | None = None,
    ) -> None:
        """Prepare a data set; nothing is written yet.

        Args:
            path: Folder of the data set, which must not exist yet.
            rate_hz: Control rate, frames per second.
            topics: Image topic of each camera; ``/compressed`` is put behind for JPEG and PNG.
            encoding: ``rgb8`` (Image), ``jpeg`` or ``png`` (CompressedImage).
            jpeg_quality: 1-100.
            task: Kept beside the bags, with ``domain`` and ``command``, for evaluation.
            domain: Visual domain of the recording.
            command: Command that records.
            random_return: Mean true return of random actions in the task, if known.

        Raises:
            ClaifoError: ``path`` exists, the rate is absurd, or the encoding is unknown.
        """
        check_choice('encoding', encoding, ENCODINGS)
        check_rate(rate_hz)
        self.path = Path(path)
        self._refuse_existing()
        self._compressed = encoding in COMPRESSIONS
        behind = '/compressed' if self._compressed else ''
        self._topics = tuple(topic + behind for topic in topics)
        self._encoding, self._quality, self._rate_hz = encoding, jpeg_quality, rate_hz
        self._about: dict[str, Any] = {
            'task': task, 'domain': domain, 'command': command, 'random_return': random_return,
        }  # fmt: skip
        self._folder = self.path.with_name(f'.{self.path.name}.{os.getpid()}.tmp')
        self._types = typestore()
        self._episodes: list[EpisodeTruth] = []
        self._next_ns = _START_NS

    def __enter__(self) -> BagWriter:
        """Create the temporary folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise ClaifoError(
                f'{self.path}: cannot create the folder: {error.strerror}; choose another one'
            ) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Put the finished data set in place, or remove what was begun."""
        try:
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def write_episode(
        self,
        frames: NDArray[np.uint8],
        *,
        shown: Demonstration | None = None,
        true_return: float | None = None,
        seed: int | None = None,
    ) -> None:
        """Write one episode as a bag of its own.

        Args:
            frames: uint8, shape (T, H, W, 3 V), RGB, camera after camera; T >= 1.
            shown: What the expert did at them, and earned, to be written beside them; None: a
                film of images alone.
            true_return: Sum of the true rewards, kept beside the bag.
            seed: Seed of the episode, kept beside the bag.

        Raises:
            ClaifoError: wrong shape or type, or the disk is full.
        """
        frames = np.asarray(frames)
        planes = 3 * len(self._topics)
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != planes or not (
            frames.size
        ):
            raise ClaifoError(
                f'{self.path}: frames are {frames.dtype} {frames.shape}; '
                f'uint8 (time, height, width, {planes}) is needed'
            )
        if shown and len(shown.actions) != len(frames) - 1:
            raise ClaifoError(
                f'{self.path}: there are {len(shown.actions)} actions; {len(frames) - 1} are '
                'needed, one for each frame but the last'
            )
        known = None if true_return is None else float(true_return)
        ticks = (tick_ns(k, self._rate_hz) for k in count())
        self._write(zip(ticks, frames, strict=False), shown, known, seed)

    def write_film(self, frames: Iterable[tuple[int, NDArray[np.uint8]]]) -> int:
        """Write one episode of one camera as its frames come; returns how many there were.

        Args:
            frames: Time in nanoseconds, from any beginning, and uint8, shape (H, W, 3), RGB, each.

        Raises:
            ClaifoError: the disk is full.
        """
        return self._write(frames, None, None, None)

    def _write(
        self,
        frames: Iterable[tuple[int, NDArray[np.uint8]]],
        shown: Demonstration | None,
        known: float | None,
        seed: int | None,
    ) -> int:
        name = f'episode_{len(self._episodes):03d}'
        try:
            written = self._write_bag(self._folder / name, frames, shown)
        except OSError as error:
            raise ClaifoError(
                f'{self.path}: cannot write {name}: {error.strerror}; free some space or choose '
                'another folder'
            ) from error
        self._episodes.append(EpisodeTruth(name, written, known, seed))
        return written

    def _write_bag(
        self,
        path: Path,
        frames: Iterable[tuple[int, NDArray[np.uint8]]],
        shown: Demonstration | None,
    ) -> int:
        written = time_ns = 0
        kind = COMPRESSED if self._compressed else IMAGE
        with Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP) as bag:
            connections = [self._connect(bag, topic, kind) for topic in self._topics]
            beside = Beside(bag, self._types, shown, self._connect) if shown else None
            for written, (time_ns, frame) in enumerate(frames, 1):
                stamp_ns = self._next_ns + time_ns
                for view, connection in enumerate(connections):
                    picture = frame[..., 3 * view : 3 * view + 3]
                    self._write_frame(bag, connection, stamp_ns, picture)
                if beside:
                    beside.write(written - 1, stamp_ns, self._header(stamp_ns))
        self._next_ns += time_ns + tick_ns(1, self._rate_hz) + _PAUSE_NS
        for file in path.iterdir():
            sync(file)
        return written

    def _connect(self, bag: Writer, topic: str, kind: str) -> Connection:
        return bag.add_connection(
            topic, kind, typestore=self._types, offered_qos_profiles=[QOS]
        )

    def _header(self, stamp_ns: int) -> Any:  # noqa: ANN401 (a message)
        types = self._types.types
        stamp = types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 1_000_000_000))
        return types['std_msgs/msg/Header'](stamp=stamp, frame_id=_FRAME_ID)

    def _write_frame(
        self, bag: Writer, connection: Connection, stamp_ns: int, frame: NDArray[np.uint8]
    ) -> None:
        types = self._types.types
        header = self._header(stamp_ns)
        if self._compressed:
            data = encode_compressed(frame, self._encoding, self._quality)
            message = types[COMPRESSED](
                header=header, format=self._encoding, data=np.frombuffer(data, np.uint8)
            )
        else:
            height, width, _ = frame.shape
            message = types[IMAGE](
                header=header,
                height=height,
                width=width,
                encoding=self._encoding,
                is_bigendian=0,
                step=width * 3,
                data=np.ascontiguousarray(frame).reshape(-1),
            )
        bag.write(connection, stamp_ns, self._types.serialize_cdr(message, connection.msgtype))

    def _finish(self) -> None:
        if not self._episodes:
            raise ClaifoError(f'{self.path}: no episode was recorded; ask for at least 1')
        truth = Truth(rate_hz=self._rate_hz, episodes=tuple(self._episodes), **self._about)
        write_truth(self._folder, truth)
        self._refuse_existing()
        self._folder.rename(self.path)
        sync(self.path.parent)

    def _refuse_existing(self) -> None:
        if self.path.exists():
            raise ClaifoError(
                f'{self.path}: exists already and is not overwritten; '
                'delete it or choose another folder'
            )
