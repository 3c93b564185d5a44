"""How far each run of a study has come, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from claifo.study import store
from claifo.study.plan import Run
from claifo.study.run_folder import Run as RunFolder
from claifo.study.run_folder import read_run

DONE, FAILED, STOPPED, WAITING, RUNNING = 'done', 'failed', 'stopped', 'waiting', 'running'


@dataclass(frozen=True)
class Progress:
    """One run.

    Attributes:
        run: Which.
        state: done, failed, stopped (begun, not at its end) or waiting; a runner adds running.
        commit: That of the code, or those, where it was resumed by another one.
        share: How much of it is done, 0 to 1.
        wall_s: Seconds of training so far.
        last_return: Of the latest evaluation, or None.
    """

    run: Run
    state: str
    commit: str
    share: float = 0.0
    wall_s: float = 0.0
    last_return: float | None = None


def read(folder: Path, run: Run, commit: str) -> Progress:
    """Read how far a run has come.

    Args:
        folder: Of the study.
        run: Which run.
        commit: Of a run that has not begun.

    Raises:
        ClaifoError: a file of it is damaged.
    """
    run_dir = folder / run.folder
    job = store.read_job(run_dir)
    held = read_folder(run_dir)
    commit = '+'.join(job.get('commits', (commit,)))
    if held is None:
        return Progress(run, FAILED if job.get('exit_code') else WAITING, commit)
    evaluations = held.records['eval']
    return Progress(
        run,
        _state(held, job.get('exit_code')),
        commit,
        held.progress,
        held.wall_s,
        evaluations[-1]['return_mean'] if evaluations else None,
    )


def read_folder(run_dir: Path) -> RunFolder | None:
    """Read a run folder; None before its run has begun."""
    begun = all((run_dir / name).is_file() for name in ('config.yaml', 'metrics.jsonl'))
    return read_run(run_dir) if begun else None


def _state(held: RunFolder, exit_code: int | None) -> str:
    if held.records['end'] and held.progress >= 1:
        return DONE
    return FAILED if exit_code else STOPPED
