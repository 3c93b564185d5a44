"""Who is asked and told when parameters of a node are set; the newest come first."""

from __future__ import annotations

from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult

from rclpy.parameter import Parameter

Change = Callable[[list[Parameter]], list[Parameter]]
Check = Callable[[list[Parameter]], SetParametersResult]
Tell = Callable[[list[Parameter]], None]


class ParameterCallbacks:
    """The part of a node that keeps these callbacks."""

    _ros_before: list[Change]
    _ros_checks: list[Check]
    _ros_after: list[Tell]

    def add_pre_set_parameters_callback(self, callback: Change) -> None:
        """Let ``callback`` change what is to be set, before it is checked."""
        self._ros_before.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Check) -> None:
        """Let ``callback`` refuse what is to be set."""
        self._ros_checks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: Tell) -> None:
        """Tell ``callback`` what was set."""
        self._ros_after.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Change) -> None:
        """Ask it no more."""
        self._ros_before.remove(callback)

    def remove_on_set_parameters_callback(self, callback: Check) -> None:
        """Ask it no more."""
        self._ros_checks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: Tell) -> None:
        """Tell it no more."""
        self._ros_after.remove(callback)
