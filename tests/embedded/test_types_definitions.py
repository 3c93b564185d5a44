"""Definitions: packages of an application, constants, default values, hashes, names."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ros2_embedded import types
from ros2_embedded.messages import message_class

ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / 'ros2_ws' / 'src' / 'ros2_embedded'


def package(folder: Path, name: str, **definitions: str) -> Path:
    """Write an interface package; `Thing_srv` is a service."""
    for key, text in definitions.items():
        stem, _, kind = key.partition('_')
        path = folder / name / (kind or 'msg') / f'{stem}.{kind or "msg"}'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / name


def test_package_of_an_application(tmp_path):
    text = """
    # a comment with words = and 3 numbers
    uint8 FIRST=0   # constant
    string WAITING=waiting
    string QUOTED="two words"
    byte HIGH=255
    float32 HALF=0.5
    bool YES=true
    int32 plain
    Inner inner     # of the same package
    string<=5[<=2] short
    geometry_msgs/Point[2] corners
    """
    types.add_package(package(tmp_path, 'own_msgs', Outer=text, Inner='float64 x'))
    outer = message_class('own_msgs/msg/Outer')
    constants = (outer.FIRST, outer.WAITING, outer.QUOTED, outer.HIGH, outer.HALF, outer.YES)
    assert constants == (0, 'waiting', 'two words', b'\xff', 0.5, True)
    assert outer.get_fields_and_field_types() == {
        'plain': 'int32',
        'inner': 'own_msgs/Inner',
        'short': 'sequence<string<5>, 2>',
        'corners': 'geometry_msgs/Point[2]',
    }
    assert 'own_msgs' in types.packages()
    assert types.names('own_msgs', 'msg') == ['Inner', 'Outer']
    assert types.names('own_msgs', 'srv') == []


def test_default_values(tmp_path):
    text = """
    int32 count -3   # with a comment
    float64 rate 30
    float32 tiny 1e-3
    bool on true
    byte octet 50
    string name "a # b"
    string word plain
    string quoted 'it\\'s "so"'  # with quotes
    float64[] gains [1, 2.5]
    int8[2] pair [4, -5]
    string[] names ['x', 'y']
    int32 none
    """
    types.add_package(package(tmp_path, 'default_msgs', Thing=text))
    kind = message_class('default_msgs/msg/Thing')
    thing = kind()
    values = (thing.count, thing.rate, thing.tiny, thing.on, thing.name, thing.word, thing.none)
    assert values == (-3, 30.0, 1e-3, True, 'a # b', 'plain', 0)
    assert thing.quoted == 'it\'s "so"'
    assert thing.octet == b'2'
    assert isinstance(thing.rate, float)
    assert list(thing.gains) == [1.0, 2.5]
    assert list(thing.pair) == [4, -5]
    assert thing.names == ['x', 'y']
    thing.names.append('z')
    thing.gains.append(3.0)
    assert kind().names == ['x', 'y']
    assert list(kind().gains) == [1.0, 2.5]


def test_services(tmp_path):
    text = 'uint8 ADD=1\nuint8 kind\n---\nstring ERROR=error\n---\n'
    folder = package(tmp_path, 'own_srvs', Both_srv='int8 a\n---\nint8 b', Half_srv=text[:-4])
    types.add_package(folder)
    assert types.names('own_srvs', 'srv') == ['Both', 'Half']
    request, response = (message_class(f'own_srvs/srv/Half_{n}') for n in ('Request', 'Response'))
    assert (request.ADD, response.ERROR) == (1, 'error')
    assert list(request.get_fields_and_field_types()) == ['kind']
    assert response.get_fields_and_field_types() == {}


def test_a_package_can_be_added_twice_but_not_changed(tmp_path):
    folder = package(tmp_path, 'same_msgs', Thing='int32 x')
    types.add_package(folder)
    types.add_package(folder)
    with pytest.raises(types.InterfaceError, match=r"'same_msgs/msg/Thing'.*different definition"):
        types.add_package(package(tmp_path, 'same_msgs', Thing='int32 y'))


@pytest.mark.parametrize(
    ('definition', 'words'),
    [
        ({'Thing': 'int32'}, 'Thing.msg: not a definition'),
        ({'Thing': 'int32 x\n<<<<<<< HEAD\n'}, 'Thing.msg: not a definition'),
        ({'Thing': 'int32 x [1'}, 'Thing.msg: not a definition'),
        ({'Thing': 'Missing x'}, 'Thing.x is of the unknown type bad_msgs/msg/Missing'),
        ({'Thing': 'wstring x'}, 'Thing.x is of the unknown type bad_msgs/msg/wstring'),
        ({'Thing': 'float64 x fast'}, 'Thing.msg: not a definition'),
        ({'Thing': 'int32 x\nint32 x'}, 'Thing has two fields named x'),
        ({'Thing_srv': 'int32 x'}, 'Thing.srv: no line ---'),
        ({}, 'has no msg/'),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_definitions_are_refused_in_one_line(tmp_path, definition, words):
    folder = package(tmp_path, 'bad_msgs', **definition)
    with pytest.raises(types.InterfaceError) as caught:
        types.add_package(folder)
    assert str(folder) in str(caught.value)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)
    assert 'bad_msgs' not in types.packages()


def test_a_file_that_is_no_text_is_refused(tmp_path):
    folder = package(tmp_path, 'binary_msgs', Thing='')
    (folder / 'msg' / 'Thing.msg').write_bytes(b'int32 \xff')
    with pytest.raises(types.InterfaceError, match=r'Thing\.msg: cannot be read'):
        types.add_package(folder)


def test_interfaces_of_claifo():
    types.add_package(ROOT / 'ros2_ws' / 'src' / 'claifo_msgs')
    step = message_class('claifo_msgs/msg/TimeStep')
    assert (step.FIRST, step.MID, step.LAST) == (0, 1, 2)
    assert message_class('claifo_msgs/msg/LearnerStatus').WAITING == 'waiting'


def test_hash_of_a_standard_message():
    """As `ros2 topic info -v` of jazzy prints it."""
    known = 'RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18'
    assert types.type_hash('std_msgs/msg/String') == known


def described(typename: str, **fields: tuple[int, str]) -> dict[str, object]:
    return {
        'type_name': typename,
        'fields': [
            {
                'name': name,
                'type': {
                    'type_id': number,
                    'capacity': 0,
                    'string_capacity': 0,
                    'nested_type_name': nested,
                },
            }
            for name, (number, nested) in fields.items()
        ],
    }


def test_hash_of_an_own_message(tmp_path):
    """RIHS01 (REP 2016): SHA-256 of the type's description as JSON."""
    types.add_package(package(tmp_path, 'hash_msgs', Thing='std_msgs/Header header\nbool[] on'))
    header = described(
        'std_msgs/msg/Header', stamp=(1, 'builtin_interfaces/msg/Time'), frame_id=(17, '')
    )
    description = {
        'type_description': described(
            'hash_msgs/msg/Thing', header=(1, 'std_msgs/msg/Header'), on=(144 + 15, '')
        ),
        'referenced_type_descriptions': [
            described('builtin_interfaces/msg/Time', sec=(6, ''), nanosec=(7, '')),
            header,
        ],
    }
    digest = hashlib.sha256(json.dumps(description).encode()).hexdigest()
    assert types.type_hash('hash_msgs/msg/Thing') == f'RIHS01_{digest}'


