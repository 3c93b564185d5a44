"""How far each run of a study has come, and what it reached, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claifo.study import store
from claifo.study.plan import Run
from claifo.study.run_folder import Run as RunFolder
from claifo.study.run_folder import read_run

DONE, FAILED, STOPPED, WAITING, RUNNING = 'done', 'failed', 'stopped', 'waiting', 'running'

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """One run.

    Attributes:
        run: Which.
        state: done, failed, stopped (begun, not at its end) or waiting; a runner adds running.
        commit: That of the code, or those, where it was resumed by another one.
        held: What its folder holds; None before it has begun.
        job: What the runner noted of it.
    """

    run: Run
    state: str
    commit: str
    held: RunFolder | None = None
    job: Record = field(default_factory=dict)

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return self.held.progress if self.held else 0.0

    @property
    def wall_s(self) -> float:
        """Seconds of training so far."""
        return self.held.wall_s if self.held else 0.0

    @property
    def start(self) -> Record:
        """The record with which it began, or an empty one."""
        return self.held.start if self.held else {}

    @property
    def evaluations(self) -> Sequence[Record]:
        """Its evaluation records, in order."""
        return self.held.records['eval'] if self.held else ()

    @property
    def returns(self) -> list[float]:
        """Return of each evaluation; to choose the best of them takes the true return."""
        return [float(record['return_mean']) for record in self.evaluations]

    @property
    def last_return(self) -> float | None:
        """Return of the latest evaluation; None before the first."""
        return self.returns[-1] if self.evaluations else None

    @property
    def updates(self) -> int:
        """Updates so far."""
        records = self.held.records if self.held else {}
        return max((r.get('updates', 0) for kind in records.values() for r in kind), default=0)

    @property
    def flop(self) -> int:
        """FLOP of all updates, counted from its settings."""
        from claifo.cost.compute import flop_per_update

        updates = self.updates
        return updates * flop_per_update(self.held.config) if self.held and updates else 0


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
    job, held = store.read_job(run_dir), read_folder(run_dir)
    return Progress(
        run, _state(held, job.get('exit_code')), '+'.join(job.get('commits', (commit,))), held, job
    )


def read_folder(run_dir: Path) -> RunFolder | None:
    """Read a run folder; None before its run has begun."""
    begun = all((run_dir / name).is_file() for name in ('config.yaml', 'metrics.jsonl'))
    return read_run(run_dir) if begun else None


def _state(held: RunFolder | None, exit_code: int | None) -> str:
    if held and held.records['end'] and held.progress >= 1:
        return DONE
    if exit_code:
        return FAILED
    return STOPPED if held else WAITING
