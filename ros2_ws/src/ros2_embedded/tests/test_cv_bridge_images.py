"""CvBridge: pixels in and out, conversions as OpenCV makes them, what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from cv_bridge import CvBridge, CvBridgeError
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

BRIDGE = CvBridge()
HEIGHT, WIDTH = 6, 8
LAYOUTS = {
    'mono8': ('uint8', 1), 'mono16': ('uint16', 1), 'rgb8': ('uint8', 3), 'bgr8': ('uint8', 3),
    'rgba8': ('uint8', 4), 'bgra8': ('uint8', 4), 'rgb16': ('uint16', 3), 'bgra16': ('uint16', 4),
    'bayer_rggb8': ('uint8', 1), 'bayer_gbrg16': ('uint16', 1), 'yuv422': ('uint8', 2),
    'yuv422_yuy2': ('uint8', 2), 'uyvy': ('uint8', 2), 'yuyv': ('uint8', 2),
    '8UC1': ('uint8', 1), '8UC3': ('uint8', 3), '8SC2': ('int8', 2), '16UC1': ('uint16', 1),
    '16SC4': ('int16', 4), '32SC1': ('int32', 1), '32FC1': ('float32', 1), '32F': ('float32', 1),
    '64FC3': ('float64', 3), '8UC10': ('uint8', 10),
}  # fmt: skip


def pixels(encoding: str, seed: int = 0) -> np.ndarray:
    dtype, channels = LAYOUTS[encoding]
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    numbers = np.random.default_rng(seed).integers(0, 2**16, shape)
    return (numbers if np.dtype(dtype).itemsize > 1 else numbers % 256).astype(dtype)


def image(encoding: str, values: np.ndarray, *, padding: int = 0, big: bool = False) -> Image:
    """Lay out a message row by row."""
    order = '>' if big else '<'
    rows = [row.astype(row.dtype.newbyteorder(order)).tobytes() for row in values]
    return Image(
        height=len(values), width=values.shape[1], encoding=encoding, is_bigendian=int(big),
        step=len(rows[0]) + padding, data=b''.join(row + b'\xaa' * padding for row in rows),
    )  # fmt: skip


@pytest.mark.parametrize('big', [False, True], ids=['little', 'big'])
@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('encoding', LAYOUTS)
def test_pixels_are_read(encoding, padding, big):
    values = pixels(encoding)
    found = BRIDGE.imgmsg_to_cv2(image(encoding, values, padding=padding, big=big))
    np.testing.assert_array_equal(found, values)
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.flags.c_contiguous


@pytest.mark.parametrize('encoding', LAYOUTS)
def test_layouts_of_encodings(encoding):
    assert BRIDGE.encoding_to_dtype_with_channels(encoding) == LAYOUTS[encoding]


@pytest.mark.parametrize('name', ['8UC3', '16SC2', '32FC1', '64FC4', '32SC1', '8SC1', '16UC1'])
def test_numbers_of_types_are_those_of_opencv(name):
    number = getattr(cv2, f'CV_{name}')
    dtype, channels = BRIDGE.cvtype2_to_dtype_with_channels(number)
    assert BRIDGE.encoding_to_cvtype2(name) == number
    assert BRIDGE.dtype_with_channels_to_cvtype2(np.dtype(dtype), channels) == name
    assert BRIDGE.cvtype_to_name[number] == name


@pytest.mark.parametrize(
    ('source', 'target', 'code'),
    [
        ('rgb8', 'bgr8', cv2.COLOR_RGB2BGR), ('bgr8', 'mono8', cv2.COLOR_BGR2GRAY),
        ('rgb8', 'mono8', cv2.COLOR_RGB2GRAY), ('mono8', 'rgba8', cv2.COLOR_GRAY2RGBA),
        ('bgra8', 'rgb8', cv2.COLOR_BGRA2RGB), ('rgba8', 'bgr8', cv2.COLOR_RGBA2BGR),
        ('rgb16', 'bgra16', cv2.COLOR_RGB2BGRA), ('yuv422', 'rgb8', cv2.COLOR_YUV2RGB_UYVY),
        ('uyvy', 'bgr8', cv2.COLOR_YUV2BGR_UYVY), ('yuyv', 'mono8', cv2.COLOR_YUV2GRAY_YUYV),
        ('yuv422_yuy2', 'rgba8', cv2.COLOR_YUV2RGBA_YUYV),
        ('bayer_rggb8', 'bgr8', cv2.COLOR_BayerBG2BGR),
        ('bayer_rggb8', 'mono8', cv2.COLOR_BayerBG2GRAY),
    ],
)  # fmt: skip
def test_colours_are_converted_by_opencv(source, target, code):
    values = pixels(source)
    found = BRIDGE.imgmsg_to_cv2(image(source, values), target)
    np.testing.assert_array_equal(found, cv2.cvtColor(values, code))


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_mosaic_of_one_colour_has_that_colour(pattern):
    """The names of ROS say the first pixels of two rows; those of OpenCV say others."""
    colour = {'r': 200, 'g': 100, 'b': 50}
    tile = np.array([colour[letter] for letter in pattern], np.uint8).reshape(2, 2)
    mosaic = np.tile(tile, (HEIGHT // 2, WIDTH // 2))
    found = BRIDGE.imgmsg_to_cv2(image(f'bayer_{pattern}8', mosaic), 'rgb8')
    assert (found == [200, 100, 50]).all()


def test_depths_are_scaled_to_each_other():
    wide = np.arange(0, 65536, 7, dtype=np.uint16).reshape(1, -1)
    found = BRIDGE.imgmsg_to_cv2(image('mono16', wide), 'mono8')
    np.testing.assert_array_equal(found, np.rint(wide / 257).astype(np.uint8))
    narrow = np.arange(256, dtype=np.uint8).reshape(1, -1)
    found = BRIDGE.imgmsg_to_cv2(image('mono8', narrow), 'mono16')
    np.testing.assert_array_equal(found, narrow.astype(np.uint16) * 257)
    assert found.dtype == np.uint16


def test_colours_and_depth_at_once():
    values = pixels('rgb16')
    found = BRIDGE.imgmsg_to_cv2(image('rgb16', values), 'mono8')
    grey = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(found, np.rint(grey / 257).astype(np.uint8))


def test_other_numbers_are_rounded_and_kept_in_range():
    metres = np.array([[-1.0, 0.5, 1.5, 254.6, 1000.0, np.nan]], np.float32)
    found = BRIDGE.imgmsg_to_cv2(image('32FC1', metres), '8UC1')
    assert found.tolist() == [[0, 0, 2, 255, 255, 0]]


@pytest.mark.parametrize('target', ['passthrough', '', '8UC3', 'rgb8'])
def test_pixels_stay_what_they_are(target):
    values = pixels('rgb8')
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(image('rgb8', values), target), values)


@pytest.mark.parametrize(
    ('source', 'target', 'words'),
    [
        ('32FC1', 'bgr8', 'is not a color format'), ('8UC3', 'rgb8', 'is not a color format'),
        ('bgr8', '8UC1', 'same number of channels'), ('8UC1', '8UC3', 'same number of channels'),
        ('rgb8', 'bayer_rggb8', 'Unsupported conversion'), ('mono8', 'grey', 'Unrecognized'),
        ('bayer_rggb8', 'rgba8', 'Unsupported conversion'), ('mono8', '8UC0', 'Unrecognized'),
        ('rgb8', 'rgb', 'Unrecognized'), ('mono8', 'mono32', 'Unrecognized'),
    ],
)  # fmt: skip
def test_conversions_that_make_no_sense_are_refused(source, target, words):
    with pytest.raises(CvBridgeError, match=words):
        BRIDGE.imgmsg_to_cv2(image(source, pixels(source)), target)


def changed(**fields: object) -> Image:
    message = image('rgb8', pixels('rgb8'))
    for name, value in fields.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(
    'message',
    [
        changed(height=HEIGHT + 1), changed(width=WIDTH + 1), changed(step=3 * WIDTH - 1),
        changed(step=0), changed(data=b''), changed(step=100), changed(encoding='rgb16'),
    ],
)  # fmt: skip
def test_data_smaller_than_its_header_says_is_refused(message):
    with pytest.raises(CvBridgeError, match='smaller than its header says'):
        BRIDGE.imgmsg_to_cv2(message)


def test_an_unknown_encoding_is_refused():
    with pytest.raises(CvBridgeError, match=r'Unrecognized image encoding \[grey\]'):
        BRIDGE.imgmsg_to_cv2(Image(encoding='grey'))


def test_an_empty_image_is_empty():
    assert BRIDGE.imgmsg_to_cv2(Image(encoding='mono8')).shape == (0, 0)


@pytest.mark.parametrize('encoding', LAYOUTS)
def test_there_and_back(encoding):
    values = pixels(encoding)
    message = BRIDGE.cv2_to_imgmsg(values, encoding, Header(frame_id='cam'))
    assert (message.encoding, message.header.frame_id) == (encoding, 'cam')
    assert (message.height, message.width, message.is_bigendian) == (HEIGHT, WIDTH, 0)
    assert message.step == values.nbytes // HEIGHT
    assert bytes(message.data) == values.tobytes()
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message), values)


def test_by_default_an_image_is_of_the_type_that_it_has():
    assert BRIDGE.cv2_to_imgmsg(pixels('rgb8')).encoding == '8UC3'
    assert BRIDGE.cv2_to_imgmsg(pixels('32FC1')).encoding == '32FC1'


def test_views_and_foreign_byte_orders_are_written():
    values = pixels('rgb8')[:, ::2, ::-1]
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(values)), values)
    big = pixels('mono16').astype('>u2')
    message = BRIDGE.cv2_to_imgmsg(big, 'mono16')
    assert message.is_bigendian == 1
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message), big)


@pytest.mark.parametrize(
    ('values', 'encoding', 'words'),
    [
        (pixels('rgb8'), 'mono8', 'image has incompatible type 8UC3'),
        (pixels('mono16'), 'mono8', 'image has incompatible type 16UC1'),
        (pixels('rgb8'), 'grey', 'Unrecognized'),
        (np.zeros((2, 2), bool), 'passthrough', 'no images of bool'),
        (np.zeros((2, 2), np.uint64), 'passthrough', 'no images of uint64'),
        ([[1]], 'mono8', 'not a numpy array'),
    ],
)
def test_pixels_that_do_not_fit_are_refused(values, encoding, words):
    with pytest.raises(TypeError, match=words):
        BRIDGE.cv2_to_imgmsg(values, encoding)


@pytest.mark.parametrize('values', [pixels('bgr8'), pixels('mono8'), pixels('mono16')], ids=len)
def test_png_there_and_back(values):
    message = BRIDGE.cv2_to_compressed_imgmsg(values, 'png')
    assert message.format == 'png'
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(message), values)


def test_jpeg_is_that_of_opencv():
    values = pixels('bgr8')
    message = BRIDGE.cv2_to_compressed_imgmsg(values)
    assert message.format == 'jpg'
    assert bytes(message.data) == cv2.imencode('.jpg', values)[1].tobytes()


def test_a_picture_is_converted():
    values = pixels('bgr8')
    message = BRIDGE.cv2_to_compressed_imgmsg(values, 'png')
    np.testing.assert_array_equal(
        BRIDGE.compressed_imgmsg_to_cv2(message, 'rgb8'), values[..., ::-1]
    )
    grey = BRIDGE.cv2_to_compressed_imgmsg(pixels('mono8'), 'png')
    assert BRIDGE.compressed_imgmsg_to_cv2(grey, 'bgr8').shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize('data', [b'', b'text', b'\x89PNG'])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(CvBridgeError, match='are no picture'):
        BRIDGE.compressed_imgmsg_to_cv2(CompressedImage(format='png', data=data))


@pytest.mark.parametrize(
    ('values', 'ending'), [(pixels('bgr8'), 'nope'), (np.zeros((0, 0), np.uint8), 'jpg')]
)
def test_what_cannot_be_encoded_is_refused(values, ending):
    with pytest.raises(CvBridgeError):
        BRIDGE.cv2_to_compressed_imgmsg(values, ending)


def test_only_arrays_are_encoded():
    with pytest.raises(TypeError, match='not a numpy array'):
        BRIDGE.cv2_to_compressed_imgmsg([[1]])