@pytest.mark.parametrize(
    ('typename', 'name'),
    [
        ('sensor_msgs/msg/Image', 'sensor_msgs::msg::dds_::Image_'),
        ('std_srvs/srv/SetBool_Request', 'std_srvs::srv::dds_::SetBool_Request_'),
    ],
)
def test_names_on_the_wire(typename, name):
    assert types.mangled(typename) == name


def in_distro(name: str, code: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {'ROS_DISTRO': name, 'PYTHONPATH': str(PROVIDER)}
    command = [sys.executable, '-c', f'from ros2_embedded import types; {code}']
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(('name', 'hashed', 'gid'), [('humble', '', 24), ('iron', 'RIHS01', 16)])
def test_releases_differ(name, hashed, gid):
    code = (
        "print(types.type_hash('std_msgs/msg/String')[:6], "
        "types.fields('rmw_dds_common/msg/Gid')[0][1][1][1], "
        "'GetLoggerLevels' in types.names('rcl_interfaces', 'srv'))"
    )
    done = in_distro(name, code)
    assert done.stdout.split(' ') == [hashed, str(gid), f'{bool(hashed)}\n'], done.stderr


def test_an_unknown_release_is_refused():
    done = in_distro('indigo', '')
    assert done.returncode
    line = done.stderr.splitlines()[-1]
    assert "ROS_DISTRO is 'indigo'" in line
    assert 'humble, iron, jazzy' in line
