"""Camera messages: the pixels are those that a bag reader sees; wrong ones are told."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from claifo.bags import cdr, codecs
from claifo_core.errors import ClaifoError
from claifo_nodes import images

STAMP = Time(sec=3, nanosec=4)


def frame(height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def message(data: bytes, encoding: str, *, height=6, width=8, step=0, big=False) -> Image:
    return Image(height=height, width=width, encoding=encoding, step=step, is_bigendian=int(big),
                 data=array.array('B', data))  # fmt: skip


def test_there_and_back():
    sent = images.to_image(frame(), STAMP, 'camera')
    assert (sent.header.stamp, sent.header.frame_id) == (STAMP, 'camera')
    assert (sent.height, sent.width, sent.step, sent.encoding) == (6, 8, 24, 'rgb8')
    got = deserialize_message(serialize_message(sent), Image)
    assert np.array_equal(images.to_rgb(got), frame())


def test_a_frame_that_is_not_in_order_is_put_in_order():
    turned = np.asfortranarray(frame())
    assert np.array_equal(images.to_rgb(images.to_image(turned, STAMP, '')), frame())


@pytest.mark.parametrize('encoding', sorted(codecs.ENCODINGS))
def test_the_same_bytes_as_from_a_bag(encoding):
    """The reader of bags parses the CDR itself: another way to the same picture."""
    rng = np.random.default_rng(1)
    sent = message(rng.bytes(6 * 40), encoding, step=40)
    stamp_ns, from_bag = cdr.Parser(cdr.IMAGE)(bytes(serialize_message(sent)))
    assert stamp_ns == 0
    assert np.array_equal(images.to_rgb(sent), codecs.decode(from_bag))


def test_padded_rows_and_channel_order():
    rows = np.zeros((6, 30), np.uint8)
    rows[:, :24] = frame()[..., ::-1].reshape(6, 24)
    assert np.array_equal(images.to_rgb(message(rows.tobytes(), 'bgr8', step=30)), frame())


def test_big_endian_depth():
    depth = (100 * np.arange(48)).astype('>u2').reshape(6, 8)
    got = images.to_rgb(message(depth.tobytes(), '16UC1', big=True))
    assert np.array_equal(got[..., 0], np.minimum(depth // 16, 255))


@pytest.mark.parametrize(('suffix', 'name'), [('.png', 'png'), ('.jpg', 'rgb8; jpeg compressed')])
def test_compressed(suffix, name):
    data = cv2.imencode(suffix, frame(48, 64)[..., ::-1])[1].tobytes()
    sent = CompressedImage(format=name, data=array.array('B', data))
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(images.to_rgb(sent), expected)


@pytest.mark.parametrize(
    ('wrong', 'reason'),
    [
        (message(bytes(143), 'rgb8'), 'smaller than its header says'),
        (message(bytes(144), 'rgb8', step=20), 'smaller than its header says'),
        (message(bytes(144), 'rgb9'), r"'rgb9' is not supported \(did you mean rgb8\?\)"),
        (message(b'', 'rgb8', height=0, width=0), '0x0'),
        (CompressedImage(format='tiff', data=array.array('B', b'II*')), "'tiff' is not supported"),
        (CompressedImage(format='jpeg', data=array.array('B', b'\xff\xd8')), 'corrupted'),
        (CompressedImage(format='jpeg'), 'corrupted'),
    ],
)
def test_what_cannot_be_decoded_is_told(wrong, reason):
    with pytest.raises(ClaifoError, match=reason):
        images.to_rgb(wrong)
