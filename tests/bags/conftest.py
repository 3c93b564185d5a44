"""Bags for tests, written by plain rosbags so that nothing is checked against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
EMPTY = 'std_msgs/msg/Empty'


class Recorder:
    """Builds messages and bags."""

    def __init__(self) -> None:
        self.store = get_typestore(Stores.ROS2_JAZZY)

    def header(self, stamp_ns: int, frame_id: str = 'camera') -> Any:
        types = self.store.types
        stamp = types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
        return types['std_msgs/msg/Header'](stamp, frame_id)

    def image(
        self, stamp_ns: int, picture: np.ndarray, encoding: str = 'rgb8', **changes: Any
    ) -> Any:
        """An Image without padding; keyword arguments change its fields."""
        fields = {
            'header': self.header(stamp_ns),
            'height': picture.shape[0],
            'width': picture.shape[1],
            'encoding': encoding,
            'is_bigendian': 0,
            'step': picture[0].nbytes if picture.size else 0,
            'data': np.frombuffer(picture.tobytes(), np.uint8),
        }
        return self.store.types[IMAGE](**{**fields, **changes})

    def compressed(self, stamp_ns: int, data: bytes, image_format: str = 'jpeg') -> Any:
        return self.store.types[COMPRESSED](
            self.header(stamp_ns), image_format, np.frombuffer(data, np.uint8)
        )

    def empty(self) -> Any:
        return self.store.types[EMPTY]()

    def serialize(self, message: Any, *, little_endian: bool = True) -> bytes:
        return bytes(
            self.store.serialize_cdr(message, message.__msgtype__, little_endian=little_endian)
        )

    def write(
        self,
        path: Path,
        messages: list[tuple[str, int, Any]],
        *,
        storage: str = 'mcap',
        compression: str = 'none',
        topics: dict[str, str] | None = None,
    ) -> Path:
        """Write (topic, time of recording, message) triples; topics without messages by name."""
        bag = Writer(path, version=8, storage_plugin=StoragePlugin[storage.upper()])
        bag.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
        with bag:
            types = {**(topics or {}), **{t: m.__msgtype__ for t, _, m in messages}}
            connections = {
                topic: bag.add_connection(topic, kind, typestore=self.store)
                for topic, kind in types.items()
            }
            for topic, time_ns, message in messages:
                bag.write(connections[topic], time_ns, self.serialize(message))
        return path

    def video(
        self, stamps_ns: list[int], topic: str = '/camera', size: tuple[int, int] = (8, 8)
    ) -> list[tuple[str, int, Any]]:
        """Messages of frames whose grey value is their number."""
        width, height = size
        return [
            (topic, stamp, self.image(stamp, np.full((height, width, 3), k, np.uint8)))
            for k, stamp in enumerate(stamps_ns)
        ]


@pytest.fixture(scope='session')
def recorder() -> Recorder:
    return Recorder()
