"""Image encodings: how pixels lie, and how one encoding becomes another.

The rules are those of ``cv_bridge``: colours are converted by OpenCV, 8 and 16 bits are scaled to
each other, and numbers without a meaning as colours (``32FC1``, ``8UC3``) keep their values.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import cv2
import numpy as np

# Colour family of an encoding, as OpenCV names it, and its number of channels.
_FAMILIES = {
    'mono': ('GRAY', 1), 'rgb': ('RGB', 3), 'bgr': ('BGR', 3), 'rgba': ('RGBA', 4),
    'bgra': ('BGRA', 4), 'bayer_rggb': ('BayerRGGB', 1), 'bayer_bggr': ('BayerBGGR', 1),
    'bayer_gbrg': ('BayerGBRG', 1), 'bayer_grbg': ('BayerGRBG', 1),
}  # fmt: skip
_YUV = {'yuv422': 'UYVY', 'uyvy': 'UYVY', 'yuv422_yuy2': 'YUYV', 'yuyv': 'YUYV'}
_GENERIC = re.compile(r'(8U|8S|16U|16S|32S|32F|64F)(?:C([1-9]\d{0,2}))?')

DTYPES = {
    '8U': 'uint8', '8S': 'int8', '16U': 'uint16', '16S': 'int16', '32S': 'int32',
    '32F': 'float32', '64F': 'float64',
}  # fmt: skip
"""NumPy's names of OpenCV's types of numbers."""

DEPTHS = {
    'uint8': cv2.CV_8U, 'int8': cv2.CV_8S, 'uint16': cv2.CV_16U, 'int16': cv2.CV_16S,
    'int32': cv2.CV_32S, 'float32': cv2.CV_32F, 'float64': cv2.CV_64F,
}  # fmt: skip
"""OpenCV's numbers of its types."""


class CvBridgeError(TypeError):
    """An image that cannot be converted."""


class Encoding(NamedTuple):
    """How the pixels of an encoding lie.

    Attributes:
        name: As in ``sensor_msgs/Image``.
        dtype: NumPy's name for the type of a channel.
        channels: Of a pixel.
        family: Colours, as OpenCV names them; empty for numbers that are not colours.
    """

    name: str
    dtype: str
    channels: int
    family: str

    @property
    def bits(self) -> int:
        """The size of a channel."""
        return np.dtype(self.dtype).itemsize * 8


def encoding(name: str) -> Encoding:
    """Return the layout of an encoding.

    Raises:
        CvBridgeError: It is not known.
    """
    if name in _YUV:
        return Encoding(name, 'uint8', 2, _YUV[name])
    base, bits = name.rstrip('0123456789'), name.lstrip('abcdefghijklmnopqrstuvwxyz_')
    if base in _FAMILIES and bits in ('8', '16'):
        family, channels = _FAMILIES[base]
        return Encoding(name, f'uint{bits}', channels, family)
    match = _GENERIC.fullmatch(name)
    if match is None:
        raise CvBridgeError(f'Unrecognized image encoding [{name}]')
    return Encoding(name, DTYPES[match[1]], int(match[2] or 1), '')


def convert(image: np.ndarray, name: str, desired: str) -> np.ndarray:
    """Return an image in another encoding.

    Args:
        image: Pixels, shape (H, W) or (H, W, channels).
        name: Their encoding.
        desired: The wanted encoding.

    Raises:
        CvBridgeError: The conversion makes no sense, or there is none.
    """
    if name == desired:
        return image
    source, target = encoding(name), encoding(desired)
    _check(source, target)
    if source.family and target.family and source.family != target.family:
        image = _colours(image, source, target)
    return _depth(image, source, target)


def _check(source: Encoding, target: Encoding) -> None:
    """Refuse what `cv_bridge` refuses: inventing colours, or dropping channels."""
    if target.family and not source.family:
        raise CvBridgeError(
            f'[{source.name}] is not a color format. but [{target.name}] is. '
            'The conversion does not make sense'
        )
    if not target.family and source.channels != target.channels:
        raise CvBridgeError(
            f'[{source.name}] and [{target.name}] do not have the same number of channels'
        )


def _colours(image: np.ndarray, source: Encoding, target: Encoding) -> np.ndarray:
    if source.family in _YUV.values():
        conversion = f'COLOR_YUV2{target.family}_{source.family}'
    else:
        conversion = f'COLOR_{source.family}2{target.family}'
    # OpenCV has codes for more than cv_bridge allows: a mosaic with a made-up alpha.
    invented = source.family.startswith('Bayer') and target.channels == 4
    if invented or not hasattr(cv2, conversion):
        raise CvBridgeError(f'Unsupported conversion from [{source.name}] to [{target.name}]')
    try:
        return cv2.cvtColor(image, getattr(cv2, conversion))
    except cv2.error as error:
        raise CvBridgeError(' '.join(str(error).split())) from None


def _depth(image: np.ndarray, source: Encoding, target: Encoding) -> np.ndarray:
    """Return the same channels as other numbers, rounded and kept in range."""
    if source.dtype == target.dtype:
        return image
    scale = {(8, 16): 65535 / 255, (16, 8): 255 / 65535}.get((source.bits, target.bits), 1.0)
    return cv2.addWeighted(image, scale, image, 0.0, 0.0, dtype=DEPTHS[target.dtype])
