"""Ctrl-C as a question that long work asks between its steps."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types
    from collections.abc import Callable


def stop_on_interrupt() -> Callable[[], bool]:
    """Return a question that Ctrl-C (or SIGTERM) answers with yes; a second one interrupts."""
    asked = False

    def ask(number: int, frame: types.FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return lambda: asked
