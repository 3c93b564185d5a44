"""CDR: bytes written out by hand, and against rosbags for every known type."""

from __future__ import annotations

import array
import random
import struct
import zlib

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore

from ros2_embedded import types
from ros2_embedded.cdr import CdrError, from_cdr, to_cdr
from ros2_embedded.messages import message_class
from ros2_embedded.values import CODES

HEADER = b'\0\1\0\0'


def made(typename: str, /, **fields):
    return message_class(typename)(**fields)


STAMP = made('builtin_interfaces/msg/Time', sec=-2, nanosec=5)
IMAGE = made(
    'sensor_msgs/msg/Image',
    header=made('std_msgs/msg/Header', stamp=STAMP, frame_id='cam'),
    height=1, width=2, encoding='rgb8', is_bigendian=0, step=6, data=bytes(range(6)),
)  # fmt: skip
LAYOUT = made('std_msgs/msg/MultiArrayDimension', label='a', size=2, stride=3)
GOLDEN = [
    (made('std_msgs/msg/String', data='hé'), struct.pack('<I4s', 4, 'hé'.encode() + b'\0')),
    (made('std_msgs/msg/String'), struct.pack('<Ixxxx', 1)),
    (made('std_msgs/msg/Bool', data=True), b'\1\0\0\0'),
    (made('std_msgs/msg/Byte', data=b'\xfe'), b'\xfe\0\0\0'),
    (made('std_msgs/msg/Empty'), b'\0\0\0\0'),
    (made('std_srvs/srv/Trigger_Request'), b'\0\0\0\0'),
    (made('std_srvs/srv/SetBool_Response', success=True, message='ok'),
     struct.pack('<?xxxI3sx', True, 3, b'ok')),
    (IMAGE, struct.pack('<iII4sIII5sBxxII6sxx', -2, 5, 4, b'cam', 1, 2, 5, b'rgb8', 0, 6, 6,
                        bytes(range(6)))),
    # Eight-byte numbers are aligned to eight, but an empty array of them is not.
    (made('sensor_msgs/msg/JointState', header=made('std_msgs/msg/Header', frame_id='abcd'),
          name=['ab', ''], position=[0.5]),
     struct.pack('<iII4sxxxx I I3sx Ixxxx I xxxx d I I', 0, 0, 5, b'abcd', 2, 3, b'ab', 1, 1, 0.5,
                 0, 0)),
    (made('std_msgs/msg/Float64MultiArray', data=[0.25]),
     struct.pack('<IIIxxxxd', 0, 0, 1, 0.25)),
    (made('std_msgs/msg/Float32MultiArray', data=[0.25],
          layout=made('std_msgs/msg/MultiArrayLayout', dim=[LAYOUT, LAYOUT], data_offset=9)),
     struct.pack('<I I2sxxII I2sxxII I If', 2, 2, b'a', 2, 3, 2, b'a', 2, 3, 9, 1, 0.25)),
    (made('rcl_interfaces/msg/ParameterValue', type=6, bool_array_value=[True, False],
          byte_array_value=[b'x']),
     struct.pack('<Bxxxxxxx qd Ixxxx I1s xxx I2sxx I I I', 6, 0, 0.0, 1, 1, b'x', 2, b'\1\0', 0,
                 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(('message', 'body'), GOLDEN, ids=lambda v: type(v).__name__)
def test_bytes_written_out_by_hand(message, body):
    expected = HEADER + body
    assert bytes(to_cdr(message)) == expected + bytes(-len(expected) % 4)
    assert from_cdr(expected, type(message)) == message


def test_a_request_header_goes_in_front_of_the_body():
    prefix = bytes(range(16))
    response = made('std_srvs/srv/SetBool_Response', success=True, message='ok')
    data = to_cdr(response, prefix)
    assert bytes(data) == HEADER + prefix + bytes(to_cdr(response)[4:])
    assert from_cdr(data, 'std_srvs/srv/SetBool_Response', prefix=16) == response


def test_what_is_read_is_independent_of_the_bytes():
    data = to_cdr(IMAGE)
    found = from_cdr(memoryview(data), 'sensor_msgs/msg/Image')
    assert isinstance(found.data, array.array)
    data[:] = bytes(len(data))
    found.data.append(9)
    assert list(found.data) == [0, 1, 2, 3, 4, 5, 9]


# An independent writer: rosbags, with messages of its own.
ORACLE = get_typestore(Stores[f'ROS2_{types.DISTRO.upper()}'])
SMALL = 3
INTEGERS = 'bBhHiIqQ'
TEXTS = ['', 'a', 'äö', 'longer text']


def draw(description, pick: random.Random):
    """Return a random value for a field, as a plain Python value or a message."""
    kind, argument = description
    if kind == Nodetype.NAME:
        return drawn(argument, pick)
    if kind == Nodetype.BASE:
        return draw_single(argument[0], argument[1], pick)
    inner, length = argument
    count = length if kind == Nodetype.ARRAY else pick.randint(0, min(length or SMALL, SMALL))
    return [draw(inner, pick) for _ in range(count)]


def draw_single(base: str, bound: int, pick: random.Random):
    if base == 'string':
        return pick.choice(TEXTS)[: bound or None]
    code = CODES[base]
    if code in INTEGERS:
        limits = np.iinfo(code)
        return pick.choice([0, 1, int(limits.min), int(limits.max)])
    if code == 'c':
        return bytes((pick.randrange(256),))
    if code == '?':
        return pick.random() < 0.5
    return pick.choice([0.0, -0.5, 2.0**100, float('inf')])


def drawn(typename: str, pick: random.Random):
    members = [m for m in types.fields(typename) if m[0] != types.PLACEHOLDER]
    return message_class(typename)(**{name: draw(kind, pick) for name, kind in members})


def foreign(message, typename: str):
    """Return the same message in the classes of rosbags."""
    values = {}
    for name, kind in ORACLE.fielddefs[typename][1]:
        own = 0 if name == types.PLACEHOLDER else getattr(message, name)
        values[name] = foreign_value(own, kind)
    return ORACLE.types[typename](**values)


def foreign_value(value, description):
    kind, argument = description
    if kind == Nodetype.NAME:
        return foreign(value, argument)
    if kind == Nodetype.BASE:
        # To rosbags a byte is a signed number.
        return int.from_bytes(value, 'little', signed=True) if argument[0] == 'byte' else value
    inner, _ = argument
    items = [foreign_value(item, inner) for item in value]
    if inner[0] == Nodetype.BASE and inner[1][0] != 'string':
        return np.array(items, CODES[inner[1][0]].replace('c', 'b'))
    return items


@pytest.mark.parametrize('typename', sorted(ORACLE.fielddefs))
def test_every_type_is_written_and_read_as_by_rosbags(typename):
    pick = random.Random(zlib.crc32(typename.encode()))
    for _ in range(5):
        message = drawn(typename, pick)
        other = foreign(message, typename)
        little = bytes(ORACLE.serialize_cdr(other, typename, little_endian=True))
        assert bytes(to_cdr(message)) == little + bytes(-len(little) % 4)
        big = ORACLE.serialize_cdr(other, typename, little_endian=False)
        assert from_cdr(little, typename) == message == from_cdr(big, typename)


TYPES = [
    'sensor_msgs/msg/CameraInfo', 'rcl_interfaces/msg/ParameterEvent',
    'visualization_msgs/msg/Marker', 'diagnostic_msgs/msg/DiagnosticArray',
    'trajectory_msgs/msg/JointTrajectory', 'rmw_dds_common/msg/ParticipantEntitiesInfo',
]  # fmt: skip


@given(st.sampled_from(TYPES), st.integers(0, 2**32))
def test_messages_come_back(typename, seed):
    message = drawn(typename, random.Random(seed))
    assert from_cdr(to_cdr(message), typename) == message
    assert from_cdr(to_cdr(message, bytes(16)), typename, prefix=16) == message


@given(st.text(st.characters(exclude_categories=['Cs'])), st.binary(), st.lists(st.floats()))
def test_texts_bytes_and_numbers_come_back(text, data, numbers):
    image = from_cdr(
        to_cdr(made('sensor_msgs/msg/Image', encoding=text, data=data)), 'sensor_msgs/msg/Image'
    )
    assert (image.encoding, bytes(image.data)) == (text, data)
    array_type = 'std_msgs/msg/Float64MultiArray'
    found = from_cdr(to_cdr(made(array_type, data=numbers)), array_type)
    assert found.data.tobytes() == array.array('d', numbers).tobytes()


@pytest.mark.parametrize('typename', TYPES)
def test_bytes_that_end_too_early_are_refused(typename):
    data = bytes(to_cdr(drawn(typename, random.Random(1))))
    for end in range(4, len(data) - 4, 7):
        with pytest.raises(CdrError, match=f'{end} bytes are not a {typename}'):
            from_cdr(data[:end], typename)


@pytest.mark.parametrize('data', [b'', b'\0', b'\0\1', b'\0\7\0\0\0\0\0\0', b'hello, world'])
def test_bytes_that_are_not_plain_cdr_are_refused(data):
    with pytest.raises(CdrError):
        from_cdr(data, 'std_msgs/msg/String')


@pytest.mark.parametrize(
    ('typename', 'body'),
    [
        ('std_msgs/msg/String', b'\xff\xff\xff\xff'),
        ('sensor_msgs/msg/PointCloud2', bytes(12) + b'\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff'),
        ('diagnostic_msgs/msg/DiagnosticArray', bytes(12) + b'\xff\xff\xff\xff'),
        ('std_msgs/msg/UInt8MultiArray', b'\xff\xff\xff\xff' * 4),
    ],
)
def test_counts_that_cannot_be_are_refused_before_memory_is_taken(typename, body):
    with pytest.raises(CdrError):
        from_cdr(HEADER + body, typename)


@given(st.sampled_from(TYPES), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(typename, body):
    try:
        found = from_cdr(HEADER + body, typename)
    except CdrError:
        return
    assert repr(found)


def test_a_text_that_is_not_utf8_does_not_stop_a_node():
    data = HEADER + struct.pack('<I4s', 4, b'h\xe9y\0')
    assert from_cdr(data, 'std_msgs/msg/String').data == 'h\ufffdy'


def test_a_text_may_come_without_its_zero():
    assert from_cdr(HEADER + bytes(4), 'std_msgs/msg/String').data == ''


def broken(typename: str, field: str, /, **wrong):
    message = made(typename)
    for method, value in wrong.items():
        getattr(getattr(message, field), method)(value)
    return message


@pytest.mark.parametrize(
    'message',
    [
        broken('sensor_msgs/msg/JointState', 'name', append=5),
        broken('diagnostic_msgs/msg/DiagnosticArray', 'status', append='text'),
        broken('rcl_interfaces/msg/ParameterValue', 'bool_array_value', append=None),
        broken('rcl_interfaces/msg/ParameterValue', 'byte_array_value', append=3),
        made('std_msgs/msg/String', data='\ud800'),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_list_with_wrong_items_is_refused_when_written(message):
    with pytest.raises(TypeError, match=r'^\w+/msg/\w+ cannot be serialised: '):
        to_cdr(message)


def test_only_messages_are_written():
    with pytest.raises(TypeError, match='not a message'):
        to_cdr('text')
