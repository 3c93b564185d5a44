"""What can be destroyed, and then not be used."""

from __future__ import annotations

from rclpy._rclpy_pybind11 import InvalidHandle


class Destroyable:
    """Something that is given back by ``destroy``."""

    _ros_destroyed = False

    def _ros_use(self) -> None:
        """Pass, unless it was destroyed.

        Raises:
            InvalidHandle: It was.
        """
        if self._ros_destroyed:
            raise InvalidHandle('cannot use Destroyable because destruction was requested')
