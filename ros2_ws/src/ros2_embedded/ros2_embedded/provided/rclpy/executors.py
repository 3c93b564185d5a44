"""Executors: one callback at a time, or several."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rclpy._executor import (
    ConditionReachedException,
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
    await_or_execute,
)
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context

__all__ = [
    'ConditionReachedException', 'Executor', 'ExternalShutdownException', 'MultiThreadedExecutor',
    'ShutdownException', 'SingleThreadedExecutor', 'TimeoutException', 'await_or_execute',
]  # fmt: skip


class SingleThreadedExecutor(Executor):
    """One callback after the other, in the thread that spins."""

    def _work(self) -> bool:
        if self._changed:
            self._update()
        if (entity := self._polled_ready()) is not None:
            self._call(entity._execute)
            return True
        if self._ready:
            self._call(self._ready.popleft()._execute)
            return True
        if self._tasks:
            self._run_task(self._tasks.popleft())
            return True
        return False


class MultiThreadedExecutor(Executor):
    """Callbacks in threads of their own, as their groups allow."""

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        """Start the threads; None: one per core, two at least."""
        super().__init__(context=context)
        count = num_threads or max(2, len(os.sched_getaffinity(0)))
        self._pool = ThreadPoolExecutor(count, thread_name_prefix='rclpy')
        self._failures: deque[BaseException] = deque()
        self._busy: set[Any] = set()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop, and wait for callbacks that are running."""
        super().shutdown(timeout_sec)
        self._pool.shutdown(wait=timeout_sec is None or timeout_sec > 0)
        return not self._busy

    def _free(self, entity: Any) -> bool:  # noqa: ANN401
        group = entity.callback_group
        busy = entity in self._busy and not _overlaps(entity)
        return not busy and (group is None or group.can_execute(entity))

    def _silent(self) -> bool:
        return True

    def _wait(self, timeout_s: float | None) -> None:
        """Wait for what may run now; a callback that ends wakes this wait."""
        if self._changed:
            self._update()
        for reader, entity in self._by_reader.items():
            if self._free(entity):
                self._waitset.attach(reader)
            else:
                self._waitset.detach(reader)
        super()._wait(timeout_s)

    def _work(self) -> bool:
        if self._failures:
            raise self._failures.popleft()
        if self._changed:
            self._update()
        if (entity := self._polled_ready()) is not None:
            return self._begin(entity)
        while self._ready:
            entity = self._ready.popleft()
            if self._free(entity):
                return self._begin(entity)
        if self._tasks:
            self._pool.submit(self._guarded, self._run_task, self._tasks.popleft())
            return True
        return False

    def _begin(self, entity: Any) -> bool:  # noqa: ANN401
        group = entity.callback_group
        if group is not None and not group.beginning_execution(entity):
            return False
        self._busy.add(entity)
        # A timer moves on to its next call at once: it may be due before this one has ended.
        execute = entity._take() if _overlaps(entity) else entity._execute
        self._pool.submit(self._guarded, functools.partial(self._run, execute), entity)
        return True

    def _run(self, execute: Callable[[], Any], entity: Any) -> None:  # noqa: ANN401
        try:
            self._call(execute)
        finally:
            self._busy.discard(entity)
            if entity.callback_group is not None:
                entity.callback_group.ending_execution(entity)

    def _guarded(self, work: Callable[[Any], None], argument: Any) -> None:  # noqa: ANN401
        try:
            work(argument)
        except BaseException as error:
            self._failures.append(error)
        self.wake()


def _overlaps(entity: Any) -> bool:  # noqa: ANN401
    """Return whether a callback may begin before its last call has ended: timers may."""
    return hasattr(entity, '_wait_ns') and isinstance(
        entity.callback_group, ReentrantCallbackGroup
    )
