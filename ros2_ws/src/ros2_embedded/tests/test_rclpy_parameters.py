"""Parameters and ROS arguments, as launch files and `ros2 param` use them."""

from __future__ import annotations

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterEvent,
    SetParametersResult,
)
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy import _arguments
from rclpy._rclpy_pybind11 import RCLInvalidROSArgsError, UnknownROSArgsError
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

VALUES = [
    True, 3, 2.5, 'word', [True, False], [1, 2], [1.5, 2.0], ['a', 'b'],
]  # fmt: skip


@pytest.mark.parametrize('value', VALUES, ids=str)
def test_values_go_into_messages_and_back(value):
    parameter = Parameter('p', value=value)
    again = Parameter.from_parameter_msg(parameter.to_parameter_msg())
    assert list(again.value) == value if isinstance(value, list) else again.value == value
    assert again.type_ == parameter.type_ != Parameter.Type.NOT_SET


def test_a_value_without_a_type():
    with pytest.raises(TypeError):
        Parameter('p', value={})
    with pytest.raises(ValueError, match='do not agree'):
        Parameter('p', Parameter.Type.BOOL, 3)


def test_declared_parameters_can_be_asked_for(ros):
    node = ros.create_node('a')
    assert node.declare_parameter('x', 3).value == 3
    node.declare_parameters('camera', [('width', 640), ('height', 480)])
    assert node.get_parameter('camera.width').value == 640
    prefixed = node.get_parameters_by_prefix('camera')
    assert {name: p.value for name, p in prefixed.items()} == {'width': 640, 'height': 480}
    assert node.has_parameter('x')
    assert node.get_parameter_or('y', Parameter('y', value=1)).value == 1
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter('x', 4)
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter('y')
    node.undeclare_parameter('x')
    assert not node.has_parameter('x')
    node.declare_parameter('z', Parameter.Type.INTEGER)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter('z')


def test_types_and_ranges_are_held(ros):
    node = ros.create_node('a')
    low_high = ParameterDescriptor(
        integer_range=[IntegerRange(from_value=0, to_value=10, step=2)]
    )
    node.declare_parameter('even', 4, low_high)
    span = FloatingPointRange(from_value=0.0, to_value=1.0, step=0.0)
    node.declare_parameter('share', 0.5, ParameterDescriptor(floating_point_range=[span]))
    node.declare_parameter('fixed', 1, ParameterDescriptor(read_only=True))

    def result(name, value):
        return node.set_parameters([Parameter(name, value=value)])[0]

    assert result('even', 6).successful
    assert 'is not a valid step. Min: 0, Max: 10, value: 5, step: 2' in result('even', 5).reason
    assert 'out of range. Min: 0, Max: 10' in result('even', 12).reason
    wrong = "Wrong parameter type, expected 'Type.INTEGER' got 'Type.STRING'"
    assert wrong in result('even', 'x').reason
    assert 'Min: 0.0, Max: 1.0, value: 1.5' in result('share', 1.5).reason
    assert 'read-only' in result('fixed', 2).reason
    assert (node.get_parameter('even').value, node.get_parameter('fixed').value) == (6, 1)
    with pytest.raises(InvalidParameterValueException, match='Min: 0, Max: 10, value: 20'):
        node.declare_parameter('other', 20, ParameterDescriptor(integer_range=[
            IntegerRange(from_value=0, to_value=10, step=1)]))  # fmt: skip
    assert not node.has_parameter('other')


def test_callbacks_refuse_change_and_learn(ros):
    node, told = ros.create_node('a'), []
    node.declare_parameter('x', 1)
    node.add_pre_set_parameters_callback(
        lambda ps: [*ps, Parameter('y', value=2)] if ps[0].name == 'x' else ps
    )
    node.declare_parameter('y', 0)
    node.add_on_set_parameters_callback(
        lambda ps: SetParametersResult(successful=ps[0].value < 5, reason='too large')
    )
    node.add_post_set_parameters_callback(told.extend)
    assert node.set_parameters([Parameter('x', value=4)])[0].successful
    assert node.get_parameter('y').value == 2
    assert [p.name for p in told] == ['x', 'y']
    refused = node.set_parameters_atomically([Parameter('x', value=9)])
    assert (refused.successful, refused.reason) == (False, 'too large')


def test_changes_are_told_to_everybody(ros, until):
    node, events = ros.create_node('a'), []
    node.create_subscription(ParameterEvent, '/parameter_events', events.append, 10)
    node.declare_parameter('x', 1)
    node.set_parameters([Parameter('x', value=2)])
    node.declare_parameter('any', 1, ParameterDescriptor(dynamic_typing=True))
    node.set_parameters([Parameter('any')])
    assert not node.has_parameter('any')
    node.undeclare_parameter('x')  # of which nobody is told
    until([node], lambda: len(events) == 4)
    assert [e.node for e in events] == ['/a'] * 4
    assert [len(e.new_parameters) for e in events] == [1, 0, 1, 0]
    assert events[1].changed_parameters[0].value.integer_value == 2
    assert events[3].deleted_parameters[0].name == 'any'


