"""The ROS 2 nodes of claifo, in plain rclpy.

Where ROS 2 is absent, :mod:`ros2_embedded` provides `rclpy` and the messages; importing this
package arranges for that.
"""

from __future__ import annotations

import ros2_embedded
from claifo.resources import interfaces_dir

ros2_embedded.install([interfaces_dir()])
