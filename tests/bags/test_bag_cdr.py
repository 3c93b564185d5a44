"""The hand-written parser of camera messages against rosbags' own serialiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo.bags.cdr import COMPRESSED, IMAGE, Parser
from claifo_core.errors import ClaifoError

names = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=9)
uint32 = st.integers(0, 2**32 - 1)
stamps = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 999_999_999))
images = st.fixed_dictionaries(
    {
        'stamp': stamps,
        'frame_id': names,
        'height': uint32,
        'width': uint32,
        'encoding': names,
        'is_bigendian': st.integers(0, 1),
        'step': uint32,
        'data': st.binary(max_size=40),
        'little': st.booleans(),
    }
)


def serialize_image(recorder, fields):
    sec, nanosec = fields['stamp']
    message = recorder.store.types[IMAGE](
        recorder.header(sec * 10**9 + nanosec, fields['frame_id']),
        *(fields[key] for key in ('height', 'width', 'encoding', 'is_bigendian', 'step')),
        np.frombuffer(fields['data'], np.uint8),
    )
    return recorder.serialize(message, little_endian=fields['little'])


@given(different=st.lists(images, min_size=1, max_size=3), order=st.lists(st.integers(0, 2)))
def test_images_of_changing_layout_are_parsed_as_they_were_written(recorder, different, order):
    parser = Parser(IMAGE)
    for k in [0, *order]:
        fields = different[k % len(different)]
        stamp_ns, image = parser(serialize_image(recorder, fields))
        sec, nanosec = fields['stamp']
        assert stamp_ns == sec * 10**9 + nanosec
        assert tuple(image.layout) == (
            fields['height'],
            fields['width'],
            fields['encoding'],
            bool(fields['is_bigendian']),
            fields['step'],
        )
        assert bytes(image.data) == fields['data']


@given(fields=images, padding=st.binary(min_size=1, max_size=3))
def test_padding_behind_a_message_is_not_taken_for_pixels(recorder, fields, padding):
    parser = Parser(IMAGE)
    data = serialize_image(recorder, fields) + padding
    for _ in range(2):
        assert bytes(parser(data)[1].data) == fields['data']


@given(stamp=stamps, text=names, data=st.binary(max_size=40), little=st.booleans())
def test_compressed_images_are_parsed_as_they_were_written(recorder, stamp, text, data, little):
    message = recorder.compressed(stamp[0] * 10**9 + stamp[1], data, text)
    stamp_ns, image = Parser(COMPRESSED)(recorder.serialize(message, little_endian=little))
    assert stamp_ns == stamp[0] * 10**9 + stamp[1]
    assert (image.format, bytes(image.data)) == (text, data)


@given(fields=images, cut=st.floats(0, 1, exclude_max=True))
def test_a_message_cut_anywhere_is_refused_in_plain_words(recorder, fields, cut):
    data = serialize_image(recorder, fields)
    with pytest.raises(ClaifoError, match=r'of \d+ bytes cannot be decoded'):
        Parser(IMAGE)(data[: int(cut * len(data))])
