"""Encodings against formulas written out per pixel; OpenCV is not asked for the right answer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo.bags.cdr import CompressedImage, Layout, RawImage
from claifo.bags.codecs import ENCODINGS, decode, encode_compressed
from claifo.bags.picture_size import picture_size
from claifo_core.errors import ClaifoError

SIMPLE = {
    'rgb8': ('u1', 3, lambda p: (p[0], p[1], p[2])),
    'bgr8': ('u1', 3, lambda p: (p[2], p[1], p[0])),
    '8UC3': ('u1', 3, lambda p: (p[2], p[1], p[0])),
    'rgba8': ('u1', 4, lambda p: (p[0], p[1], p[2])),
    'bgra8': ('u1', 4, lambda p: (p[2], p[1], p[0])),
    'mono8': ('u1', 1, lambda p: (p[0],) * 3),
    '8UC1': ('u1', 1, lambda p: (p[0],) * 3),
    'mono16': ('u2', 1, lambda p: (p[0] // 256,) * 3),
    '16UC1': ('u2', 1, lambda p: (min(p[0] // 16, 255),) * 3),
}
YUV = {'yuv422': (1, 0, 2), 'uyvy': (1, 0, 2), 'yuv422_yuy2': (0, 1, 3), 'yuyv': (0, 1, 3)}
BAYER = {
    'bayer_rggb8': 'RGGB',
    'bayer_bggr8': 'BGGR',
    'bayer_gbrg8': 'GBRG',
    'bayer_grbg8': 'GRBG',
}
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
seeds = st.integers(0, 2**32 - 1)


def message(values, encoding, *, big, padding, tight=False):
    """Lay values (H, W, C) out with ``padding`` junk bytes behind each row."""
    values = values.astype(values.dtype.newbyteorder('>' if big else '<'))
    rows = values.reshape(len(values), -1).view(np.uint8)
    junk = np.full((len(values), padding), 0xA5, np.uint8)
    data = np.concatenate([rows, junk], axis=1).tobytes()
    data = data[: len(data) - padding] if tight else data
    step = rows.shape[1] + padding
    layout = Layout(*values.shape[:2], encoding, big, step)
    return RawImage(layout, memoryview(data))


@pytest.mark.parametrize('encoding', SIMPLE)
@given(size=sizes, seed=seeds, big=st.booleans(), padding=st.integers(0, 5), tight=st.booleans())
def test_plain_pixels(encoding, size, seed, big, padding, tight):
    kind, channels, formula = SIMPLE[encoding]
    high = np.iinfo(kind).max + 1
    values = np.random.default_rng(seed).integers(0, high, (*size, channels)).astype(kind)
    frame = decode(message(values, encoding, big=big, padding=padding, tight=tight))
    expected = [[formula([int(v) for v in pixel]) for pixel in row] for row in values]
    assert frame.dtype == np.uint8
    np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize('encoding', YUV)
@given(size=sizes, seed=seeds, padding=st.integers(0, 5))
def test_yuv_is_bt601_with_video_range(encoding, size, seed, padding):
    y_at, u_at, v_at = YUV[encoding]
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, 256, (*size, 4)).astype(np.uint8)  # one row of four bytes: two pixels
    values = pairs.reshape(size[0], size[1] * 2, 2)
    frame = decode(message(values, encoding, big=False, padding=padding))
    expected = np.zeros((size[0], size[1] * 2, 3))
    for row, column in np.ndindex(size):
        quad = pairs[row, column].astype(float)
        u, v = quad[u_at] - 128, quad[v_at] - 128
        for half in range(2):
            y = 1.164 * max(quad[y_at + 2 * half] - 16, 0)
            rgb = y + 1.596 * v, y - 0.813 * v - 0.391 * u, y + 2.018 * u
            expected[row, 2 * column + half] = np.clip(rgb, 0, 255)
    assert np.abs(frame - expected).max() <= 2


@pytest.mark.parametrize('encoding', BAYER)
@given(size=st.tuples(st.integers(3, 7), st.integers(3, 7)), seed=seeds, padding=st.integers(0, 5))
def test_bayer_is_bilinear_inside(encoding, size, seed, padding):
    values = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    frame = decode(message(values[..., None], encoding, big=False, padding=padding))
    assert frame.shape == (*size, 3)
    for y in range(1, size[0] - 1):
        for x in range(1, size[1] - 1):
            expected = bilinear(values.astype(float), BAYER[encoding], y, x)
            assert np.abs(frame[y, x] - expected).max() <= 1


def bilinear(values, pattern, y, x):
    """Mean of the nearest samples of each colour around an inner pixel."""
    colour_at = lambda row, column: pattern[2 * (row % 2) + column % 2]  # noqa: E731
    result = []
    for colour in 'RGB':
        if colour_at(y, x) == colour:
            result.append(values[y, x])
            continue
        near = [
            (abs(dy) + abs(dx), values[y + dy, x + dx])
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if colour_at(y + dy, x + dx) == colour
        ]
        closest = min(distance for distance, _ in near)
        result.append(np.mean([value for distance, value in near if distance == closest]))
    return np.array(result)


@given(size=sizes, seed=seeds)
def test_png_is_lossless(size, seed):
    frame = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    data = encode_compressed(frame, 'png', 95)
    np.testing.assert_array_equal(decode(CompressedImage('png', memoryview(data))), frame)


def test_jpeg_keeps_colours_apart():
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[:] = 200, 30, 90
    data = encode_compressed(frame, 'jpeg', 95)
    decoded = decode(CompressedImage('rgb8; jpeg compressed bgr8', memoryview(data)))
    assert np.abs(decoded.astype(int) - frame).max() <= 4


@pytest.mark.parametrize(
    ('stored', 'image_format', 'expected'),
    [
        (np.full((2, 2), 77, np.uint8), 'mono8; png compressed ', (77, 77, 77)),
        (np.full((2, 2, 4), (1, 2, 3, 200), np.uint8), 'png', (3, 2, 1)),
        (np.full((2, 2), 0x1234, np.uint16), 'mono16; png compressed', (0x12,) * 3),
        (np.full((2, 2), 1600, np.uint16), '16UC1; png compressed', (100,) * 3),
    ],
)
def test_png_of_other_kinds(stored, image_format, expected):
    data = cv2.imencode('.png', stored)[1].tobytes()
    frame = decode(CompressedImage(image_format, memoryview(data)))
    np.testing.assert_array_equal(frame, np.broadcast_to(np.array(expected), (2, 2, 3)))


def raw(height=4, width=4, encoding='rgb8', step=0, size=48):
    return RawImage(Layout(height, width, encoding, False, step), memoryview(bytes(size)))


@pytest.mark.parametrize(
    ('image', 'words'),
    [
        (raw(encoding='rgb9'), ["'rgb9'", 'did you mean rgb8?', 'bayer_grbg8']),
        (raw(height=0), ['4x0 pixels']),
        (raw(width=0), ['0x4 pixels']),
        (raw(size=47), ['4x4', 'rgb8', '48 bytes', '47 bytes', 'smaller than its header says']),
        (raw(step=11), ['4x4', 'step 11', 'smaller than its header says']),
        (raw(encoding='yuv422', width=3), ['3x4', 'even width']),
        (raw(encoding='bayer_rggb8', width=2), ['2x4', '3x3']),
        (CompressedImage('tiff', memoryview(b'II*')), ["'tiff'", 'jpeg or png']),
        (CompressedImage('16UC1; compressedDepth png', memoryview(b'x')), ['compressedDepth']),
        (CompressedImage('jpeg', memoryview(b'nothing')), ['corrupted', '7 bytes']),
        (CompressedImage('jpeg', memoryview(b'')), ['corrupted', '0 bytes']),
    ],
)
def test_bad_images_are_refused_with_their_values(image, words):
    with pytest.raises(ClaifoError) as caught:
        decode(image)
    assert '\n' not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_jpeg_that_ends_early_is_corrupted():
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    data = encode_compressed(noise, 'jpeg', 95)
    for end in (len(data) // 3, len(data) - 40):
        with pytest.raises(ClaifoError, match='corrupted'):
            decode(CompressedImage('jpeg', memoryview(data)[:end]))


def test_every_encoding_has_an_oracle_here():
    assert set(ENCODINGS) == {*SIMPLE, *YUV, *BAYER}


def files():
    """A picture of noise as each kind of file."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 3]
    return {
        'jpeg': cv2.imencode('.jpg', picture)[1].tobytes(),
        'progressive': cv2.imencode('.jpg', picture, progressive)[1].tobytes(),
        'png': cv2.imencode('.png', picture)[1].tobytes(),
    }