def test_the_services_of_a_node(ros, until):
    node, asker = ros.create_node('a'), ros.create_node('b')
    node.declare_parameter('x', 1, ParameterDescriptor(description='a number'))
    node.declare_parameter('camera.width', 640)

    def call(kind, name, **fields):
        client = asker.create_client(kind, f'a/{name}')
        assert client.wait_for_service(5)
        future = client.call_async(kind.Request(**fields))
        until([node, asker], future.done)
        return future.result()

    assert 'camera.width' in call(ListParameters, 'list_parameters').result.names
    assert call(ListParameters, 'list_parameters', prefixes=['camera']).result.names == [
        'camera.width'
    ]
    values = call(GetParameters, 'get_parameters', names=['x', 'camera.width']).values
    assert [v.integer_value for v in values] == [1, 640]
    assert call(GetParameters, 'get_parameters', names=['x', 'nothing']).values == []
    unset = [Parameter('x').to_parameter_msg()]
    (kept,) = call(SetParameters, 'set_parameters', parameters=unset).results
    assert (kept.successful, kept.reason) == (False, 'Static parameter cannot be undeclared')
    assert list(call(GetParameterTypes, 'get_parameter_types', names=['x']).types) == [2]
    told = call(DescribeParameters, 'describe_parameters', names=['x']).descriptors
    assert told[0].description == 'a number'
    wanted = [Parameter('x', value=7).to_parameter_msg(),
              Parameter('nothing', value=7).to_parameter_msg()]  # fmt: skip
    results = call(SetParameters, 'set_parameters', parameters=wanted).results
    assert [r.successful for r in results] == [True, False]
    assert 'undeclared' in results[1].reason
    whole = call(SetParametersAtomically, 'set_parameters_atomically', parameters=wanted).result
    assert not whole.successful
    assert node.get_parameter('x').value == 7


def test_arguments_override_defaults(start):
    start('-p', 'x:=5', '-p', 'other:y:=6', '-p', 'words:=[a, b]', '-p', 'flag:=true')
    node = Node('a')
    assert node.declare_parameter('x', 1).value == 5
    assert node.declare_parameter('y', 1).value == 1
    assert node.declare_parameter('words', ['c']).value == ['a', 'b']
    assert node.declare_parameter('flag', False).value is True
    assert node.declare_parameter('ignored', 2, ignore_override=True).value == 2
    assert Node('other').declare_parameter('y', 1).value == 6


def test_an_argument_of_a_wrong_type(start):
    start('-p', 'x:=word')
    with pytest.raises(InvalidParameterTypeException, match="'x' to 'word'"):
        Node('a').declare_parameter('x', 1)


FILE = """
/**:
  ros__parameters: {x: 1, camera: {width: 640}}
/left/a:
  ros__parameters: {x: 2}
left:
  b:
    ros__parameters: {x: 3}
/*/c:
  ros__parameters: {x: 4}
"""


@pytest.mark.parametrize(
    ('name', 'namespace', 'x'),
    [('a', '/', 1), ('a', '/left', 2), ('b', '/left', 3), ('c', '/left', 4),
     ('c', '/left/inner', 1), ('d', '/', 1)],
)  # fmt: skip
def test_parameter_files_with_wildcards(start, tmp_path, name, namespace, x):
    path = tmp_path / 'params.yaml'
    path.write_text(FILE)
    start('--params-file', str(path))
    node = Node(name, namespace=namespace)
    assert node.declare_parameter('x', 0).value == x
    assert node.declare_parameter('camera.width', 0).value == 640


def test_remapping(start):
    start('-r', '__node:=new', '-r', '__ns:=/left', '-r', 'image:=/camera/image_raw',
          '-r', 'new:~/go:=/start')  # fmt: skip
    node = Node('old')
    assert node.get_fully_qualified_name() == '/left/new'
    assert node.resolve_topic_name('image') == '/camera/image_raw'
    assert node.resolve_topic_name('other') == '/left/other'
    assert node.resolve_topic_name('image', only_expand=True) == '/left/image'
    assert node.resolve_service_name('~/go') == '/start'


def test_log_levels_and_enclave():
    found, rest = _arguments.parse(
        ['p', 'own', '--ros-args', '--log-level', 'debug', '--log-level', 'a.b:=WARN', '-e', '/x',
         '--disable-rosout-logs', '--', 'more']
    )  # fmt: skip
    assert found.log_levels == (('', LoggingSeverity.DEBUG), ('a.b', LoggingSeverity.WARN))
    assert (found.enclave, found.rosout) == ('/x', False)
    assert rest == ['p', 'own', 'more']
    assert remove_ros_args(['p', '--ros-args', '-r', 'a:=b']) == ['p']


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['--nonsense'], '--nonsense'), (['-p'], 'needs a value'), (['-p', 'x=1'], 'name:=value'),
        (['-r', 'x'], 'from:=to'), (['--log-level', 'loud'], 'DEBUG'),
        (['--params-file', '/no/such.yaml'], '/no/such.yaml'), (['-p', 'x:=[1'], 'YAML'),
    ],
)  # fmt: skip
def test_mistakes_in_arguments_are_named(words, told):
    kind = UnknownROSArgsError if words == ['--nonsense'] else RCLInvalidROSArgsError
    with pytest.raises(kind, match=told):
        _arguments.parse(['p', '--ros-args', *words])
