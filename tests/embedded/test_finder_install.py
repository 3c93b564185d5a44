"""Which packages Python finds, with ROS 2 sourced, half sourced, and absent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / 'ros2_ws' / 'src' / 'ros2_embedded'
INTERFACES = ROOT / 'ros2_ws' / 'src' / 'claifo_msgs'
LOCAL = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
INSTALL = 'import ros2_embedded; ros2_embedded.install()'


def python(code: str, *paths: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (*paths, PROVIDER)))
    return subprocess.run(
        [sys.executable, '-c', code], env=os.environ | LOCAL | {'PYTHONPATH': path}, cwd=cwd,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def printed(code: str, *paths: Path) -> str:
    done = python(code, *paths)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def refused(code: str, *paths: Path, cwd: Path | None = None) -> str:
    done = python(code, *paths, cwd=cwd)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip().splitlines()[-1]


def fake(folder: Path, *names: str) -> Path:
    """A ROS 2 with these packages, each of which says so when it is imported."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / '__init__.py').write_text(f"ORIGIN = 'real {name}'\n")
    return folder


PROVIDED = [
    'import rclpy; rclpy.init',
    'from rclpy.node import Node',
    'from rclpy.qos import qos_profile_sensor_data',
    'from sensor_msgs.msg import Image; Image(height=2)',
    'import std_srvs.srv; std_srvs.srv.SetBool.Request(data=True)',
    'from std_srvs import srv; srv.Trigger.Response()',
    'import sensor_msgs.msg; dir(sensor_msgs.msg).index("Image")',
    'from lifecycle_msgs.srv import ChangeState',
    'from sensor_msgs.srv import SetCameraInfo',
    'from cv_bridge import CvBridge, CvBridgeError',
    'import rclpy.lifecycle, rclpy.executors',
]
NOT_PROVIDED = {
    'from sensor_msgs.msg import Imagee': "ImportError: cannot import name 'Imagee'",
    'from std_srvs.srv import Missing': "ImportError: cannot import name 'Missing'",
    'import std_srvs.msg': "ModuleNotFoundError: No module named 'std_srvs.msg'",
    'import sensor_msgs.action': "ModuleNotFoundError: No module named 'sensor_msgs.action'",
    'import rclpy.action': 'ModuleNotFoundError: ros2_embedded has no rclpy.action; it',
    'from rclpy import action': "ImportError: cannot import name 'action' from 'rclpy'",
    'import cv_bridge.boost': 'ModuleNotFoundError: ros2_embedded has no cv_bridge.boost; it',
    'import other_msgs.msg': "ModuleNotFoundError: No module named 'other_msgs'",
    'import sensor_msgs.msg as m; m.Imagee': 'AttributeError: module sensor_msgs.msg has no',
}


def test_what_is_provided_and_what_is_not():
    """One process for all of them: starting Python takes longer than the imports."""
    code = (
        f'{INSTALL}\n'
        f'for line in {[*PROVIDED, *NOT_PROVIDED]!r}:\n'
        '    try: exec(line)\n'
        '    except Exception as error: print(f"{type(error).__name__}: {error}")\n'
        '    else: print("ok")\n'
    )
    found = printed(code).splitlines()
    assert found[: len(PROVIDED)] == ['ok'] * len(PROVIDED)
    for line, expected in zip(found[len(PROVIDED) :], NOT_PROVIDED.values(), strict=True):
        assert line.startswith(expected)


def test_nothing_is_provided_before_install():
    assert 'ModuleNotFoundError' in refused('import ros2_embedded, rclpy')


def test_own_interfaces_also_in_a_second_call():
    code = (
        f'{INSTALL}; from pathlib import Path; import sys; count = len(sys.meta_path)\n'
        f'for _ in range(2): ros2_embedded.install([Path({str(INTERFACES)!r})])\n'
        'from claifo_msgs.msg import TimeStep; from claifo_msgs.srv import SetDomain\n'
        'import rclpy; ros2_embedded.install()\n'
        'print(TimeStep.LAST, SetDomain.Request(domain="d").domain, len(sys.meta_path) - count)'
    )
    assert printed(code) == '2 d 0'


def test_a_sourced_ros_wins_and_nothing_else_is_loaded(tmp_path):
    ros = fake(tmp_path, 'rclpy', 'sensor_msgs', 'cv_bridge')
    code = (
        f'import sys; before = len(sys.meta_path); {INSTALL}\n'
        'import rclpy, sensor_msgs, cv_bridge\n'
        'print(rclpy.ORIGIN, sensor_msgs.ORIGIN, cv_bridge.ORIGIN)\n'
        'print(len(sys.meta_path) - before, "rosbags" in sys.modules, "cyclonedds" in sys.modules)'
    )
    assert printed(code, ros).splitlines() == [
        'real rclpy real sensor_msgs real cv_bridge', '0 False False'
    ]  # fmt: skip


def test_our_rclpy_is_not_taken_for_a_sourced_one():
    code = f'{INSTALL}; import rclpy; ros2_embedded.install(); print(rclpy.__file__)'
    assert str(PROVIDER) in printed(code)


@pytest.mark.parametrize(
    ('present', 'missing'),
    [
        (['rclpy'], 'sensor_msgs is not found'),
        (['rclpy', 'sensor_msgs'], 'claifo_msgs is not found'),
        (['sensor_msgs'], 'but rclpy is not found'),
    ],
)
def test_a_ros_that_is_half_sourced_is_refused(tmp_path, present, missing):
    ros = fake(tmp_path, *present)
    code = (
        'import ros2_embedded, pathlib; '
        f'ros2_embedded.install([pathlib.Path({str(INTERFACES)!r})])'
    )
    line = refused(code, ros)
    assert line.startswith('ImportError: ROS 2 is only half set up: ')
    assert missing in line
    assert str(ros / present[-1 if present[0] == 'sensor_msgs' else 0]) in line


def test_a_folder_that_hides_a_package_is_told():
    """Python takes a mere folder for a package: here it would hide the messages."""
    code = (
        'import ros2_embedded, pathlib; '
        f'ros2_embedded.install([pathlib.Path({str(INTERFACES)!r})])'
    )
    line = refused(code, cwd=INTERFACES.parent)
    assert f'{INTERFACES} is a folder on the path of Python and hides' in line


def test_a_broken_definition_is_told(tmp_path):
    (tmp_path / 'bad_msgs' / 'msg').mkdir(parents=True)
    (tmp_path / 'bad_msgs' / 'msg' / 'Thing.msg').write_text('int32\n')
    code = (
        'import ros2_embedded, pathlib; '
        f'ros2_embedded.install([pathlib.Path({str(tmp_path / "bad_msgs")!r})])'
    )
    assert 'InterfaceError' in refused(code)


def test_the_example_in_the_readme():
    text = (PROVIDER / 'README.md').read_text()
    code = text.partition('```python\n')[2].partition('```')[0]
    assert printed(f'{code}\nprint(node.get_name())') == 'talker'
