"""Running one node as a program."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import (
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)
from rclpy.utilities import remove_ros_args

from claifo.cli import guarded
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node


class Finished(Exception):  # noqa: N818 (it is no error)
    """Raised by a node that has done its work: the program ends."""

    def __init__(self, code: int = 0) -> None:
        """Take the exit code."""
        super().__init__(code)
        self.code = code


def run(factory: Callable[[], Node], threads: int = 1) -> int:
    """Run a node until it has finished, or is stopped by SIGINT or SIGTERM.

    Args:
        factory: Builds the node.
        threads: Callbacks that may run at the same time.

    Returns:
        The exit code: 0, what :class:`Finished` says, or 2 after an error that the user can solve
        (one line on standard error).
    """
    return guarded(lambda: _run(factory, threads))


def _run(factory: Callable[[], Node], threads: int) -> int:
    _join()
    node = executor = None
    try:
        node = factory()
        executor = MultiThreadedExecutor(threads) if threads > 1 else SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except Finished as finished:
        return finished.code
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RuntimeError:
        if rclpy.ok():  # else a call was under way when a signal shut rclpy down
            raise
    finally:
        _leave(executor, node)
    return 0


def _leave(executor: Executor | None, node: Node | None) -> None:
    """Stop being part of the graph; who asks once more by Ctrl-C does not cut this short."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if executor:
        executor.shutdown()
    if node:
        node.destroy_node()
    with contextlib.suppress(RuntimeError):  # a signal was faster
        rclpy.try_shutdown()


def _join() -> None:
    """Begin to be part of a ROS graph.

    Raises:
        ClaifoError: The command line has words that ROS does not know.
    """
    try:
        if words := remove_ros_args(sys.argv)[1:]:
            raise ClaifoError(
                f'unknown argument {words[0]}; nodes take ROS arguments only: '
                '--ros-args -p name:=value -r from:=to'
            )
        rclpy.init()
    except (RuntimeError, ValueError) as error:
        raise ClaifoError(' '.join(str(error).split())) from None
