"""Ending programs by signals: SIGINT and SIGTERM shut every context down."""

from __future__ import annotations

import signal
import threading
import types
from enum import Enum
from typing import Any

from rclpy.context import Context


class SignalHandlerOptions(Enum):
    """Which signals are handled."""

    NO = 0
    SIGINT = 1
    SIGTERM = 2
    ALL = 3

    @property
    def _numbers(self) -> tuple[int, ...]:
        numbers = ((self.SIGINT, signal.SIGINT), (self.SIGTERM, signal.SIGTERM))
        return tuple(number for option, number in numbers if self.value & option.value)


_earlier: dict[int, Any] = {}


def install_signal_handlers(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Shut down on the signals; outside the main thread Python allows no handlers."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in options._numbers:
        if number not in _earlier:
            _earlier[number] = signal.signal(number, _handle)


def uninstall_signal_handlers() -> None:
    """Put the earlier handlers back."""
    if threading.current_thread() is not threading.main_thread():
        return
    while _earlier:
        signal.signal(*_earlier.popitem())


def get_current_signal_handlers_options() -> SignalHandlerOptions:
    """Return which signals are handled."""
    return next(o for o in SignalHandlerOptions if set(o._numbers) == set(_earlier))


def _handle(number: int, frame: types.FrameType | None) -> None:
    """Shut down, and let an earlier handler of Python know (KeyboardInterrupt, for example)."""
    for context in list(Context._all):
        context._signalled = True
        context._end()
    earlier = _earlier.get(number)
    if callable(earlier):
        earlier(number, frame)
