"""Camera messages <-> RGB frames.

16-bit images become 8-bit by fixed rules, never by the contrast of the single image (which would
make a still scene flicker): ``mono16`` keeps the high byte; ``16UC1`` is depth in millimetres
(REP 118) and becomes ``min(value / 16, 255)``: 16 mm per grey level, white from 4.08 m on.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from claifo.bags.cdr import RawImage
from claifo.bags.picture_file import check_whole, kind_of
from claifo.bags.picture_size import picture_size
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo.bags.cdr import CameraImage, CompressedImage, Layout

_DEPTH_SHIFT_BITS = 4
_BAYER_MIN_PX = 3
LARGEST_PX = 1 << 26
"""Pixels of a picture that is unpacked; a few kB may announce any number."""


class _Pixel(NamedTuple):
    """How the bytes of one pixel lie, and how OpenCV turns them into RGB (None: already RGB)."""

    channels: int
    item_bytes: int
    conversion: int | None
    even_width: bool = False
    min_px: int = 1


def _bayer(conversion: int) -> _Pixel:
    return _Pixel(1, 1, conversion, min_px=_BAYER_MIN_PX)


_UYVY = _Pixel(2, 1, cv2.COLOR_YUV2RGB_UYVY, even_width=True)
_YUYV = _Pixel(2, 1, cv2.COLOR_YUV2RGB_YUYV, even_width=True)
_PIXELS = {
    'rgb8': _Pixel(3, 1, None),
    'bgr8': _Pixel(3, 1, cv2.COLOR_BGR2RGB),
    'rgba8': _Pixel(4, 1, cv2.COLOR_RGBA2RGB),
    'bgra8': _Pixel(4, 1, cv2.COLOR_BGRA2RGB),
    'mono8': _Pixel(1, 1, cv2.COLOR_GRAY2RGB),
    'mono16': _Pixel(1, 2, cv2.COLOR_GRAY2RGB),
    '16UC1': _Pixel(1, 2, cv2.COLOR_GRAY2RGB),
    '8UC1': _Pixel(1, 1, cv2.COLOR_GRAY2RGB),
    '8UC3': _Pixel(3, 1, cv2.COLOR_BGR2RGB),
    'yuv422': _UYVY,
    'uyvy': _UYVY,
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'bayer_rggb8': _bayer(cv2.COLOR_BayerRGGB2RGB),
    'bayer_bggr8': _bayer(cv2.COLOR_BayerBGGR2RGB),
    'bayer_gbrg8': _bayer(cv2.COLOR_BayerGBRG2RGB),
    'bayer_grbg8': _bayer(cv2.COLOR_BayerGRBG2RGB),
}
ENCODINGS = tuple(_PIXELS)
COMPRESSIONS = ('jpeg', 'png')
_SUFFIXES = {'jpeg': '.jpg', 'png': '.png'}


def decode(image: CameraImage) -> NDArray[np.uint8]:
    """Return the picture of a camera message.

    Args:
        image: A parsed message.

    Returns:
        uint8, shape (H, W, 3), RGB; for ``rgb8`` a read-only view of the message itself.

    Raises:
        ClaifoError: unsupported encoding, zero size, too little data, or a corrupted JPEG or PNG.
    """
    return _decode_raw(image) if isinstance(image, RawImage) else _decode_file(image)


def encode_compressed(frame: NDArray[np.uint8], compression: str, quality: int) -> bytes:
    """Compress one RGB frame.

    Args:
        frame: uint8, shape (H, W, 3), RGB.
        compression: One of :data:`COMPRESSIONS`.
        quality: JPEG quality, 1-100; PNG is lossless and ignores it.
    """
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality] if compression == 'jpeg' else []
    _, data = cv2.imencode(_SUFFIXES[compression], bgr, settings)
    return data.tobytes()


def compression(name: str) -> str:
    """Return which of :data:`COMPRESSIONS` a format names, as ``rgb8; jpeg compressed bgr8``.

    A format that names none is returned as it is.
    """
    known = {'jpeg': 'jpeg', 'jpg': 'jpeg', 'png': 'png'}
    return next((kind for word, kind in known.items() if word in name), name)


def describe(image: CameraImage) -> tuple[str, int, int]:
    """Return encoding (or compressed format), width and height of a picture.

    Raises:
        ClaifoError: as :func:`decode`, of a compressed one.
    """
    if isinstance(image, RawImage):
        return image.layout.encoding, image.layout.width, image.layout.height
    height, width, _ = decode(image).shape
    known = compression(image.format) in COMPRESSIONS
    return image.format if known else kind_of(image.data, image.format), width, height


def check_encoding(encoding: str, where: str) -> None:
    """Check that pictures of an encoding, or of a compression, can be read.

    Raises:
        ClaifoError: they cannot be.
    """
    known = (*ENCODINGS, *COMPRESSIONS)
    if encoding not in known:
        raise ClaifoError(
            f'{where}: encoding {encoding!r} is not supported{did_you_mean(encoding, known)}; '
            f'supported: {", ".join(known)}'
        )


class _Plan(NamedTuple):
    """How to take the pixels of one layout from the bytes of a message."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    needed_bytes: int
    conversion: int | None


