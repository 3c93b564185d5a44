"""Evaluation beside training: a process of its own plays snapshots of the policy."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any

import torch

from claifo_core.errors import ClaifoError
from claifo_core.evaluation import Env, evaluate
from claifo_core.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path


class Evaluator:
    """Plays policy files one after the other in a spawned process."""

    def __init__(
        self, make_env: Callable[[], Env], seeds: Sequence[int], solved_steps: int = 0
    ) -> None:
        """Start the process.

        Args:
            make_env: Builds the environment in the process; must be importable there.
            seeds: One per evaluation episode, the same for every policy.
            solved_steps: See :func:`claifo_core.evaluation.evaluate`.
        """
        context = multiprocessing.get_context('spawn')
        self._pipe, far = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(far, make_env, list(seeds), solved_steps),
            name='claifo-evaluator', daemon=True,
        )  # fmt: skip
        self._process.start()
        far.close()
        self._waiting: list[dict[str, Any]] = []

    def submit(self, path: Path, **tags: Any) -> None:  # noqa: ANN401 (JSON values)
        """Ask for an evaluation of the policy file; ``tags`` come back with the result."""
        self._waiting.append({'path': path, **tags})
        with contextlib.suppress(OSError):  # results() tells of a process that died
            self._pipe.send(str(path))

    def results(self, wait: bool = False) -> list[dict[str, Any]]:
        """Return finished evaluations, each with its tags; with ``wait``, all submitted ones.

        Raises:
            ClaifoError: the process died or an evaluation failed.
        """
        found = []
        while self._waiting and (wait or self._pipe.poll()):
            found.append(self._waiting[0] | self._receive())
            del self._waiting[0]
        return found

    def _receive(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] | str = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            raise ClaifoError(
                f'the evaluation process ended with exit code {self._process.exitcode}; '
                'run the same command again to resume'
            ) from None
        if isinstance(answer, str):
            raise ClaifoError(f'evaluation failed: {answer}')
        return answer

    def close(self) -> None:
        """End the process, also in the middle of an evaluation."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(
    pipe: Connection, make_env: Callable[[], Env], seeds: list[int], solved_steps: int
) -> None:
    """Answer policy paths with evaluations until the other end of the pipe closes."""
    # Ctrl-C, and a SIGTERM to the whole group, are the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setpgid(0, 0)
    torch.set_num_threads(1)
    with contextlib.suppress(EOFError, OSError):
        env: Env | None = None
        while True:
            path = pipe.recv()
            try:
                env = env or make_env()
                played = evaluate(Policy.load(path), env, seeds, solved_steps)
                answer: dict[str, Any] | str = played.summary()
            except Exception as error:
                answer = f'{type(error).__name__}: {error}'
            pipe.send(answer)
