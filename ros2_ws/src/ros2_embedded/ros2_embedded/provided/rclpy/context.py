"""What all nodes of a program share: arguments, the DDS participant, the end."""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rclpy import _arguments, _protocols
from rclpy._discovery import Discovery
from rclpy.exceptions import NotInitializedException
from rclpy.impl import rcutils_logger
from rclpy.logging import set_logger_level
from ros2_embedded import transport


class Context:
    """The life of a ROS program, from init to shutdown."""

    # All that were initialized: signals end them.
    _all: ClassVar[weakref.WeakSet[Context]] = weakref.WeakSet()

    def __init__(self) -> None:
        """Start uninitialized."""
        self._participant: transport.Participant | None = None
        self._shut = threading.Event()
        self._shut.set()
        self._lock = threading.RLock()
        self._on_shutdown: list[Callable[[], None]] = []
        self._executors: weakref.WeakSet[_protocols.Executor] = weakref.WeakSet()
        self._arguments = _arguments.Arguments()
        self._signalled = False

    def init(
        self,
        args: Sequence[str] | None = None,
        *,
        initialize_logging: bool = True,
        domain_id: int | None = None,
    ) -> None:
        """Join the domain.

        Args:
            args: Command line; None: that of the process.
            initialize_logging: Set the log levels that the arguments name.
            domain_id: DDS domain; None: what ROS_DOMAIN_ID says.

        Raises:
            RuntimeError: It is initialized already, or the domain cannot be joined.
            UnknownROSArgsError: An argument after --ros-args is not known.
        """
        with self._lock:
            if self.ok():
                raise RuntimeError('Context.init() must only be called once')
            if domain_id is not None and domain_id < 0:
                raise RuntimeError(f'Domain id ({domain_id}) should not be lower than zero.')
            self._close()
            self._arguments, _ = _arguments.parse(sys.argv if args is None else args)
            if initialize_logging:
                for name, level in self._arguments.log_levels:
                    set_logger_level(name, level)
                rcutils_logger.console = self._arguments.console
            self._participant = transport.Participant(domain_id, self._arguments.enclave)
            self._discovery = Discovery(self._participant)
            self._signalled = False
            self._shut.clear()
            self._all.add(self)
            atexit.register(self._close)

    def _joined(self) -> transport.Participant:
        if self._participant is None:
            raise NotInitializedException
        return self._participant

    def ok(self) -> bool:
        """Return whether it is initialized and not shut down."""
        return not self._shut.is_set()

    def get_domain_id(self) -> int:
        """Return the number of the DDS domain."""
        return self._joined().domain_id

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` at shutdown."""
        self._on_shutdown.append(callback)

    def shutdown(self) -> None:
        """Leave the domain; nodes stop working.

        Raises:
            RuntimeError: It is not initialized, or shut down already.
        """
        if not self.ok():
            raise RuntimeError('Context must be initialized before it can be shutdown')
        self.try_shutdown()

    def try_shutdown(self) -> None:
        """Leave the domain, if it was joined."""
        self._end()
        self._close()

    def destroy(self) -> None:
        """Leave the domain."""
        self.try_shutdown()

    def _end(self) -> None:
        """Let everybody know that it is over; may be called by a signal handler."""
        if self._shut.is_set():
            return
        self._shut.set()
        callbacks, self._on_shutdown = self._on_shutdown, []
        for callback in callbacks:
            callback()
        for executor in list(self._executors):
            executor.wake()

    def _close(self) -> None:
        self._shut.set()
        if self._participant is not None:
            self._participant.close()
            self._participant = None
            atexit.unregister(self._close)

    def track_node(self, node: Any) -> None:  # noqa: ANN401
        """Let others in the domain know of a node."""
        self._discovery.add(node)

    def untrack_node(self, node: Any) -> None:  # noqa: ANN401
        """Let others know that it has gone."""
        self._discovery.remove(node)

    def __enter__(self) -> Context:
        """Initialize, if that has not been done."""
        if not self.ok():
            self.init()
        return self

    def __exit__(self, *_: object) -> None:
        """Shut down."""
        self.try_shutdown()
