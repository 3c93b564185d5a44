"""Futures, and tasks that an executor runs."""

from __future__ import annotations

import inspect
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Generator
from typing import Any

from rclpy import _protocols


class Future:
    """A value that will be there later."""

    def __init__(self, *, executor: _protocols.Executor | None = None) -> None:
        """Start without a value."""
        self._done = self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._exception_fetched = False
        self._callbacks: list[Callable[[Future], Any]] = []
        self._lock = threading.Lock()
        self._executor: Callable[[], _protocols.Executor | None] = lambda: None
        if executor is not None:
            self._set_executor(executor)

    def __del__(self) -> None:
        """Tell of an exception that nobody has asked for."""
        if self._exception is not None and not self._exception_fetched:
            print(
                f'The following exception was never retrieved: {self._exception}', file=sys.stderr
            )

    def __await__(self) -> Generator[Future, None, Any]:
        """Wait for the value in a coroutine."""
        while not self._done and not self._cancelled:
            yield self
        return self.result()

    def cancel(self) -> None:
        """Give up, unless the value is there."""
        with self._lock:
            if self._done:
                return
            self._cancelled = True
        self._tell()

    def cancelled(self) -> bool:
        """Return whether it was given up."""
        return self._cancelled

    def done(self) -> bool:
        """Return whether the value (or an exception) is there."""
        return self._done

    def result(self) -> Any:  # noqa: ANN401
        """Return the value, or None; raise what was set as exception."""
        if self._exception:
            self._exception_fetched = True
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        """Return the exception that was set, if any."""
        self._exception_fetched = True
        return self._exception

    def set_result(self, result: Any) -> None:  # noqa: ANN401
        """Set the value."""
        with self._lock:
            self._result, self._done, self._cancelled = result, True, False
        self._tell()

    def set_exception(self, exception: BaseException) -> None:
        """Set an exception in place of the value."""
        with self._lock:
            self._exception, self._exception_fetched = exception, False
            self._done, self._cancelled = True, False
        self._tell()

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call ``callback`` with this future when it is done; at once if it is."""
        with self._lock:
            if not (self._done or self._cancelled):
                self._callbacks.append(callback)
                return
        self._call(callback)

    def remove_done_callback(self, callback: Callable[[Future], Any]) -> bool:
        """Remove a callback; return whether it was there."""
        with self._lock:
            found = callback in self._callbacks
            self._callbacks = [c for c in self._callbacks if c != callback]
            return found

    def _set_executor(self, executor: _protocols.Executor) -> None:
        self._executor = weakref.ref(executor)

    def _tell(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Future], Any]) -> None:
        executor = self._executor()
        if executor is not None:
            executor.create_task(callback, self)
            return
        try:
            callback(self)
        except Exception as error:
            warnings.warn(f'Unhandled exception in done callback: {error}', stacklevel=2)


class Task(Future):
    """A function or coroutine that an executor runs; its value is what it returns."""

    def __init__(
        self,
        handler: Callable[..., Any] | Any,  # noqa: ANN401 (or a coroutine)
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        executor: _protocols.Executor | None = None,
    ) -> None:
        """Take what is to be run."""
        super().__init__(executor=executor)
        if inspect.iscoroutinefunction(handler):
            handler = handler(*(args or ()), **(kwargs or {}))
        self._handler, self._args, self._kwargs = handler, args or (), kwargs or {}
        self._running = threading.Lock()

    def __call__(self) -> Future | None:
        """Run to the end, or to the next future that it waits for, which is returned."""
        if self._done or not self._running.acquire(blocking=False):
            return None
        try:
            return self._step()
        finally:
            self._running.release()

    def _step(self) -> Future | None:
        try:
            if inspect.iscoroutine(self._handler):
                return self._handler.send(None)
            self.set_result(self._handler(*self._args, **self._kwargs))
        except StopIteration as ended:
            self.set_result(ended.value)
        except BaseException as error:
            self.set_exception(error)
        return None

    def executing(self) -> bool:
        """Return whether it is being run now."""
        return self._running.locked()

    def cancel(self) -> None:
        """Give up; a coroutine is closed."""
        if inspect.iscoroutine(self._handler) and not self._done:
            self._handler.close()
        super().cancel()