@pytest.mark.parametrize('name', ['', 'JPEG', 'MJPG', 'rgb8', 'png', 'bgr8; png compressed'])
@pytest.mark.parametrize('kind', ['jpeg', 'progressive', 'png'])
def test_the_data_decide_the_format(kind, name):
    data = files()[kind]
    wanted = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(decode(CompressedImage(name, memoryview(data))), wanted)


@pytest.mark.parametrize('kind', ['jpeg', 'progressive', 'png'])
@given(end=st.floats(0.02, 0.999), tail=st.sampled_from([b'', bytes(900), b'jpeg', b'other']))
def test_a_picture_that_was_cut_is_never_delivered(kind, end, tail):
    data = files()[kind]
    other = cv2.imencode('.jpg', np.zeros((40, 50, 3), np.uint8))[1].tobytes()
    tail = other if tail == b'jpeg' else np.random.default_rng(1).bytes(900) if tail else tail
    with pytest.raises(ClaifoError, match=r'corrupted|not supported'):
        decode(CompressedImage(kind, memoryview(data[: int(end * len(data))] + tail)))


def test_padding_behind_a_picture_is_no_damage():
    for kind, data in files().items():
        assert decode(CompressedImage(kind, memoryview(data + bytes(8)))).shape == (40, 50, 3)


