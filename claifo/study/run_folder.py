"""A run folder and the curves of control runs, as the report reads them."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo_core.config.settings import load
from claifo_core.errors import ClaifoError
from claifo_core.training.metrics import read_jsonl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claifo_core.config import TrainConfig

Record = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What a run folder holds so far.

    Attributes:
        folder: The run folder.
        config: The configuration of the run.
        records: Metrics by kind (``start``, ``train``, ``episode``, ``eval``, ``end``), in order.
    """

    folder: Path
    config: TrainConfig
    records: dict[str, list[Record]]

    @property
    def start(self) -> Record:
        """The record with which the latest session began, or an empty one."""
        return (self.records['start'] or [{}])[-1]

    @property
    def last_step(self) -> int:
        """The last agent step that the metrics tell of."""
        return max((r.get('step', 0) for kind in self.records.values() for r in kind), default=0)

    @property
    def wall_s(self) -> float:
        """Seconds of training so far."""
        return max((r.get('wall_s') or 0 for k in self.records.values() for r in k), default=0.0)

    @property
    def progress(self) -> float:
        """The share of the run that is done, by steps or by time, whichever ends it."""
        limit_s = 60 * self.config.minutes
        by_time = self.wall_s / limit_s if limit_s else 0.0
        return min(1.0, max(self.last_step / self.config.steps, by_time))

    @property
    def first_policy(self) -> Path | None:
        """The untrained policy, or None."""
        return _first_file(self.folder / 'policy_init.safetensors')

    @property
    def best_policy(self) -> Path | None:
        """The policy of the best evaluation, before any evaluation the latest one, or None."""
        names = ('policy_best.safetensors', 'policy.safetensors')
        return _first_file(*(self.folder / name for name in names))


@dataclass(frozen=True)
class Curve:
    """Returns of one run over its course.

    Attributes:
        label: Name shown in the legend.
        frames: Control steps of the simulator at each evaluation; NaN where unknown.
        wall_s: Seconds of training at each evaluation; NaN where unknown.
        mean: Mean true return of each evaluation.
        std: Standard deviation over its episodes; 0 where unknown.
    """

    label: str
    frames: list[float]
    wall_s: list[float]
    mean: list[float]
    std: list[float]


def read_run(folder: Path | str) -> Run:
    """Read a run folder, complete or half finished.

    Raises:
        ClaifoError: the folder is missing, is no run folder, or holds a broken file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ClaifoError(f'{folder}: no such folder; give the folder that `claifo train` wrote')
    for name in ('config.yaml', 'metrics.jsonl'):
        if not (folder / name).is_file():
            raise ClaifoError(
                f'{folder}: not a run folder, {name} is missing; '
                'give the folder that `claifo train` wrote'
            )
    records: dict[str, list[Record]] = {
        kind: [] for kind in ('start', 'train', 'episode', 'eval', 'end')
    }
    for record in read_jsonl(folder / 'metrics.jsonl'):
        records.setdefault(str(record.get('kind')), []).append(record)
    return Run(folder, load(folder / 'config.yaml'), records)


def curve(label: str, rows: Iterable[Record]) -> Curve:
    """Build a curve from rows with ``frames``, ``wall_s``, ``return_mean``, ``return_std``."""
    known = [row for row in rows if not math.isnan(_number(row.get('return_mean')))]
    frames, wall_s, mean, std = (
        column(known, name) for name in ('frames', 'wall_s', 'return_mean', 'return_std')
    )
    return Curve(label, frames, wall_s, mean, np.nan_to_num(std).tolist())


def read_controls(path: Path | str) -> list[Curve]:
    """Read the curves of control runs from a CSV file.

    The first line names the columns: ``return_mean``, at least one of ``frames`` and ``wall_s``,
    perhaps ``return_std``, and perhaps ``run``, which parts the rows into curves. Lines that
    begin with ``#`` are comments (the command that made the file, say).

    Raises:
        ClaifoError: the file cannot be read or lacks a column.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError as error:
        raise ClaifoError(f'{path}: cannot be read: {error.strerror}') from error
    table = csv.DictReader(line for line in lines if line.strip() and not line.startswith('#'))
    columns = table.fieldnames or []
    if 'return_mean' not in columns or not {'frames', 'wall_s'} & set(columns):
        raise ClaifoError(
            f'{path}: columns are {", ".join(columns) or "none"}; '
            'return_mean and frames or wall_s are needed'
        )
    rows: dict[str, list[Record]] = {}
    for row in table:
        rows.setdefault(row.get('run') or path.stem, []).append(row)
    return [curve(label, group) for label, group in rows.items()]


def column(records: Iterable[Record], name: str) -> list[float]:
    """Return one field of all records, NaN where it is missing or null."""
    return [_number(record.get(name)) for record in records]


def _first_file(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
