"""Real DDS for every test: on this machine only, in a domain of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(
    0, str(Path(__file__).parents[2] / 'ros2_ws' / 'src' / 'ros2_embedded' / 'tests')
)

# Before anything joins a domain.
import own_domain  # noqa: F401

# isort: split
import claifo_nodes  # noqa: F401 (provides rclpy where ROS 2 is absent)

# isort: split
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def nodes(monkeypatch):
    """Every node of a test, destroyed after it; rclpy is shut down then."""
    made = []
    begin = Node.__init__

    def remembered(node, *args, **settings):
        made.append(node)
        begin(node, *args, **settings)

    monkeypatch.setattr(Node, '__init__', remembered)
    yield made
    try:
        for node in made:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


@pytest.fixture
def ros():
    """Initialise rclpy, also once more, with these parameters for every node."""

    def start(parameters=None, *, remap=None):
        rclpy.try_shutdown()
        words = ['test', '--ros-args']
        for name, value in (parameters or {}).items():
            words += ['-p', f'{name}:={json.dumps(value)}']
        for old, new in (remap or {}).items():
            words += ['-r', f'{old}:={new}']
        rclpy.init(args=words)

    return start


class Spinner:
    """Nodes in one executor."""

    def __init__(self, *nodes):
        self.executor = SingleThreadedExecutor()
        for node in nodes:
            self.executor.add_node(node)

    def until(self, done, patience_s=PATIENCE_S):
        """Spin until ``done()`` is true, and return that."""
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s:
            if found := done():
                return found
            self.executor.spin_once(timeout_sec=0.02)
        raise AssertionError('it did not come to pass')

    def rest(self, seconds=0.3):
        """Spin for a while in which nothing is expected."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.02)


@pytest.fixture
def spin():
    """Return the class that spins nodes together."""
    return Spinner
