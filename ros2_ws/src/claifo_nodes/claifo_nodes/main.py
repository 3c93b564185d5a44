"""Running one node as a program."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.executors import (
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from claifo.cli import guarded
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_LOOK_S, _REST_S = 0.1, 0.004


class Finished(Exception):  # noqa: N818 (it is no error)
    """Raised by a node that has done its work: the program ends."""

    def __init__(self, code: int = 0) -> None:
        """Take the exit code."""
        super().__init__(code)
        self.code = code


def run(
    factory: Callable[[], Node], threads: int = 1, rest: Callable[[Any], bool] | None = None
) -> int:
    """Run a node until it has finished, or is stopped by SIGINT or SIGTERM.

    Args:
        factory: Builds the node.
        threads: Callbacks that may run at the same time.
        rest: For a node that moves something: whatever ends the program, signals and errors, this
            is asked with the node every few milliseconds until it returns true, while the node
            goes on working; only then the node ends.

    Returns:
        The exit code: 0, what :class:`Finished` says, or 2 after an error that the user can solve
        (one line on standard error).
    """
    return guarded(lambda: _run(factory, threads, rest))


def _run(
    factory: Callable[[], Node], threads: int, rest: Callable[[Any], bool] | None
) -> int:
    asked = _listen() if rest else None
    _join(SignalHandlerOptions.NO if rest else SignalHandlerOptions.ALL)
    node = executor = None
    try:
        node = factory()
        executor = MultiThreadedExecutor(threads) if threads > 1 else SingleThreadedExecutor()
        executor.add_node(node)
        if asked and rest:
            _spin_to_rest(executor, lambda: rest(node), asked)
        else:
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


def _listen() -> threading.Event:
    """Return what is set when a signal asks for the end; further signals change nothing."""
    asked = threading.Event()
    for number in _ENDS:
        signal.signal(number, lambda _number, _frame: asked.set())
    return asked


def _spin_to_rest(executor: Executor, at_rest: Callable[[], bool], asked: threading.Event) -> None:
    """Spin until the end is asked for; then, and after any error, until all is at rest."""
    try:
        while not asked.is_set():
            executor.spin_once(timeout_sec=_LOOK_S)
    finally:
        while not at_rest():
            _work_on(executor)


def _work_on(executor: Executor) -> None:
    """Let callbacks run, and go on whatever they raise: the robot is to be brought to rest."""
    try:
        executor.spin_once(timeout_sec=_REST_S)
    except Exception:
        time.sleep(_REST_S)


def _join(signals: SignalHandlerOptions) -> None:
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
        rclpy.init(signal_handler_options=signals)
    except (RuntimeError, ValueError) as error:
        raise ClaifoError(' '.join(str(error).split())) from None
