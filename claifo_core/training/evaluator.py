"""Evaluation beside training: processes of their own play snapshots of the policy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.evaluation import Env, judged, play
from claifo_core.training.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
        self._players = [
            Worker('claifo-evaluator', _Player(make_env, share)) for share in shares
        ]
        self._waiting: list[dict[str, Any]] = []

    def submit(self, path: Path, **tags: Any) -> None:  # noqa: ANN401 (JSON values)
        """Ask for an evaluation of the policy file; ``tags`` come back with the result."""
        self._waiting.append({'path': path, **tags})
        for player in self._players:
            player.ask(str(path))

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
        try:
            shares = [player.receive() for player in self._players]
        except ClaifoError as error:
            raise ClaifoError(
                f'evaluation failed: {error}; run the same command again to resume'
            ) from None
        turns = range(self._count)
        episodes = [shares[turn % len(shares)][turn // len(shares)] for turn in turns]
        return judged(episodes, self._solved_steps).summary()

    def close(self) -> None:
        """End the processes, also in the middle of an evaluation."""
        for player in self._players:
            player.close()


class _Player:
    """Answers policy files with episodes; lives in the process."""

    def __init__(self, make_env: Callable[[], Env], seeds: list[int]) -> None:
        self._make_env, self._seeds = make_env, seeds
        self._env: Env | None = None

    def __call__(self, path: str) -> list[tuple[float, int]]:
        self._env = env = self._env or self._make_env()
        policy = Policy.load(path)
        return [play(policy, env, seed) for seed in self._seeds]
