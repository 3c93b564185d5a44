"""Processes that play policies in looks side by side, one per core."""

from __future__ import annotations

import os
from collections import deque
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NamedTuple

from claifo.environments import evaluation_env, world_of
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.evaluation import Evaluation, evaluate
from claifo_core.training.workers import Worker
from claifo_sim.rendering import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claifo_core.config import EnvConfig
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
    crew = [Worker(f'claifo-matrix-{number}', _Player()) for number in range(count)]
    try:
        return _hand_out(jobs, crew, tell)
    finally:
        for worker in crew:
            worker.close()


def _hand_out(
    jobs: Sequence[Job], crew: Sequence[Worker], tell: Callable[[Job, Evaluation], None]
) -> list[Evaluation]:
    """Give each process the next job when it has done one."""
    waiting, idle = deque(enumerate(jobs)), list(crew)
    busy: dict[Worker, int] = {}
    done: dict[int, Evaluation] = {}
    while waiting or busy:
        while idle and waiting:
            worker = idle.pop(0)
            busy[worker], job = waiting.popleft()
            worker.ask(job)
        ready = wait([worker.fileno() for worker in busy])
        for worker in [worker for worker in busy if worker.fileno() in ready]:
            number = busy.pop(worker)
            done[number] = _take(worker, jobs[number])
            tell(jobs[number], done[number])
            idle.append(worker)
    return [done[number] for number in range(len(jobs))]


def _take(worker: Worker, job: Job) -> Evaluation:
    try:
        played: Evaluation = worker.receive()
    except ClaifoError as error:
        raise ClaifoError(f'{job.policy} in {job.domain}: {error}') from None
    return played


class _Player:
    """Plays jobs; the simulator stays as long as only the look changes."""

    def __init__(self) -> None:
        self._world: EnvConfig | None = None
        self._env: SimEnv | None = None

    def __call__(self, job: Job) -> Evaluation:
        """Play one job."""
        policy = Policy.load(job.policy)
        env = self._env_of(policy)
        env.set_domain(job.domain)
        return evaluate(policy, env, job.seeds)

    def _env_of(self, policy: Policy) -> SimEnv:
        world = world_of(policy.metadata, 'stock')
        if self._env is None or world != self._world:
            if self._env:
                self._env.close()
            self._world, self._env = world, evaluation_env(world)
        return self._env
