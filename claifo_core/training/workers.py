"""Spawned processes that answer one question after the other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import torch

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


class Worker:
    """One process and the pipe to it."""

    def __init__(self, name: str, answer: Callable[[Any], Any]) -> None:
        """Start the process.

        Args:
            name: Of the process.
            answer: Turns a question into an answer; it is sent to the process.
        """
        context = multiprocessing.get_context('spawn')
        self._pipe, far = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(far, answer), name=name, daemon=True
        )
        self._process.start()
        far.close()

    def fileno(self) -> int:
        """Return the descriptor that an answer makes readable."""
        return self._pipe.fileno()

    def ask(self, question: object) -> None:
        """Put a question."""
        with contextlib.suppress(OSError):  # receive() tells of a process that died
            self._pipe.send(question)

    def answered(self, end: float | None = 0.0) -> bool:
        """Return whether :meth:`receive` has not to wait; wait for that until ``end``.

        Args:
            end: On the clock of ``time.monotonic``; a time that is past: no wait; None: for ever.
        """
        return self._pipe.poll(None if end is None else max(0.0, end - time.monotonic()))

    def receive(self) -> Any:  # noqa: ANN401 (what ``answer`` returns)
        """Wait for the answer to the oldest open question.

        Raises:
            ClaifoError: the process died, or there is no answer: an exception was raised.
        """
        try:
            failure, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            raise ClaifoError(f'its process ended with exit code {code}') from None
        if failure:
            raise ClaifoError(failure)
        return answer

    def close(self) -> None:
        """End the process, also in the middle of an answer."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(pipe: Connection, answer: Callable[[Any], Any]) -> None:
    """Answer until the other end of the pipe closes."""
    # Ctrl-C, and a SIGTERM to the whole group, are the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setpgid(0, 0)
    torch.set_num_threads(1)
    with contextlib.suppress(EOFError, OSError):
        while True:
            question = pipe.recv()
            try:
                told = '', answer(question)
            except Exception as error:
                told = f'{type(error).__name__}: {error}', None
            pipe.send(told)