def _decode_raw(image: RawImage) -> NDArray[np.uint8]:
    plan = _plan(image.layout)
    if len(image.data) < plan.needed_bytes:
        raise _too_small(image.layout, plan.needed_bytes, f'{len(image.data)} bytes')
    most_bytes = max(plan.needed_bytes, image.layout.step * image.layout.height)
    if len(image.data) > most_bytes:
        raise ClaifoError(
            f'image data is larger than its header says: {image.layout.width}x'
            f'{image.layout.height} {image.layout.encoding} has {most_bytes} bytes, found '
            f'{len(image.data)}; record it again'
        )
    pixels: NDArray[Any] = np.ndarray(plan.shape, plan.dtype, image.data, strides=plan.strides)
    if plan.dtype.itemsize == 2:
        pixels = _to_8_bit(pixels, depth=image.layout.encoding == '16UC1')
    if plan.conversion is None:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, plan.conversion), np.uint8)


@functools.lru_cache
def _plan(layout: Layout) -> _Plan:
    """Check what a header says and work out where the pixels lie, padding of rows skipped."""
    pixel = _PIXELS.get(layout.encoding)
    if pixel is None:
        raise ClaifoError(
            f'encoding {layout.encoding!r} is not supported'
            f'{did_you_mean(layout.encoding, ENCODINGS)}; supported: {", ".join(ENCODINGS)}'
        )
    _check_size(layout, pixel)
    pixel_bytes = pixel.channels * pixel.item_bytes
    row_bytes = layout.width * pixel_bytes
    step = layout.step or row_bytes
    if step < row_bytes:
        raise _too_small(layout, row_bytes * layout.height, f'step {step}')
    return _Plan(
        (layout.height, layout.width, pixel.channels)[: 2 + (pixel.channels > 1)],
        (step, pixel_bytes, pixel.item_bytes)[: 2 + (pixel.channels > 1)],
        np.dtype(f'{">" if layout.is_bigendian else "<"}u{pixel.item_bytes}'),
        step * (layout.height - 1) + row_bytes,
        pixel.conversion,
    )


def _check_size(layout: Layout, pixel: _Pixel) -> None:
    size = f'{layout.width}x{layout.height}'
    if min(layout.width, layout.height) < pixel.min_px:
        raise ClaifoError(
            f'image of {size} pixels ({layout.encoding}); '
            f'at least {pixel.min_px}x{pixel.min_px} is needed'
        )
    if pixel.even_width and layout.width % 2:
        raise ClaifoError(f'image of {size} pixels: {layout.encoding} needs an even width')


def _too_small(layout: Layout, needed_bytes: int, found: str) -> ClaifoError:
    return ClaifoError(
        f'image data is smaller than its header says: {layout.width}x{layout.height} '
        f'{layout.encoding} needs {needed_bytes} bytes, found {found}; record it again'
    )


def _to_8_bit(values: NDArray[Any], *, depth: bool) -> NDArray[np.uint8]:
    """Map 16 bits to 8 by the rules at the top of this module."""
    shifted = np.minimum(values >> _DEPTH_SHIFT_BITS, 255) if depth else values >> 8
    return shifted.astype(np.uint8)


def _decode_file(image: CompressedImage) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG as it was stored: no rotation by EXIF, transparency dropped."""
    kind = kind_of(image.data, image.format)
    size = picture_size(image.data)
    if size and size[0] * size[1] > LARGEST_PX:
        raise ClaifoError(
            f'image of {size[1]}x{size[0]} pixels; more than {LARGEST_PX >> 20} Mi are not read: '
            'no camera makes them'
        )
    check_whole(image.data, kind)
    picture = _unpacked(np.frombuffer(image.data, np.uint8))
    if picture is None or picture.dtype not in (np.uint8, np.uint16):
        raise ClaifoError(
            f'{image.format!r} image of {len(image.data)} bytes is corrupted; record the bag again'
        )
    if picture.dtype == np.uint16:
        picture = _to_8_bit(picture, depth=image.format.startswith('16UC1'))
    channels = picture.shape[2] if picture.ndim == 3 else 1
    conversion = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}[channels]
    return np.asarray(cv2.cvtColor(picture, conversion), np.uint8)


def _unpacked(data: NDArray[np.uint8]) -> NDArray[Any] | None:
    try:
        found: NDArray[Any] | None = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    return found
