"""How long work ends: Ctrl-C as a question between its steps, and children with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


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


def die_with(parent: int, number: int) -> None:
    """Let the kernel end this process when the one that started it is gone.

    Args:
        parent: Process id of that one.
        number: The signal that ends it.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # gone already
        os.kill(os.getpid(), number)
