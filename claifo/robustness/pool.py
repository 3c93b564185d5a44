"""Processes that play policies in looks side by side, one per core."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NamedTuple

from claifo_core.errors import ClaifoError
from claifo_sim.rendering import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from claifo_core.config import EnvConfig
    from claifo_core.policy import Policy
    from claifo_core.training.evaluation import Evaluation
    from claifo_sim.env import SimEnv


class Job(NamedTuple):
    """A policy file, the domain in which it is played, and the seed of each episode."""

    policy: str
    domain: str
    seeds: tuple[int, ...]


def play_all(
    jobs: Sequence[Job], tell: Callable[[Job, Evaluation], None]
) -> list[Evaluation]:
    """Play every job, as many at a time as there are cores.

    Args:
        jobs: What to play.
        tell: Hears of each job that is done.

    Returns:
        One evaluation per job, in their order, whichever was done first.

    Raises:
        ClaifoError: A job failed, or its process died.
    """
    probe()  # once, here: the crew inherits the answer
    count = min(len(jobs), len(os.sched_getaffinity(0)))
    crew = [_start(number) for number in range(count)]
    try:
        return _hand_out(jobs, {pipe: process for process, pipe in crew}, tell)
    finally:
        for process, pipe in crew:
            pipe.close()
            process.terminate()
            process.join()


def _start(number: int) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context('spawn')
    pipe, far = context.Pipe()
    process = context.Process(
        target=_serve, args=(far,), name=f'claifo-matrix-{number}', daemon=True
    )
    process.start()
    far.close()
    return process, pipe


def _hand_out(
    jobs: Sequence[Job], crew: dict[Connection, SpawnProcess],
    tell: Callable[[Job, Evaluation], None],
) -> list[Evaluation]:
    """Give each process the next job when it has done one."""
    waiting = list(enumerate(jobs))[::-1]
    busy: dict[Connection, int] = {}
    done: dict[int, Evaluation] = {}
    for pipe in crew:
        _give(pipe, waiting, busy)
    while busy:
        ready = wait(list(busy))
        for pipe in [pipe for pipe in busy if pipe in ready]:
            number = busy.pop(pipe)
            done[number] = _take(pipe, crew[pipe], jobs[number])
            tell(jobs[number], done[number])
            if waiting:
                _give(pipe, waiting, busy)
    return [done[number] for number in range(len(jobs))]


def _give(
    pipe: Connection, waiting: list[tuple[int, Job]], busy: dict[Connection, int]
) -> None:
    number, job = waiting.pop()
    busy[pipe] = number
    with contextlib.suppress(OSError):  # a process that died is told of by _take
        pipe.send(job)


def _take(pipe: Connection, process: SpawnProcess, job: Job) -> Evaluation:
    try:
        answer: Evaluation | str = pipe.recv()
    except (EOFError, OSError):
        process.join(5)
        answer = f'its process ended with exit code {process.exitcode}'
    if isinstance(answer, str):
        raise ClaifoError(f'{job.policy} in {job.domain}: {answer}')
    return answer


def _serve(pipe: Connection) -> None:
    """Play jobs until the other end of the pipe closes; the entry point of a process."""
    # Ctrl-C, and a SIGTERM to the whole group, are the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setpgid(0, 0)
    import torch

    torch.set_num_threads(1)
    player = _Player()
    with contextlib.suppress(EOFError, OSError):
        while True:
            job = pipe.recv()
            try:
                pipe.send(player.play(job))
            except Exception as error:
                pipe.send(f'{type(error).__name__}: {error}')


class _Player:
    """Plays jobs; the simulator stays as long as only the look changes."""

    def __init__(self) -> None:
        self._world: EnvConfig | None = None
        self._env: SimEnv | None = None

    def play(self, job: Job) -> Evaluation:
        """Play one job."""
        from claifo_core.policy import Policy
        from claifo_core.training.evaluation import evaluate

        policy = Policy.load(job.policy)
        env = self._env_of(policy)
        env.set_domain(job.domain)
        return evaluate(policy, env, job.seeds)

    def _env_of(self, policy: Policy) -> SimEnv:
        from claifo.environments import evaluation_env, world_of

        world = world_of(policy.metadata, 'stock')
        if self._env is None or world != self._world:
            if self._env:
                self._env.close()
            self._world, self._env = world, evaluation_env(world)
        return self._env
