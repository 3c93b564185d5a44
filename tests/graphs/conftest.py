"""Graphs in a domain of their own, on this machine only."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / 'nodes'))
sys.path.insert(
    0, str(Path(__file__).parents[2] / 'ros2_ws' / 'src' / 'ros2_embedded' / 'tests')
)

import own_domain  # noqa: F401 (chooses the domain)

import claifo_nodes  # noqa: F401 (provides rclpy where ROS 2 is absent)
