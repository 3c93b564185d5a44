"""Message classes behave as those that ROS 2 generates."""

from __future__ import annotations

import array
import copy

import numpy as np
import pytest

from ros2_embedded import types
from ros2_embedded.messages import message_class, service_class, typename_of

Image = message_class('sensor_msgs/msg/Image')
Joy = message_class('sensor_msgs/msg/Joy')
Header = message_class('std_msgs/msg/Header')
Time = message_class('builtin_interfaces/msg/Time')
CameraInfo = message_class('sensor_msgs/msg/CameraInfo')
Imu = message_class('sensor_msgs/msg/Imu')
Status = message_class('diagnostic_msgs/msg/DiagnosticStatus')
Parameter = message_class('rcl_interfaces/msg/ParameterValue')
SetBool = service_class('std_srvs/srv/SetBool')


def test_defaults():
    image = Image()
    assert (image.height, image.encoding, image.is_bigendian) == (0, '', 0)
    assert image.header.stamp == Time(sec=0, nanosec=0)
    assert image.data == array.array('B')
    assert Status().level == b'\0'
    assert Parameter().bool_array_value == []
    assert CameraInfo().k.dtype == np.float64
    assert CameraInfo().k.tolist() == [0.0] * 9
    assert message_class('std_msgs/msg/Bool')().data is False
    assert isinstance(message_class('std_msgs/msg/Float32')().data, float)


def test_a_quaternion_is_no_rotation_by_default():
    rotation = message_class('geometry_msgs/msg/TransformStamped')().transform.rotation
    assert (rotation.x, rotation.y, rotation.z, rotation.w) == (0.0, 0.0, 0.0, 1.0)


def test_defaults_are_not_shared():
    one, other = Joy(), Joy()
    one.axes.append(0.5)
    one.header.frame_id = 'arm'
    assert list(other.axes) == []
    assert other.header.frame_id == ''


def test_construction_by_names():
    image = Image(header=Header(frame_id='camera'), height=2, data=array.array('B', [7]))
    assert (image.header.frame_id, image.height, list(image.data)) == ('camera', 2, [7])
    with pytest.raises(AssertionError, match="no field 'hight'; it has header, height, width"):
        Image(hight=3)
    with pytest.raises(TypeError):
        Image(3)


def test_only_fields_can_be_assigned():
    image = Image()
    with pytest.raises(AttributeError, match='dta'):
        image.dta = b''
    with pytest.raises(AttributeError):
        Status().OK = b'\1'


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('height', -1), ('height', 2**32), ('height', 1.0), ('height', '1'), ('height', None),
        ('height', np.int64(1)), ('encoding', b'rgb8'), ('encoding', 8), ('is_bigendian', 256),
        ('header', Time()), ('header', 'camera'), ('data', 'text'), ('data', [256]),
        ('data', [1.0]), ('data', [-1]), ('data', 3), ('data', None), ('data', (b'a',)),
        ('data', array.array('b', [1])), ('data', np.zeros((2, 2), np.uint8)),
        ('data', np.array([1.0])), ('data', np.array([300])), ('data', iter([1])),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, '__next__') else str(value),
)  # fmt: skip
def test_wrong_values_are_refused_and_change_nothing(field, value):
    image = Image(height=3, encoding='rgb8', data=b'abc')
    before = copy.deepcopy(image)
    with pytest.raises(AssertionError, match=f"'{field}' field"):
        setattr(image, field, value)
    assert image == before