@pytest.mark.parametrize(('name', 'data', 'words'), [
    ('h264', b'\0\0\0\1\x67' + bytes(40), 'is video, not pictures; convert it to JPEG: ros2 run'),
    ('av1', b'\x12\0' + bytes(40), 'is video'),
    ('', b'\0\0\1\x67' + bytes(40), 'is video'),
    ('webp', b'RIFF....WEBPVP8 ', 'convert the pictures to jpeg or png'),
    ('16UC1; compressedDepth png', bytes(12) + b'\x89PNG', 'in_transport:=compressedDepth'),
    ('jpeg', cv2.imencode('.tiff', np.zeros((4, 4), np.float32))[1].tobytes(), 'corrupted'),
])  # fmt: skip
def test_what_is_no_picture_says_the_way_out(name, data, words):
    with pytest.raises(ClaifoError, match=words):
        decode(CompressedImage(name, memoryview(data)))


def bomb(kind, side):
    """A small file whose header announces a large picture."""
    if kind == 'png':
        return b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + 2 * side.to_bytes(4, 'big') + bytes(64)
    data = bytearray(files()['jpeg'])
    at = data.index(b'\xff\xc0')
    data[at + 5 : at + 9] = 2 * side.to_bytes(2, 'big')
    return bytes(data)


@pytest.mark.parametrize(('kind', 'side'), [('png', 100_000), ('jpeg', 20_000)])
def test_a_few_bytes_do_not_become_gigabytes(kind, side):
    with pytest.raises(ClaifoError, match=f'{side}x{side} pixels; more than 64 Mi are not read'):
        decode(CompressedImage(kind, memoryview(bomb(kind, side))))


@given(size=st.tuples(st.integers(1, 300), st.integers(1, 300)), suffix=st.sampled_from(
    ['.png', '.jpg']), progressive=st.booleans())  # fmt: skip
def test_the_size_is_known_before_a_picture_is_unpacked(size, suffix, progressive):
    settings = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)] if suffix == '.jpg' else []
    data = cv2.imencode(suffix, np.zeros((*size, 3), np.uint8), settings)[1].tobytes()
    assert picture_size(data) == size
