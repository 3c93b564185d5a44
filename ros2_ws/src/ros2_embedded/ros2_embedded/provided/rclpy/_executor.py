"""What all executors share: waiting for work and doing it."""

from __future__ import annotations

import inspect
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy import _protocols
from rclpy.clock import ROSClock
from rclpy.context import Context
from rclpy.task import Future, Task
from rclpy.utilities import get_default_context
from ros2_embedded import transport

# How often executors ask endpoints for events: DDS offers no cheap way to be woken by them.
_EVENTS_S = 0.1


async def await_or_execute(callback: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401
    """Return what a function or a coroutine function returns."""
    return await callback(*args) if inspect.iscoroutinefunction(callback) else callback(*args)


class TimeoutException(Exception):
    """Nothing happened in the time given."""


class ShutdownException(Exception):
    """The executor was shut down."""


class ExternalShutdownException(Exception):
    """The context was shut down, by a signal for example."""

    def __init__(self, *args: object) -> None:
        """Say so."""
        super().__init__(*(args or ('Context has been shut down',)))


class ConditionReachedException(Exception):
    """The condition that was waited for holds."""


class Executor:
    """What all executors share."""

    def __init__(self, *, context: Context | None = None) -> None:
        """Start without nodes.

        Raises:
            NotInitializedException: The context is not initialized.
        """
        self._context = context or get_default_context()
        participant = self._context._joined()
        self._nodes: list[_protocols.Node] = []
        self._waitset, self._guard = participant.waitset(), participant.guard()
        self._waitset.attach(self._guard)
        self._by_reader: dict[transport.Reader, Any] = {}
        self._polled: list[Any] = []
        self._events: list[Any] = []
        self._events_s = 0.0
        self._ready: deque[Any] = deque()
        self._tasks: deque[Task] = deque()
        self._changed, self._is_shutdown = True, False
        self._lock = threading.RLock()
        self._context._executors.add(self)

    @property
    def context(self) -> Context:
        """The context of all its nodes."""
        return self._context

    def add_node(self, node: _protocols.Node) -> bool:
        """Work for a node; return whether it is new here."""
        with self._lock:
            if node in self._nodes:
                return False
            self._nodes.append(node)
        node.executor = self
        self._change()
        return True

    def remove_node(self, node: _protocols.Node) -> None:
        """Work for it no more."""
        with self._lock:
            if node not in self._nodes:
                return
            self._nodes.remove(node)
        if node.executor is self:
            node._ros_forget_executor()
        self._change()

    def get_nodes(self) -> list[_protocols.Node]:
        """Return the nodes."""
        return list(self._nodes)

    def wake(self) -> None:
        """End the present wait."""
        self._guard.trigger()

    def _change(self) -> None:
        """Note that nodes have other entities now."""
        self._changed = True
        self.wake()

    def create_task(self, callback: Any, *args: Any, **kwargs: Any) -> Task:  # noqa: ANN401
        """Run a function or coroutine in this executor."""
        task = Task(callback, args, kwargs, executor=self)
        self._tasks.append(task)
        self.wake()
        return task

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop; return whether all work has ended."""
        self._is_shutdown = True
        self.wake()
        for node in self.get_nodes():
            self.remove_node(node)
        return True

    def __enter__(self) -> Executor:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Shut down."""
        self.shutdown()

    def spin(self) -> None:
        """Work until shutdown.

        Raises:
            ExternalShutdownException: The context was shut down while it waited; no executor of
                several threads, and no `rclpy.spin` that another thread ends, raises it.
        """
        while self._context.ok() and not self._is_shutdown:
            self.spin_once()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for work and do one piece of it.

        Args:
            timeout_sec: Longest wait; None or below 0: without end.

        Raises:
            ExternalShutdownException: The context was shut down.
        """
        self._spin(timeout_sec, lambda: False)

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Work until a future is done, or the time is over."""
        future.add_done_callback(lambda _: self.wake())
        end = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        while self._context.ok() and not future.done() and not self._is_shutdown:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            self._spin(left, future.done)

    def spin_once_until_future_complete(
        self, future: Future, timeout_sec: float | None = None
    ) -> None:
        """Do one piece of work, unless a future is done."""
        future.add_done_callback(lambda _: self.wake())
        self._spin(timeout_sec, future.done)

    def _spin(self, timeout_s: float | None, done: Callable[[], bool]) -> None:
        """Do one piece of work; return early when ``done``, or after the time."""
        end = None if timeout_s is None or timeout_s < 0 else time.monotonic() + timeout_s
        waited = False
        while not done():
            if self._work():
                return
            if not self._context.ok():
                if self._silent():
                    return
                raise ExternalShutdownException
            if self._is_shutdown or (waited and end is not None and time.monotonic() >= end):
                return
            self._wait(None if end is None else end - time.monotonic())
            waited = True

    def _silent(self) -> bool:
        """Return whether the end of the context is no exception."""
        return False

    def _work(self) -> bool:
        """Do one piece of work that is there; return whether there was any."""
        raise NotImplementedError

    def _update(self) -> None:
        """Look at what entities the nodes have now."""
        with self._lock:
            self._changed = False
            readers = {e._reader: e for node in self._nodes for e in node._ros_readers()}
            self._polled = [e for node in self._nodes for e in node._ros_polled()]
            self._events = [e for node in self._nodes for e in node._ros_event_handlers]
        for reader in self._by_reader.keys() - readers.keys():
            self._waitset.detach(reader)
        for reader in readers.keys() - self._by_reader.keys():
            self._waitset.attach(reader)
        self._by_reader = readers
        present = set(readers.values())
        self._ready = deque(e for e in self._ready if e in present)

    def _wait(self, timeout_s: float | None) -> None:
        """Wait for readers, timers, or a wake."""
        if self._changed:
            self._update()
        free = (entity for entity in self._polled if self._free(entity))
        spans = [s for s in map(_time_left_s, free) if s is not None]
        if timeout_s is not None:
            spans.append(timeout_s)
        if self._tasks:
            spans.append(0.0)
        for entity in self._waitset.wait(min(spans, default=None)):
            if entity is self._guard:
                self._guard.clear()
            else:
                self._ready.append(self._by_reader[entity])

    def _polled_ready(self) -> Any:  # noqa: ANN401
        """Return a timer, guard condition or event handler that is ready, or None."""
        for entity in self._polled:
            if self._free(entity) and entity._ready():
                return entity
        now = time.monotonic()
        if now - self._events_s > _EVENTS_S:
            for entity in self._events:
                if self._free(entity) and entity._ready():
                    return entity
            self._events_s = now
        return None

    def _free(self, entity: Any) -> bool:  # noqa: ANN401
        """Return whether the callback of an entity may begin."""
        return True

    def _run_task(self, task: Task) -> None:
        """Run a task to its end or to its next wait; its exceptions come out of spin."""
        pending = task()
        if isinstance(pending, Future):
            pending.add_done_callback(lambda _: self._again(task))
        elif not task.done() and not task.cancelled():  # it lets others go first
            self._again(task)
        elif task._exception is not None:
            raise task.exception()

    def _again(self, task: Task) -> None:
        self._tasks.append(task)
        self.wake()

    def _call(self, execute: Callable[[], Any]) -> None:
        result = execute()
        if inspect.iscoroutine(result):
            self._run_task(Task(result, executor=self))


def _time_left_s(entity: Any) -> float | None:  # noqa: ANN401
    """Return seconds until a timer is due; None where nobody knows."""
    until = getattr(entity, '_wait_ns', None)
    left_ns = until() if until else None
    if left_ns is None or (isinstance(entity.clock, ROSClock) and entity.clock.ros_time_is_active):
        return None
    return max(0.0, left_ns / 1e9)