@pytest.mark.parametrize(
    ('typename', 'value'),
    [
        ('Bool', 1), ('Bool', np.True_), ('Byte', 1), ('Byte', b'ab'), ('Float64', 1),
        ('Float32', 1e39), ('Float32', np.float32(1)), ('Int8', 128), ('Int64', 2**63),
        ('UInt64', -1), ('Char', 'a'), ('String', None),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_single_values_are_refused(typename, value):
    message = message_class(f'std_msgs/msg/{typename}')()
    with pytest.raises(AssertionError, match="'data' field"):
        message.data = value


@pytest.mark.parametrize(
    ('typename', 'value'),
    [
        ('Bool', True), ('Byte', b'\xff'), ('Char', 255), ('Float32', float('inf')),
        ('Float32', 3.4028234e38), ('Float64', np.float64(0.5)), ('Int64', -(2**63)),
        ('UInt64', 2**64 - 1), ('String', 'ä€'),
    ],
    ids=str,
)  # fmt: skip
def test_right_single_values_are_kept(typename, value):
    assert message_class(f'std_msgs/msg/{typename}')(data=value).data == value


PIXELS = bytes(range(12))


@pytest.mark.parametrize(
    'value',
    [
        array.array('B', PIXELS), PIXELS, bytearray(PIXELS), memoryview(PIXELS), list(PIXELS),
        tuple(PIXELS), range(12), np.arange(12, dtype=np.uint8), np.arange(12),
        np.arange(24, dtype=np.uint8)[::2] // 2, np.arange(11, -1, -1, dtype=np.uint8)[::-1],
        memoryview(bytes(i // 2 for i in range(24)))[::2],
        memoryview(array.array('i', range(12))),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_whatever_holds_bytes_can_be_assigned(value):
    image = Image(data=value)
    assert isinstance(image.data, array.array)
    assert image.data == array.array('B', PIXELS)
    assert bytes(image.data) == PIXELS
    assert list(image.data[2:4]) == [2, 3]
    assert (len(image.data), image.data[5]) == (12, 5)
    assert np.frombuffer(image.data, np.uint8).tolist() == list(PIXELS)


def test_an_array_is_kept_not_copied():
    data = array.array('B', PIXELS)
    assert Image(data=data).data is data


@pytest.mark.parametrize(
    'value',
    [
        array.array('f', [0.5, -1]), [0.5, -1.0], (0.5, -1.0), np.array([0.5, -1], np.float32),
        np.array([0.5, -1]),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_whatever_holds_numbers_can_be_assigned(value):
    joy = Joy(axes=value, buttons=[1, -2])
    assert joy.axes == array.array('f', [0.5, -1])
    assert joy.buttons == array.array('i', [1, -2])


@pytest.mark.parametrize('value', [[1], ['1'], array.array('d', [1]), np.array(['1'])], ids=str)
def test_wrong_numbers_are_refused(value):
    with pytest.raises(AssertionError, match="'axes' field"):
        Joy(axes=value)


def test_fixed_arrays_are_numpy_arrays_of_their_length():
    values = [float(i) for i in range(9)]
    for value in (values, tuple(values), np.array(values), array.array('d', values)):
        covariance = Imu(orientation_covariance=value).orientation_covariance
        assert isinstance(covariance, np.ndarray)
        assert covariance.tolist() == values
    for value in (values[:8], np.zeros(10), np.zeros((3, 3)), 'text', [1] * 9):
        with pytest.raises(AssertionError, match="'orientation_covariance' field"):
            Imu(orientation_covariance=value)


def test_flags_and_bytes_are_lists():
    value = Parameter(bool_array_value=[True, False], byte_array_value=[b'a', b'\0'])
    assert value.bool_array_value == [True, False]
    assert value.byte_array_value == [b'a', b'\0']
    value.bool_array_value = np.array([False, True])
    assert value.bool_array_value == [False, True]
    for wrong in ([1, 0], 'tf', True, np.array([1, 0])):
        with pytest.raises(AssertionError, match='bool_array_value'):
            value.bool_array_value = wrong
    with pytest.raises(AssertionError, match='byte_array_value'):
        value.byte_array_value = b'ab'


def test_lists_of_texts_and_messages():
    key = message_class('diagnostic_msgs/msg/KeyValue')
    status = Status(values=(key(key='a', value='b'),))
    assert status.values == [key(key='a', value='b')]
    status.values.append(key())
    assert len(status.values) == 2
    for wrong in ([Time()], key(), 'ab', None):
        with pytest.raises(AssertionError, match='values'):
            status.values = wrong
    with pytest.raises(AssertionError, match=r'string_array_value'):
        Parameter(string_array_value='ab')


def test_bounds():
    descriptor = message_class('rcl_interfaces/msg/ParameterDescriptor')
    limits = message_class('rcl_interfaces/msg/IntegerRange')
    assert len(descriptor(integer_range=[limits(to_value=3)]).integer_range) == 1
    with pytest.raises(AssertionError, match='at most 1 values, not 2'):
        descriptor(integer_range=[limits(), limits()])


def test_constants_belong_to_the_class():
    assert (Status.OK, Status.WARN, Status.ERROR, Status.STALE) == (b'\0', b'\1', b'\2', b'\3')
    assert Status(level=Status.WARN).level == b'\1'
    listing = service_class('rcl_interfaces/srv/ListParameters')
    assert listing.Request.DEPTH_RECURSIVE == 0


def test_equality():
    assert Joy(axes=[0.5]) == Joy(axes=[0.5])
    assert Joy(axes=[0.5]) != Joy(axes=[0.25])
    assert Imu() == Imu()
    assert Imu() != Imu(linear_acceleration_covariance=np.ones(9))
    assert Time() != Header()
    assert Time() != 0
    with pytest.raises(TypeError):
        hash(Time())


def test_repr():
    time = 'builtin_interfaces.msg.Time(sec=1, nanosec=0)'
    assert repr(Time(sec=1)) == time
    joy = Joy(header=Header(stamp=Time(sec=1)), buttons=[1, 2])
    header = f"std_msgs.msg.Header(stamp={time}, frame_id='')"
    assert repr(joy) == f'sensor_msgs.msg.Joy(header={header}, axes=[], buttons=[1, 2])'
    assert repr(SetBool.Request(data=True)) == 'std_srvs.srv.SetBool_Request(data=True)'


def test_words_for_types():
    assert CameraInfo.get_fields_and_field_types()['k'] == 'double[9]'
    assert Status.get_fields_and_field_types() == {
        'level': 'octet', 'name': 'string', 'message': 'string', 'hardware_id': 'string',
        'values': 'sequence<diagnostic_msgs/KeyValue>',
    }  # fmt: skip
    words = Image.get_fields_and_field_types()
    assert (words['header'], words['data']) == ('std_msgs/Header', 'sequence<uint8>')
    assert Parameter.get_fields_and_field_types()['bool_array_value'] == 'sequence<boolean>'


def test_copies_are_deep():
    image = Image(header=Header(frame_id='a'), data=b'abc')
    twin = copy.deepcopy(image)
    twin.header.frame_id, twin.data[0] = 'b', 0
    assert (image.header.frame_id, bytes(image.data)) == ('a', b'abc')


def test_requests_without_fields():
    trigger = service_class('std_srvs/srv/Trigger')
    assert repr(trigger.Request()) == 'std_srvs.srv.Trigger_Request()'
    assert trigger.Request() == trigger.Request()
    assert trigger.Request.get_fields_and_field_types() == {}
    with pytest.raises(AssertionError):
        trigger.Request(structure_needs_at_least_one_member=0)


def test_names_of_types():
    assert typename_of(Image) == typename_of(Image()) == 'sensor_msgs/msg/Image'
    assert typename_of(SetBool) == 'std_srvs/srv/SetBool'
    assert typename_of(SetBool.Response) == 'std_srvs/srv/SetBool_Response'
    for other in (int, 'sensor_msgs/msg/Image', None):
        with pytest.raises(TypeError, match='not a message or service type'):
            typename_of(other)


@pytest.mark.parametrize('typename', sorted(types.STORE.fielddefs))
def test_every_known_message_can_be_made_copied_and_shown(typename):
    message = message_class(typename)()
    assert copy.deepcopy(message) == message
    assert repr(message)
    assert list(type(message).get_fields_and_field_types()) == [
        name for name, _ in types.fields(typename) if name != types.PLACEHOLDER
    ]
