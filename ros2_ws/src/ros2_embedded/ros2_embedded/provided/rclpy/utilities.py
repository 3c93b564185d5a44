"""The default context, and what can be asked about a program."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from rclpy import _arguments
from rclpy.context import Context

_lock = threading.Lock()
_default: Context | None = None


def get_default_context(*, shutting_down: bool = False) -> Context:
    """Return the context that is used where none is named."""
    global _default
    with _lock:
        if _default is None:
            _default = Context()
        return _default


def remove_ros_args(args: Sequence[str] | None = None) -> list[str]:
    """Return a command line without the arguments of ROS."""
    return _arguments.parse(sys.argv if args is None else args)[1]


def ok(*, context: Context | None = None) -> bool:
    """Return whether the context is initialized and not shut down."""
    return (context or get_default_context()).ok()


def shutdown(*, context: Context | None = None) -> None:
    """Shut the context down; see :meth:`Context.shutdown`."""
    (context or get_default_context()).shutdown()


def try_shutdown(*, context: Context | None = None) -> None:
    """Shut the context down, if it is not."""
    (context or get_default_context()).try_shutdown()


def get_rmw_implementation_identifier() -> str:
    """Return what carries the messages; peers see Cyclone DDS."""
    return 'rmw_cyclonedds_cpp'


def get_available_rmw_implementations() -> set[str]:
    """Return what can carry the messages."""
    return {get_rmw_implementation_identifier()}


def timeout_sec_to_nsec(timeout_sec: float | None) -> int:
    """Return a timeout in nanoseconds; -1 for None or a negative one: without end."""
    return -1 if timeout_sec is None or timeout_sec < 0 else int(timeout_sec * 1e9)
