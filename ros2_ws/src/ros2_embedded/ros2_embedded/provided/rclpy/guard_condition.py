"""Waking an executor by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup


class GuardCondition:
    """Runs its callback in the executor after :meth:`trigger`."""

    def __init__(
        self,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None,
        wake: Callable[[], None],
    ) -> None:
        """Take the callback, and how to wake the executor."""
        self.callback, self.callback_group = callback, callback_group
        self._wake = wake
        self._triggered = False

    def trigger(self) -> None:
        """Let the callback run."""
        self._triggered = True
        self._wake()

    def destroy(self) -> None:
        """Forget the callback."""
        self.callback = None

    def _ready(self) -> bool:
        return self._triggered

    def _execute(self) -> Any:  # noqa: ANN401
        self._triggered = False
        return self.callback() if self.callback else None
