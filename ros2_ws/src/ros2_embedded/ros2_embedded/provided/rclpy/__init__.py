"""The part of rclpy that programs use, without ROS 2: see the README of ros2_embedded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rclpy.context import Context
from rclpy.parameter import Parameter
from rclpy.signals import (
    SignalHandlerOptions,
    install_signal_handlers,
    uninstall_signal_handlers,
)
from rclpy.task import Future
from rclpy.utilities import get_default_context, ok
from rclpy.utilities import try_shutdown as _try_shutdown

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

_global_executor: Executor | None = None


def init(
    *,
    args: Sequence[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: SignalHandlerOptions | None = None,
) -> None:
    """Join the domain.

    Args:
        args: Command line; None: that of the process.
        context: Context; None: the default one, which handles SIGINT and SIGTERM.
        domain_id: DDS domain; None: what ROS_DOMAIN_ID says.
        signal_handler_options: Which signals shut down.

    Raises:
        RuntimeError: It is initialized already, or an argument is not known.
    """
    chosen = context or get_default_context()
    if signal_handler_options is None:
        default = chosen is get_default_context()
        signal_handler_options = SignalHandlerOptions.ALL if default else SignalHandlerOptions.NO
    chosen.init(args, domain_id=domain_id)
    install_signal_handlers(signal_handler_options)


def _drop_global_executor() -> None:
    global _global_executor
    if _global_executor is not None:
        _global_executor.shutdown()
        _global_executor = None


def get_global_executor() -> Executor:
    """Return the executor that is used where none is named."""
    from rclpy.executors import SingleThreadedExecutor

    global _global_executor
    if _global_executor is None:
        _global_executor = SingleThreadedExecutor()
        context = _global_executor.context
        # Whoever shuts down in another thread ends rclpy.spin; a signal raises.
        _global_executor._silent = lambda: not context._signalled
        context.on_shutdown(_drop_global_executor)
    return _global_executor


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """Leave the domain.

    Raises:
        RuntimeError: It was not joined, or left already.
    """
    (context or get_default_context()).shutdown()
    _after_shutdown(context, uninstall_handlers)


def try_shutdown(
    *, context: Context | None = None, uninstall_handlers: bool | None = None
) -> None:
    """Leave the domain, if it was joined."""
    _try_shutdown(context=context)
    _after_shutdown(context, uninstall_handlers)


def _after_shutdown(context: Context | None, uninstall: bool | None) -> None:
    if uninstall or (uninstall is None and context is None):
        uninstall_signal_handlers()


def create_node(node_name: str, **options: Any) -> Node:  # noqa: ANN401
    """Return a new node; options as for :class:`rclpy.node.Node`."""
    from rclpy.node import Node

    return Node(node_name, **options)


@contextlib.contextmanager
def _working(node: Node, executor: Executor | None) -> Iterator[Executor]:
    """Let an executor, the global one by default, work for a node."""
    worker = executor or get_global_executor()
    try:
        worker.add_node(node)
        yield worker
    finally:
        worker.remove_node(node)


def spin_once(
    node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    """Do one piece of work of a node, or wait for it until the time is over."""
    with _working(node, executor) as worker:
        worker.spin_once(timeout_sec=timeout_sec)


def spin(node: Node, executor: Executor | None = None) -> None:
    """Work for a node until shutdown."""
    with _working(node, executor) as worker:
        while worker.context.ok():
            worker.spin_once()


def spin_until_future_complete(
    node: Node,
    future: Future,
    executor: Executor | None = None,
    timeout_sec: float | None = None,
) -> None:
    """Work for a node until a future is done, or the time is over."""
    with _working(node, executor) as worker:
        worker.spin_until_future_complete(future, timeout_sec)


__all__ = [
    'Context', 'Future', 'Parameter', 'SignalHandlerOptions', 'create_node', 'get_default_context',
    'get_global_executor', 'init', 'ok', 'shutdown', 'spin', 'spin_once',
    'spin_until_future_complete', 'try_shutdown',
]  # fmt: skip
