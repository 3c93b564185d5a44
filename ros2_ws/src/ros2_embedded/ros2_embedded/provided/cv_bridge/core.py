"""The class :class:`CvBridge`: images of ROS to and from arrays for OpenCV."""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from . import _encodings
from ._encodings import DEPTHS, DTYPES, CvBridgeError

_KEEP = 'passthrough'
# What OpenCV decodes pictures of that many channels to.
_DECODED = {1: 'mono', 3: 'bgr', 4: 'bgra'}
_CHANNEL_SHIFT, _DEPTH_MASK = 3, 7  # in OpenCV's type numbers


class CvBridge:
    """Converts between ROS images and arrays as OpenCV has them.

    Attributes:
        cvtype_to_name: Names of OpenCV's type numbers, such as '8UC3'.
        numpy_type_to_cvtype: OpenCV's names of NumPy's types: 'uint8' is '8U'.
    """

    def __init__(self) -> None:
        """Make a bridge; it holds nothing but tables."""
        self.numpy_type_to_cvtype = {dtype: name for name, dtype in DTYPES.items()}
        self.cvtype_to_name = {
            _cvtype(dtype, channels): f'{name}C{channels}'
            for name, dtype in DTYPES.items()
            for channels in (1, 2, 3, 4)
        }

    def dtype_with_channels_to_cvtype2(self, dtype: np.dtype, n_channels: int) -> str:
        """Return the name of an OpenCV type, such as '8UC3'.

        Raises:
            CvBridgeError: OpenCV has no such numbers.
        """
        name = np.dtype(dtype).name
        if name not in self.numpy_type_to_cvtype:
            raise CvBridgeError(f'OpenCV has no images of {name}')
        return f'{self.numpy_type_to_cvtype[name]}C{n_channels}'

    def cvtype2_to_dtype_with_channels(self, cvtype: int) -> tuple[str, int]:
        """Return NumPy's name of an OpenCV type number, and its number of channels."""
        names = {depth: dtype for dtype, depth in DEPTHS.items()}
        return names[cvtype & _DEPTH_MASK], (cvtype >> _CHANNEL_SHIFT) + 1

    def encoding_to_cvtype2(self, encoding: str) -> int:
        """Return the OpenCV type number of an encoding.

        Raises:
            CvBridgeError: The encoding is not known.
        """
        layout = _encodings.encoding(encoding)
        return _cvtype(layout.dtype, layout.channels)

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """Return NumPy's name of the numbers in an encoding, and its number of channels.

        Raises:
            CvBridgeError: The encoding is not known.
        """
        return self.cvtype2_to_dtype_with_channels(self.encoding_to_cvtype2(encoding))

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = _KEEP) -> np.ndarray:
        """Return the pixels of an image; they may be a view of the message.

        Args:
            img_msg: Any ``sensor_msgs/Image``; padded rows and either byte order.
            desired_encoding: To convert to.

        Returns:
            Shape (H, W), or (H, W, channels) for more than one channel.

        Raises:
            CvBridgeError: The encoding is not known, the data is smaller than its header says, or
                there is no such conversion.
        """
        layout = _encodings.encoding(img_msg.encoding)
        pixels = np.ascontiguousarray(_view(img_msg, layout))
        image = pixels if layout.channels > 1 else pixels[..., 0]
        if not image.dtype.isnative:
            image = image.astype(image.dtype.newbyteorder('='))
        if desired_encoding in (_KEEP, ''):
            return image
        return _encodings.convert(image, img_msg.encoding, desired_encoding)

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = _KEEP
    ) -> np.ndarray:
        """Decode a JPEG, PNG or any other picture that OpenCV knows.

        Args:
            cmprs_img_msg: Any ``sensor_msgs/CompressedImage``.
            desired_encoding: To convert to; without it, colours are BGR.

        Raises:
            CvBridgeError: The data is no picture, or there is no such conversion.
        """
        data = np.frombuffer(cmprs_img_msg.data, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        if image is None:
            raise CvBridgeError(f'{data.size} bytes ({cmprs_img_msg.format!r}) are no picture')
        if desired_encoding in (_KEEP, ''):
            return image
        channels = 1 if image.ndim == 2 else image.shape[2]
        found = f'{_DECODED[channels]}{8 * image.itemsize}'
        return _encodings.convert(image, found, desired_encoding)

    def cv2_to_imgmsg(
        self,
        cvim: np.ndarray,
        encoding: str = _KEEP,
        header: Any = None,  # noqa: ANN401 (std_msgs/Header)
    ) -> Image:
        """Return an image message of the pixels.

        Args:
            cvim: Shape (H, W) or (H, W, channels).
            encoding: What the pixels are; nothing is converted. By default their OpenCV type.
            header: Of the message.

        Raises:
            TypeError: It is not an array.
            CvBridgeError: The pixels do not fit the encoding.
        """
        _check_array(cvim)
        channels = 1 if cvim.ndim < 3 else cvim.shape[2]
        found = self.dtype_with_channels_to_cvtype2(cvim.dtype, channels)
        if encoding != _KEEP and self.encoding_to_cvtype2(encoding) != _cvtype(
            cvim.dtype.name, channels
        ):
            raise CvBridgeError(
                f'encoding specified as {encoding}, but image has incompatible type {found}'
            )
        message = Image(
            height=cvim.shape[0],
            width=cvim.shape[1],
            encoding=found if encoding == _KEEP else encoding,
            is_bigendian=int(cvim.dtype.isnative == (sys.byteorder == 'big')),
            step=cvim.shape[1] * channels * cvim.itemsize,
        )
        message.data.frombytes(np.ascontiguousarray(cvim).reshape(-1).view(np.uint8))
        if header is not None:
            message.header = header
        return message

    def cv2_to_compressed_imgmsg(
        self, cvim: np.ndarray, dst_format: str = 'jpg'
    ) -> CompressedImage:
        """Encode pixels as a picture.

        Args:
            cvim: Shape (H, W) or (H, W, channels), colours as BGR.
            dst_format: 'jpg', 'png', or another ending of a file that OpenCV writes.

        Raises:
            TypeError: It is not an array.
            CvBridgeError: OpenCV cannot encode it so.
        """
        _check_array(cvim)
        try:
            encoded, data = cv2.imencode(f'.{dst_format}', cvim)
        except cv2.error as error:
            raise CvBridgeError(' '.join(str(error).split())) from None
        if not encoded:
            raise CvBridgeError(f'OpenCV cannot encode {cvim.dtype} {cvim.shape} as {dst_format}')
        message = CompressedImage(format=dst_format)
        message.data.frombytes(data)
        return message


def _cvtype(dtype: str, channels: int) -> int:
    return int(DEPTHS[dtype] + ((channels - 1) << _CHANNEL_SHIFT))


def _check_array(image: Any) -> None:  # noqa: ANN401
    if not isinstance(image, (np.ndarray, np.generic)):
        raise TypeError('Your input type is not a numpy array')


def _view(message: Image, layout: _encodings.Encoding) -> np.ndarray:
    """Return the pixels where they are, shape (H, W, channels)."""
    dtype = np.dtype(layout.dtype).newbyteorder('>' if message.is_bigendian else '<')
    pixel = layout.channels * dtype.itemsize
    row, count = message.width * pixel, message.height
    data = np.frombuffer(message.data, np.uint8)
    needed = message.step * (count - 1) + row if count else 0
    if message.step < row or len(data) < needed:
        raise CvBridgeError(
            f'image of {message.width}x{message.height} pixels ({message.encoding}) with step '
            f'{message.step} and {len(data)} bytes: its data is smaller than its header says'
        )
    strides = (message.step, pixel, dtype.itemsize)
    return np.ndarray((count, message.width, layout.channels), dtype, data.data, strides=strides)
