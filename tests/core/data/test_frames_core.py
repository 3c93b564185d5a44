"""The one image pipeline, and files that are whole or absent."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.data.frames import FrameSpec, prepare
from claifo_core.errors import ClaifoError, did_you_mean
from claifo_core.files import write_atomic, write_json_atomic


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@given(size=st.integers(1, 20), factor=st.integers(2, 5))
def test_shrinking_averages_areas(size, factor):
    image = noise(size * factor, size * factor)
    blocks = image.reshape(size, factor, size, factor, 3).astype(float)
    got = prepare(image, FrameSpec(size))
    assert got.dtype == np.uint8 and got.shape == (size, size, 3)
    assert np.abs(got - blocks.mean((1, 3))).max() <= 0.5 + 1e-6


@given(x=st.integers(0, 10), y=st.integers(0, 10), size=st.integers(1, 12))
def test_a_crop_of_the_right_size_is_cut_out_unchanged(x, y, size):
    image = noise(23, 25)
    got = prepare(image, FrameSpec(size, (x, y, size, size)))
    assert np.array_equal(got, image[y : y + size, x : x + size])
    assert got.flags.c_contiguous


def test_an_image_that_is_right_passes_unchanged():
    image = noise(16, 16)
    assert np.array_equal(prepare(image, FrameSpec(16)), image)


def test_enlarging_interpolates():
    image = np.zeros((2, 2, 3), np.uint8)
    image[:, 1] = 200
    got = prepare(image, FrameSpec(8))
    assert (np.diff(got[0, :, 0].astype(int)) >= 0).all()
    assert got[0, 0, 0] == 0 and got[0, -1, 0] == 200
    assert len(set(got[0, :, 0].tolist())) > 2


def test_a_wide_image_is_squeezed_to_a_square():
    image = np.repeat(np.arange(0, 240, 10, dtype=np.uint8), 3).reshape(1, 24, 3).repeat(8, 0)
    got = prepare(image, FrameSpec(8))
    assert np.abs(got[0, :, 0].astype(int) - np.arange(10, 240, 30)).max() <= 1


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (np.zeros((4, 4, 3), np.float32), r'float32 \(4, 4, 3\); uint8'),
        (np.zeros((4, 4), np.uint8), r'uint8 \(4, 4\); uint8 \(height, width, 3\)'),
        (np.zeros((4, 4, 4), np.uint8), r'uint8 \(4, 4, 4\)'),
        (np.zeros((0, 4, 3), np.uint8), r'uint8 \(0, 4, 3\)'),
    ],
)
def test_what_is_no_image_is_told(image, message):
    with pytest.raises(ClaifoError, match=message):
        prepare(image, FrameSpec(4))


def test_crops_that_cannot_be_are_told():
    with pytest.raises(ClaifoError, match='x=3 y=0 width=4 height=4 leaves the image of 6x5'):
        prepare(noise(5, 6), FrameSpec(4, (3, 0, 4, 4)))
    for crop in ((-1, 0, 4, 4), (0, 0, 0, 4)):
        with pytest.raises(ClaifoError, match='crop'):
            FrameSpec(4, crop)
    with pytest.raises(ClaifoError, match='size_px is 0'):
        FrameSpec(0)


def test_files_are_replaced_whole(tmp_path):
    path = tmp_path / 'file'
    write_atomic(path, b'old')
    write_atomic(path, b'new and longer')
    assert path.read_bytes() == b'new and longer'
    write_json_atomic(path, {'a': [1, None]})
    assert json.loads(path.read_text()) == {'a': [1, None]}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(ClaifoError, match='cannot write 3 bytes: No such file'):
        write_atomic(tmp_path / 'none' / 'file', b'abc')


def test_hints_are_near_or_absent():
    assert did_you_mean('walker_wlk', ['walker_walk', 'reacher']) == ' (did you mean walker_walk?)'
    assert did_you_mean('xyz', ['walker_walk']) == ''
