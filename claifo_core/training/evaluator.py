"""Evaluation beside training: processes of their own play snapshots of the policy."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import torch

from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.evaluation import Env, judged, play

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path


class Evaluator:
    """Plays policy files one after the other in spawned processes, which share the episodes."""

    def __init__(
        self,
        make_env: Callable[[], Env],
        seeds: Sequence[int],
        solved_steps: int = 0,
        processes: int = 1,
    ) -> None:
        """Start the processes.

        Args:
            make_env: Builds the environment in the process; must be importable there.
            seeds: One per evaluation episode, the same for every policy.
            solved_steps: See :func:`claifo_core.training.evaluation.evaluate`.
            processes: Each plays its share of the episodes.
        """
        self._count = len(seeds)
        self._solved_steps = solved_steps
        shares = [list(seeds[first::processes]) for first in range(min(processes, len(seeds)))]
        self._players = [_Player(make_env, share) for share in shares]
        self._waiting: list[dict[str, Any]] = []

    def submit(self, path: Path, **tags: Any) -> None:  # noqa: ANN401 (JSON values)
        """Ask for an evaluation of the policy file; ``tags`` come back with the result."""
        self._waiting.append({'path': path, **tags})
        for player in self._players:
            player.ask(path)

    def results(self, wait_s: float | None = 0.0) -> list[dict[str, Any]]:
        """Return finished evaluations, each with its tags.

        Args:
            wait_s: Longest wait, in seconds, for all that were submitted; None: without end.

        Raises:
            ClaifoError: a process died or an evaluation failed.
        """
        found = []
        end = None if wait_s is None else time.monotonic() + wait_s
        while self._waiting and all(player.answered(end) for player in self._players):
            found.append(self._waiting[0] | self._receive())
            del self._waiting[0]
        return found

    def _receive(self) -> dict[str, Any]:
        shares = [player.receive() for player in self._players]
        turns = range(self._count)
        episodes = [shares[turn % len(shares)][turn // len(shares)] for turn in turns]
        return judged(episodes, self._solved_steps).summary()

    def close(self) -> None:
        """End the processes, also in the middle of an evaluation."""
        for player in self._players:
            player.close()


class _Player:
    """One process and the pipe to it."""

    def __init__(self, make_env: Callable[[], Env], seeds: list[int]) -> None:
        context = multiprocessing.get_context('spawn')
        self._pipe, far = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(far, make_env, seeds), name='claifo-evaluator', daemon=True
        )
        self._process.start()
        far.close()

    def ask(self, path: Path) -> None:
        with contextlib.suppress(OSError):  # receive() tells of a process that died
            self._pipe.send(str(path))

    def answered(self, end: float | None) -> bool:
        return self._pipe.poll(None if end is None else max(0.0, end - time.monotonic()))

    def receive(self) -> list[tuple[float, int]]:
        try:
            answer: list[tuple[float, int]] | str = self._pipe.recv()
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
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(pipe: Connection, make_env: Callable[[], Env], seeds: list[int]) -> None:
    """Answer policy paths with episodes until the other end of the pipe closes."""
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
                policy = Policy.load(path)
                answer: list[tuple[float, int]] | str = [play(policy, env, s) for s in seeds]
            except Exception as error:
                answer = f'{type(error).__name__}: {error}'
            pipe.send(answer)
