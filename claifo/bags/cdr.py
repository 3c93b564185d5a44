"""Camera messages parsed by hand: the few header fields, and a view of the pixels without a copy.

The layouts are those of ``sensor_msgs/msg/Image`` and ``sensor_msgs/msg/CompressedImage`` in CDR.
A generic deserialiser would build every field as an object; here a frame costs a few microseconds.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from claifo_core.errors import ClaifoError

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
IMAGE_TYPES = (IMAGE, COMPRESSED)

_NS_PER_S = 1_000_000_000
_LITTLE = b'\0\1\0\0'
_STAMP = struct.Struct('<iI')
_HEADER_BYTES = 12
_PADDING_BYTES = 3


class Layout(NamedTuple):
    """How the pixels of a ``sensor_msgs/msg/Image`` lie.

    Attributes:
        height: Rows, in pixels.
        width: Columns, in pixels.
        encoding: Name of the pixel layout, as ``rgb8``.
        is_bigendian: Whether 16-bit values are stored high byte first.
        step: Bytes from one row to the next, padding included; 0 means no padding.
    """

    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int


class RawImage(NamedTuple):
    """One ``sensor_msgs/msg/Image``.

    Attributes:
        layout: How its pixels lie.
        data: View of the pixel bytes, valid as long as it is held.
    """

    layout: Layout
    data: memoryview


class CompressedImage(NamedTuple):
    """One ``sensor_msgs/msg/CompressedImage``.

    Attributes:
        format: What the publisher says about it, as ``jpeg`` or ``rgb8; jpeg compressed bgr8``.
        data: View of the compressed bytes, valid as long as it is held.
    """

    format: str
    data: memoryview


CameraImage = RawImage | CompressedImage


class Parser:
    """Parses the camera messages of one topic.

    Images that follow each other differ in stamp and pixels only, so what lies between the two is
    parsed once and then merely compared.
    """

    def __init__(self, message_type: str) -> None:
        """Take the type, one of :data:`IMAGE_TYPES`."""
        self._type = message_type
        self._layout: Layout | None = None
        self._middle = b''
        self._size = 0

    def __call__(self, data: bytes | memoryview) -> tuple[int, CameraImage]:
        """Parse one serialised message, with its four bytes of encapsulation.

        Returns:
            The header stamp in nanoseconds, and the image.

        Raises:
            ClaifoError: the message ends before its own lengths say.
        """
        pixels = _HEADER_BYTES + len(self._middle)
        if (
            self._layout
            and len(data) == self._size
            and data[:4] == _LITTLE
            and data[_HEADER_BYTES:pixels] == self._middle
        ):
            seconds, nanoseconds = _STAMP.unpack_from(data, 4)
            return seconds * _NS_PER_S + nanoseconds, RawImage(
                self._layout, memoryview(data)[pixels:]
            )
        try:
            return self._parse(data)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ClaifoError(
                f'{self._type} of {len(data)} bytes cannot be decoded ({error}); record it again'
            ) from error

    def _parse(self, data: bytes | memoryview) -> tuple[int, CameraImage]:
        if self._type == COMPRESSED:
            return _parse_compressed(data)
        stamp_ns, image, pixels = _parse_image(data)
        if data[:4] == _LITTLE and pixels + len(image.data) == len(data):
            self._layout, self._size = image.layout, len(data)
            self._middle = bytes(data[_HEADER_BYTES:pixels])
        return stamp_ns, image


def _parse_image(data: bytes | memoryview) -> tuple[int, RawImage, int]:
    """Return the stamp in nanoseconds, the image, and where its pixels begin."""
    order = _order(data)
    stamp_ns, position = _header(data, order)
    height, width = struct.unpack_from(order + 'II', data, position)
    encoding, position = _text(data, order, position + 8)
    is_bigendian = data[position] != 0
    position = _aligned(position + 1)
    step, size = struct.unpack_from(order + 'II', data, position)
    position += 8
    layout = Layout(height, width, encoding, is_bigendian, step)
    return stamp_ns, RawImage(layout, _payload(data, position, size)), position


def _parse_compressed(data: bytes | memoryview) -> tuple[int, CompressedImage]:
    order = _order(data)
    stamp_ns, position = _header(data, order)
    image_format, position = _text(data, order, position)
    position = _aligned(position)
    (size,) = struct.unpack_from(order + 'I', data, position)
    return stamp_ns, CompressedImage(image_format, _payload(data, position + 4, size))


def _order(data: bytes | memoryview) -> str:
    """Return the byte order that the encapsulation (second byte, lowest bit) announces."""
    return '<' if data[1] & 1 else '>'


def _header(data: bytes | memoryview, order: str) -> tuple[int, int]:
    """Return the stamp in nanoseconds and the aligned position behind ``std_msgs/Header``."""
    seconds, nanoseconds, length = struct.unpack_from(order + 'iII', data, 4)
    return seconds * _NS_PER_S + nanoseconds, _aligned(16 + length)


def _text(data: bytes | memoryview, order: str, position: int) -> tuple[str, int]:
    """Return a string (stored with a final zero) and the position behind it."""
    (length,) = struct.unpack_from(order + 'I', data, position)
    end = position + 4 + length
    return bytes(data[position + 4 : end]).rstrip(b'\0').decode(), end


def _aligned(position: int) -> int:
    # the encapsulation is four bytes long, so alignment to 4 is the same with and without it
    return (position + 3) & ~3


def _payload(data: bytes | memoryview, start: int, size: int) -> memoryview:
    view = memoryview(data)[start : start + size]
    if len(view) != size:
        raise struct.error(f'{size} bytes of data announced, {len(view)} there')
    if len(data) - start - size > _PADDING_BYTES:
        raise struct.error(f'{len(data) - start - size} bytes behind the {size} of data')
    return view
