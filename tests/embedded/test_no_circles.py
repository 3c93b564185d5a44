"""No module of ros2_embedded, and none that it provides, imports another in a circle."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))

from import_graph import circles, graph, modules  # noqa: E402

SOURCES = ROOT / 'ros2_ws' / 'src' / 'ros2_embedded'
PROVIDED = SOURCES / 'ros2_embedded' / 'provided'
PACKAGES = sorted(path.parent.name for path in PROVIDED.glob('*/__init__.py'))


@pytest.fixture(scope='module')
def imported():
    """What every module imports of the others; one graph, for a circle may cross packages."""
    known = modules(SOURCES, 'ros2_embedded')
    for package in PACKAGES:
        known |= modules(PROVIDED, package)
    return graph(known)


def test_no_module_reaches_itself(imported):
    assert circles(imported) == []


def test_the_graph_is_that_of_the_packages(imported):
    assert PACKAGES == ['cv_bridge', 'rclpy', 'rosidl_parser']
    assert {'rclpy.context', 'ros2_embedded.transport'} <= imported['rclpy.node']
    assert 'rclpy.node' in imported['rclpy'], 'an import in a function counts'
    assert 'cv_bridge.core' in imported['cv_bridge']
    assert 'ros2_embedded.finder' in imported['ros2_embedded']
