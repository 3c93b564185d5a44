"""ROS 2 nodes where there is no ROS 2: `rclpy`, messages and `cv_bridge` over Cyclone DDS.

::

    import ros2_embedded
    ros2_embedded.install()
    import rclpy  # the real one where ROS 2 is sourced, else ours
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def install(interfaces: Sequence[Path] = ()) -> None:
    """Let Python find `rclpy` and the message packages.

    Where ROS 2 is sourced, it is used and nothing is installed. More calls add interfaces.

    Args:
        interfaces: Folders of interface packages of your own, with ``msg/`` and ``srv/``.

    Raises:
        ImportError: `rclpy` of ROS 2 is found, but message packages are not.
        InterfaceError: A definition cannot be read.
    """
    from ros2_embedded import finder

    finder.install(interfaces)


__all__ = ['install']
