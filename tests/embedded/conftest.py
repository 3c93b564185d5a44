"""In a domain of its own, with the messages of claifo."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).parents[2] / 'ros2_ws' / 'src' / 'ros2_embedded' / 'tests')
)

import own_domain  # noqa: F401 (chooses the domain)

import ros2_embedded

ros2_embedded.install([Path(__file__).parents[2] / 'ros2_ws' / 'src' / 'claifo_msgs'])
