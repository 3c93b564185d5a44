"""Which room may import what, and what no room may do (docs/design.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    'claifo': ROOT / 'claifo',
    'claifo_core': ROOT / 'claifo_core',
    'claifo_nodes': ROOT / 'ros2_ws' / 'src' / 'claifo_nodes' / 'claifo_nodes',
    'claifo_sim': ROOT / 'sim' / 'claifo_sim',
    'ros2_embedded': ROOT / 'ros2_ws' / 'src' / 'ros2_embedded' / 'ros2_embedded',
}
ROS = {
    'rclpy', 'rosbag2_py', 'sensor_msgs', 'std_msgs', 'cv_bridge', 'rosidl_runtime_py',
    'claifo_msgs', 'claifo_nodes', 'ros2_embedded',
}  # fmt: skip
SIMULATORS = {'mujoco', 'dm_control', 'dm_env', 'gymnasium', 'gymnasium_robotics', 'robosuite'}
FORBIDDEN = {
    'claifo_core': {'claifo', 'claifo_sim', 'rosbags'} | ROS | SIMULATORS,
    'claifo_sim': {'claifo', 'claifo_core', 'rosbags', 'torch'} | ROS,
    'claifo': ROS,
    'claifo_nodes': SIMULATORS,
    'ros2_embedded': {'claifo', 'claifo_core', 'claifo_nodes', 'claifo_sim', 'torch'} | SIMULATORS,
}
# Each of these runs code that a file holds.
UNPICKLES = {'pickle', 'cloudpickle', 'dill', 'joblib', 'shelve', 'marshal'}
UNSAFE_CALLS = {
    ('torch', 'load'), ('torch', 'save'), ('yaml', 'load'), ('yaml', 'load_all'),
    ('yaml', 'unsafe_load'), ('yaml', 'full_load'),
}  # fmt: skip
MAX_LINES = 420
"""An alarm: a file this long has more than one idea."""

FILES = [
    pytest.param(package, path, id=str(path.relative_to(ROOT)))
    for package, folder in PACKAGES.items()
    for path in sorted(folder.rglob('*.py'))
]
OTHER_FILES = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for folder in ('tests', 'benchmarks', 'launch', 'scripts')
    for path in sorted((ROOT / folder).rglob('*.py'))
]


def imports(tree: ast.AST) -> set[str]:
    """The top-level names of all absolute imports, those inside functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition('.')[0])
    return found


def unsafe(tree: ast.AST) -> list[str]:
    found = [f'import {name}' for name in imports(tree) & UNPICKLES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in UNSAFE_CALLS:
                found.append(f'{node.value.id}.{node.attr} in line {node.lineno}')
        if isinstance(node, ast.keyword) and node.arg == 'allow_pickle':
            if getattr(node.value, 'value', True) is not False:
                found.append(f'allow_pickle in line {node.value.lineno}')
    return found


def test_every_package_was_found():
    assert {parameters.values[0] for parameters in FILES} == set(PACKAGES)


@pytest.mark.parametrize(('package', 'path'), FILES)
def test_import_direction(package, path):
    crossing = imports(ast.parse(path.read_text())) & FORBIDDEN[package]
    assert not crossing, f'{package} must not import {crossing}'


@pytest.mark.parametrize(('package', 'path'), FILES)
def test_file_is_small(package, path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize(('package', 'path'), FILES)
def test_nothing_is_unpickled(package, path):
    assert not unsafe(ast.parse(path.read_text()))


@pytest.mark.parametrize('path', OTHER_FILES)
def test_nothing_is_unpickled_around_the_packages(path):
    assert not unsafe(ast.parse(path.read_text()))


@pytest.mark.parametrize(
    'line',
    ['import pickle', 'from dill import loads', 'torch.load(path)', 'yaml.load(text, Loader)',
     'np.load(path, allow_pickle=True)', 'np.load(path, allow_pickle=flag)'],
)  # fmt: skip
def test_the_check_sees_what_it_should(line):
    assert unsafe(ast.parse(line))
    assert not unsafe(ast.parse('yaml.safe_load(text); np.load(path, allow_pickle=False)'))
