"""Reading camera bags, beside plain ``rosbags`` reading of the same files.

Prints one JSON object. Every case is read in five ways; the best of interleaved repetitions
counts, the files are in the page cache, OpenCV runs on one thread:

* ``rosbags_messages``: ``rosbags.rosbag2.Reader.messages``; serialised messages, nothing decoded.
* ``rosbags_frames``: the same, then ``deserialize_cdr`` and (JPEG) OpenCV: plain reading.
* ``claifo_frames``: the same result by our reader. Both copy each frame into one buffer.
* ``rosbags_episodes``: plain reading, then ``claifo_core.data.frames.prepare``, all frames kept.
* ``claifo_episodes``: ``read_episodes``: also checks stamps and resamples to the control rate.

``ratio_frames`` and ``ratio_episodes`` compare like with like (above 1: ours is faster);
``ratio_messages`` compares ``claifo_frames`` with messages that nobody has decoded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import cv2
import numpy as np
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from claifo.bags import ReadOptions, read_episodes
from claifo.bags.cdr import COMPRESSED, IMAGE, Parser
from claifo.bags.codecs import decode
from claifo.bags.episodes import choose_topic
from claifo.bags.reader import Bag, find_bags
from claifo_core.data.frames import FrameSpec, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

RATE_HZ = 30.0
TYPES = get_typestore(Stores.ROS2_JAZZY)


class Case(NamedTuple):
    """One bag to read."""

    name: str
    storage: StoragePlugin
    width: int
    height: int
    frames: int
    jpeg: bool
    size_px: int


CASES = (
    Case('mcap raw 64x64', StoragePlugin.MCAP, 64, 64, 4000, False, 64),
    Case('mcap raw 84x84', StoragePlugin.MCAP, 84, 84, 3000, False, 84),
    Case('mcap raw 640x480', StoragePlugin.MCAP, 640, 480, 300, False, 64),
    Case('sqlite3 raw 64x64', StoragePlugin.SQLITE3, 64, 64, 4000, False, 64),
    Case('sqlite3 raw 84x84', StoragePlugin.SQLITE3, 84, 84, 3000, False, 84),
    Case('sqlite3 raw 640x480', StoragePlugin.SQLITE3, 640, 480, 300, False, 64),
    Case('mcap jpeg 84x84', StoragePlugin.MCAP, 84, 84, 3000, True, 84),
    Case('mcap jpeg 640x480', StoragePlugin.MCAP, 640, 480, 300, True, 64),
)


def main() -> None:
    """Read the arguments, run all cases, print."""
    parser = common.parser('bags', __doc__, repeats=7)
    args = parser.parse_args()
    common.run(lambda: measure(args.repeats), args)


def measure(repeats: int) -> dict[str, Any]:
    """Run all cases."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        results = [run_case(Path(folder) / f'case_{k}', c, repeats) for k, c in enumerate(CASES)]
    return {'repeats': repeats, 'cases': results}


def run_case(path: Path, case: Case, repeats: int) -> dict[str, Any]:
    """Write one bag, read it in every way, and return the figures."""
    write_bag(path, case)
    size_mb = sum(file.stat().st_size for file in path.iterdir()) / 1e6
    spec = FrameSpec(case.size_px)
    readers: dict[str, Callable[[], int]] = {
        'rosbags_messages': lambda: exhaust(rosbags_messages(path)),
        'rosbags_frames': lambda: copy(rosbags_frames(path), case),
        'claifo_frames': lambda: copy(claifo_frames(path), case),
        'rosbags_episodes': lambda: len(
            np.stack([prepare(f, spec) for f in rosbags_frames(path)])
        ),
        'claifo_episodes': lambda: len(read_episodes([path], ReadOptions(spec, RATE_HZ))[0][0]),
    }
    best = dict.fromkeys(readers, float('inf'))
    for _ in range(repeats):
        for name, read in readers.items():
            start = time.perf_counter()
            frames = read()
            best[name] = min(best[name], time.perf_counter() - start)
            assert frames == case.frames, (name, frames)
    figures = {
        name: {'frames_per_s': round(case.frames / s), 'mb_per_s': round(size_mb / s, 1)}
        for name, s in best.items()
    }
    return {
        'case': case.name,
        'frames': case.frames,
        **figures,
        'ratio_frames': round(best['rosbags_frames'] / best['claifo_frames'], 2),
        'ratio_episodes': round(best['rosbags_episodes'] / best['claifo_episodes'], 2),
        'ratio_messages': round(best['rosbags_messages'] / best['claifo_frames'], 2),
    }


def exhaust(items: Iterable[object]) -> int:
    """Exhaust an iterator, keeping nothing."""
    return sum(1 for _ in items)


def copy(frames: Iterable[NDArray[np.uint8]], case: Case) -> int:
    """Exhaust an iterator of frames; copy each, so that no reader gains by touching no pixel."""
    target = np.empty((case.height, case.width, 3), np.uint8)
    number = 0
    for frame in frames:
        target[:] = frame
        number += 1
    return number


def rosbags_messages(path: Path) -> Iterator[bytes]:
    """Yield every serialised message, by rosbags."""
    with Reader(path) as bag:
        for _, _, data in bag.messages():
            yield data


def rosbags_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield every frame, by rosbags; raw frames without padding, as rgb8."""
    with Reader(path) as bag:
        for connection, _, data in bag.messages():
            message: Any = TYPES.deserialize_cdr(data, connection.msgtype)
            if connection.msgtype == COMPRESSED:
                bgr = cv2.imdecode(message.data, cv2.IMREAD_COLOR)
                yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            else:
                yield message.data.reshape(message.height, message.width, 3)


def claifo_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield every frame, by our reader."""
    with Bag(find_bags([path])[0]) as bag:
        parse = Parser(choose_topic(bag, '').type)
        for _, _, data in bag.messages():
            yield decode(parse(data)[1])


def write_bag(path: Path, case: Case) -> None:
    """Record a noisy scene at RATE_HZ with plain rosbags."""
    width, height, jpeg = case.width, case.height, case.jpeg
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 2)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    time_type, header_type = (
        TYPES.types[name] for name in ('builtin_interfaces/msg/Time', 'std_msgs/msg/Header')
    )
    message_type = COMPRESSED if jpeg else IMAGE
    with Writer(path, version=8, storage_plugin=case.storage) as bag:
        connection = bag.add_connection('/camera/image_raw', message_type, typestore=TYPES)
        for k in range(case.frames):
            stamp_ns = 10**9 + round(k * 1e9 / RATE_HZ)
            header = header_type(time_type(*divmod(stamp_ns, 10**9)), 'camera')
            image = np.roll(scene, k, axis=1)
            if jpeg:
                data = cv2.imencode('.jpg', image)[1].reshape(-1)
                message = TYPES.types[COMPRESSED](header, 'jpeg', data)
            else:
                message = TYPES.types[IMAGE](
                    header, height, width, 'rgb8', 0, width * 3, image.reshape(-1)
                )
            bag.write(connection, stamp_ns, TYPES.serialize_cdr(message, message_type))


if __name__ == '__main__':
    sys.exit(common.script(main))
