"""What parts of rclpy that know each other ask of the part above them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Executor(Protocol):
    """What contexts and futures ask of :class:`rclpy.executors.Executor`."""

    def wake(self) -> None:
        """End the present wait."""

    def create_task(self, callback: Callable[..., Any], *args: Any) -> object:  # noqa: ANN401
        """Run a function."""


class Node(Protocol):
    """What executors ask of :class:`rclpy.node.Node`."""

    executor: Any
    _ros_event_handlers: list[Any]

    def _ros_readers(self) -> list[Any]: ...

    def _ros_polled(self) -> list[Any]: ...

    def _ros_forget_executor(self) -> None: ...
