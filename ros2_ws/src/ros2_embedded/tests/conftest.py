"""Real DDS in a domain of its own; rclpy is shut down after each test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import own_domain  # noqa: F401 (chooses the domain)

import ros2_embedded

ros2_embedded.install()

import rclpy  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402


@pytest.fixture
def ros():
    """Return rclpy, initialised; nodes may be left to the shutdown."""
    rclpy.init(args=[])
    yield rclpy
    rclpy.try_shutdown()


@pytest.fixture
def start():
    """Initialise rclpy with a command line."""

    def begin(*words):
        rclpy.init(args=['program', '--ros-args', *words])

    yield begin
    rclpy.try_shutdown()


@pytest.fixture
def until():
    """Spin nodes until a question is answered with yes."""

    def spin(nodes, done, tries=1000, executor=None):
        worker = executor or SingleThreadedExecutor()
        for node in nodes:
            worker.add_node(node)
        try:
            for _ in range(tries):
                if done():
                    return
                worker.spin_once(timeout_sec=0.02)
            raise AssertionError('it did not come to pass')
        finally:
            worker.shutdown()

    return spin
