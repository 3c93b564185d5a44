"""Where runs run: processes of this machine. :mod:`claifo.study.cluster` is the other place."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from claifo.interrupts import die_with
from claifo_core.device.runtime import drawing_on, gpus


class Process(Protocol):
    """One command that was started."""

    def poll(self) -> int | None:
        """Return its exit code, negative the signal that ended it, or None while it runs."""

    def stop(self) -> None:
        """Ask it to write a checkpoint and end."""

    def kill(self) -> None:
        """End it at once."""


class Executor(Protocol):
    """Starts commands.

    Attributes:
        jobs: How many run side by side.
    """

    jobs: int

    def start(self, command: Sequence[str], log: Path) -> Process:
        """Start a command whose output is added to a file."""


class LocalProcess:
    """A process that the kernel ends when the runner is gone, whatever ended the runner."""

    def __init__(self, command: Sequence[str], log: Path, env: dict[str, str]) -> None:
        """Start it, out of reach of the terminal's Ctrl-C, which is the runner's to handle."""
        with log.open('ab') as file:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=os.environ | env, start_new_session=True,
                preexec_fn=functools.partial(die_with, os.getpid(), signal.SIGKILL),
            )  # fmt: skip

    def poll(self) -> int | None:
        """Return its exit code, negative the signal that ended it, or None while it runs."""
        return self._child.poll()

    def stop(self) -> None:
        """Ask it to write a checkpoint and end."""
        self._child.terminate()

    def kill(self) -> None:
        """End it at once, and what it has started."""
        if self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()


class LocalExecutor:
    """Processes of this machine, each on a GPU where there are some, in turn.

    Attributes:
        jobs: How many run side by side.
    """

    def __init__(self, jobs: int, threads: int, device: str) -> None:
        """Look at the machine.

        Args:
            jobs: How many run side by side; 0: one for each GPU, without GPU as many as its cores
                have room for.
            threads: Of each run.
            device: That of the configuration; `cpu` leaves GPUs alone.
        """
        self._gpus = [] if device == 'cpu' else gpus()
        self._threads = threads
        cores = max(1, len(os.sched_getaffinity(0)) // threads)
        self.jobs = jobs or len(self._gpus) or cores
        self._slots: dict[int, Process] = {}

    def start(self, command: Sequence[str], log: Path) -> Process:
        """Start a command whose output is added to a file."""
        slot = next(i for i in range(self.jobs) if self._is_free(i))
        env = {'OMP_NUM_THREADS': str(self._threads)}
        if self._gpus:
            gpu = self._gpus[slot % len(self._gpus)]
            env |= {'CUDA_VISIBLE_DEVICES': gpu} | drawing_on(gpu)
        self._slots[slot] = LocalProcess(command, log, env)
        return self._slots[slot]

    def _is_free(self, slot: int) -> bool:
        return slot not in self._slots or self._slots[slot].poll() is not None
