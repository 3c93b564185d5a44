"""Reading camera bags: frames of a data set against plain ``rosbags`` reading the same files.

Prints one JSON object. Per case:

* ``claifo``: ``read_episodes``, everything a learner needs: stamps checked, resampled, decoded,
  frames in memory. At 640x480 it also shrinks every frame to 64x64.
* ``rosbags_messages``: ``rosbags.rosbag2.Reader.messages`` alone; nothing is decoded.
* ``rosbags_decoded``: the same with ``deserialize_cdr``, and OpenCV for JPEG.

``ratio`` is claifo against ``rosbags_messages``, both as the best of interleaved repetitions, with
the files in the page cache.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from claifo.bags import ReadOptions, read_episodes
from claifo.bags.cdr import COMPRESSED, IMAGE
from claifo_core.frames import FrameSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RATE_HZ = 30.0
TYPES = get_typestore(Stores.ROS2_JAZZY)
# name, storage, width, height, frames, JPEG or raw, size of the frames that are learned from
CASES = (
    ('mcap raw 64x64', StoragePlugin.MCAP, 64, 64, 4000, False, 64),
    ('mcap raw 84x84', StoragePlugin.MCAP, 84, 84, 3000, False, 84),
    ('mcap raw 640x480', StoragePlugin.MCAP, 640, 480, 300, False, 64),
    ('sqlite3 raw 64x64', StoragePlugin.SQLITE3, 64, 64, 4000, False, 64),
    ('sqlite3 raw 84x84', StoragePlugin.SQLITE3, 84, 84, 3000, False, 84),
    ('sqlite3 raw 640x480', StoragePlugin.SQLITE3, 640, 480, 300, False, 64),
    ('mcap jpeg 84x84', StoragePlugin.MCAP, 84, 84, 3000, True, 84),
    ('mcap jpeg 640x480', StoragePlugin.MCAP, 640, 480, 300, True, 64),
)


def main() -> None:
    """Run all cases and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=7, help='interleaved repetitions (default 7)')
    repeats = parser.parse_args().repeats
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        results = [run_case(Path(folder) / f'case_{k}', *case, repeats=repeats)
                   for k, case in enumerate(CASES)]
    print(json.dumps({'benchmark': 'bags', 'repeats': repeats, 'cases': results}, indent=1))


def run_case(
    path: Path, name: str, storage: StoragePlugin, width: int, height: int, frames: int,
    jpeg: bool, size_px: int, *, repeats: int,
) -> dict[str, Any]:
    """Write one bag, read it in three ways, and return the figures."""
    write_bag(path, storage, width, height, frames, jpeg=jpeg)
    size_mb = sum(file.stat().st_size for file in path.iterdir()) / 1e6
    options = ReadOptions(FrameSpec(size_px), RATE_HZ)
    readers: dict[str, Callable[[], int]] = {
        'claifo': lambda: len(read_episodes([path], options)[0][0]),
        'rosbags_messages': lambda: read_messages(path),
        'rosbags_decoded': lambda: read_decoded(path),
    }
    best = dict.fromkeys(readers, float('inf'))
    for _ in range(repeats):
        for reader, read in readers.items():
            start = time.perf_counter()
            count = read()
            best[reader] = min(best[reader], time.perf_counter() - start)
            assert count == frames, (reader, count)
    figures = {
        reader: {'frames_per_s': round(frames / s), 'mb_per_s': round(size_mb / s, 1)}
        for reader, s in best.items()
    }
    ratio = best['rosbags_messages'] / best['claifo']
    return {'case': name, 'frames': frames, **figures, 'ratio': round(ratio, 2)}


def write_bag(
    path: Path, storage: StoragePlugin, width: int, height: int, frames: int, *, jpeg: bool
) -> None:
    """Record a noisy scene at RATE_HZ with plain rosbags."""
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 2)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    time_type, header_type = (
        TYPES.types[name] for name in ('builtin_interfaces/msg/Time', 'std_msgs/msg/Header')
    )
    message_type = COMPRESSED if jpeg else IMAGE
    with Writer(path, version=8, storage_plugin=storage) as bag:
        connection = bag.add_connection('/camera/image_raw', message_type, typestore=TYPES)
        for k in range(frames):
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


def read_messages(path: Path) -> int:
    """Read every message with rosbags and decode nothing."""
    with Reader(path) as bag:
        return sum(1 for _ in bag.messages())


def read_decoded(path: Path) -> int:
    """Read every message with rosbags, deserialise it and decode JPEG."""
    count = 0
    with Reader(path) as bag:
        for connection, _, data in bag.messages():
            message = TYPES.deserialize_cdr(data, connection.msgtype)
            if connection.msgtype == COMPRESSED:
                cv2.imdecode(message.data, cv2.IMREAD_COLOR)
            count += 1
    return count


if __name__ == '__main__':
    main()
