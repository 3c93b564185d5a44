"""Runs on a cluster, through submitit: a thin adapter of its executor to the runner's.

Each job is a command line (submitit's CommandFunction). submitit pickles it for its own transport,
in the folder `submitit` of the study; claifo reads none of those files.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claifo.study.executor import Process
from claifo.study.plan import Study
from claifo_core.errors import ClaifoError

_JOBS = 64  # side by side, where neither the study nor --jobs says
# The machine was taken away: the run goes on from its checkpoint.
_TAKEN = ('TIMEOUT', 'PREEMPTED', 'NODE_FAIL', 'OUT_OF_MEMORY', 'CANCELLED', 'INTERRUPTED')


class ClusterProcess:
    """A job of submitit."""

    def __init__(self, job: Any) -> None:  # noqa: ANN401 (submitit.Job)
        """Follow ``job``."""
        self._job = job

    def poll(self) -> int | None:
        """Return 0, 1 for a failure, -15 where the machine was taken away; None while it runs."""
        if not self._job.done():
            return None
        if self._job.exception() is None:
            return 0
        return -signal.SIGTERM if self._job.state.startswith(_TAKEN) else 1

    def stop(self) -> None:
        """Cancel it: Slurm sends SIGTERM, on which the run writes a checkpoint."""
        self._job.cancel()

    kill = stop


class ClusterExecutor:
    """Hands commands to submitit; ``jobs`` of them run side by side."""

    def __init__(self, study: Study, folder: Path, cluster: str, jobs: int | None) -> None:
        """Set the parameters of the jobs: those of the study over ours.

        Raises:
            ClaifoError: submitit is missing, or refuses a parameter or the cluster.
        """
        try:
            import submitit
        except ImportError:
            raise ClaifoError("--cluster needs submitit: pip install 'claifo[cluster]'") from None
        self.jobs = jobs or study.jobs or _JOBS
        self._submitit, self._folder = submitit, folder / 'submitit'
        cores = study.threads + study.base.env.num_envs
        ours: dict[str, Any] = {'timeout_min': 24 * 60, 'cpus_per_task': cores}
        try:
            self._executor = submitit.AutoExecutor(self._folder, cluster=cluster)
            self._executor.update_parameters(**{**ours, **study.cluster})
        except (RuntimeError, TypeError, ValueError, NameError) as error:
            raise ClaifoError(f'--cluster {cluster}: submitit says: {error}') from None

    def start(self, command: Sequence[str], log: Path) -> Process:
        """Submit a command, or follow the job of an earlier runner that still runs it."""
        known = log.with_name('submitit_job')
        if known.is_file() and self._executor.cluster == 'slurm':
            earlier: Any = self._submitit.SlurmJob(self._folder, known.read_text())
            if not earlier.done():
                return ClusterProcess(earlier)
        line = f'exec {shlex.join(command)} >> {shlex.quote(str(log))} 2>&1'
        function = self._submitit.helpers.CommandFunction(['sh', '-c', line])
        job: Any = self._executor.submit(function)
        known.write_text(job.job_id)
        return ClusterProcess(job)
