"""Curves and tables of a reproduction: what its runs have evaluated so far, with intervals."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.study import statistics
from claifo_core.files import write_atomic
from claifo_core.training.metrics import read_jsonl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CURVE = ('method', 'seed', 'step', 'return_mean', 'return_std', 'wall_s', 'updates')
LABELS = {'claifo': 'C-LAIfO', 'laifo': 'LAIfO'}


@dataclass(frozen=True)
class Curve:
    """What one run has evaluated.

    Attributes:
        method: Its method.
        seed: Its seed.
        points: Evaluation records, oldest first; at least one.
        start: The record written when it began.
    """

    method: str
    seed: int
    points: list[dict[str, Any]]
    start: dict[str, Any]

    @property
    def end(self) -> float:
        """The return at the newest evaluation."""
        return self.points[-1]['return_mean']

    @property
    def best(self) -> float:
        """The highest return of all evaluations."""
        return max(point['return_mean'] for point in self.points)


def read_curve(method: str, seed: int, run_dir: Path) -> Curve | None:
    """Return the curve of a run; None before its first evaluation."""
    file = run_dir / 'metrics.jsonl'
    records = read_jsonl(file) if file.is_file() else []
    points = [r for r in records if r['kind'] == 'eval']
    return Curve(method, seed, points, records[0]) if points else None


def write_curves(path: Path, curves: Iterable[Curve]) -> None:
    """Write all points of all curves."""
    rows = [
        {'method': curve.method, 'seed': curve.seed, **point}
        for curve in curves
        for point in curve.points
    ]
    _write_csv(path, CURVE, rows)


def summarise(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """Return a row per method at the end, and one at the best checkpoint."""
    rows = []
    for method in dict.fromkeys(curve.method for curve in curves):
        mine = [curve for curve in curves if curve.method == method]
        steps = [curve.points[-1]['step'] for curve in mine]
        for at in ('end', 'best'):
            found = statistics.summary([[getattr(curve, at) for curve in mine]])
            values = dataclasses.asdict(found)
            for name in ('mean', 'iqm'):
                low, high = values.pop(f'{name}_interval') or (None, None)
                values |= {f'{name}_low': low, f'{name}_high': high}
            rows.append({
                'method': method, 'at': at, **values,
                'steps_least': min(steps), 'steps_most': max(steps),
            })  # fmt: skip
    return rows


def compared(curves: Sequence[Curve]) -> dict[str, float | None]:
    """Return what the film's expert and random actions reach, as mean over the runs."""
    found = {}
    for name in ('expert_return', 'random_return'):
        known = [c.start[name] for c in curves if c.start.get(name) is not None]
        found[name] = float(statistics.mean(known)) if known else None
    return found


def write_tables(
    folder: Path, title: str, curves: Sequence[Curve], steps: int, origin: dict[str, Any]
) -> str:
    """Write curves.csv, table.csv and table.md into the folder; returns the last.

    Args:
        folder: Of the reproduction.
        title: Its name.
        curves: Of all its runs that have been evaluated.
        steps: Agent steps of a whole run.
        origin: Command, commit, time and machine.
    """
    write_curves(folder / 'curves.csv', curves)
    rows, beside = summarise(curves), compared(curves)
    facts = {**beside, 'steps': steps, 'commit': origin['commit'], 'command': origin['command']}
    columns = [*(rows[0] if rows else {}), *facts]
    _write_csv(folder / 'table.csv', columns, [row | facts for row in rows])
    text = _markdown(title, curves, rows, steps, beside, origin)
    write_atomic(folder / 'table.md', text.encode())
    return text


def _markdown(
    title: str,
    curves: Sequence[Curve],
    rows: list[dict[str, Any]],
    steps: int,
    beside: dict[str, float | None],
    origin: dict[str, Any],
) -> str:
    where = origin['machine']['gpu'] or origin['machine']['cpu']
    lines = [
        f'# {title}', '',
        f'`{origin["command"]}`, commit {origin["commit"]}, {origin["time"]}, {where}.', '',
        f'True return; expert {_number(beside["expert_return"])}, random actions '
        f'{_number(beside["random_return"])}. A whole run has {steps} agent steps. Intervals are '
        '95 % bootstraps over the seeds; "best" is the highest evaluation of each run, so it is '
        'optimistic.', '',
        '| method | at | seeds | steps | mean ± std | mean, 95 % | IQM | IQM, 95 % |',
        '|---|---|---|---|---|---|---|---|',
    ]  # fmt: skip
    for row in rows:
        least, most = row['steps_least'], row['steps_most']
        reached = f'{least}' if least == most else f'{least} to {most}'
        cells = (
            LABELS.get(row['method'], row['method']), row['at'], str(row['runs']), reached,
            f'{_number(row["mean"])} ± {_number(row["std"])}', _interval(row, 'mean'),
            _number(row['iqm']), _interval(row, 'iqm'),
        )  # fmt: skip
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join([*lines, *_improvement(curves)]) + '\n'


def _improvement(curves: Sequence[Curve]) -> list[str]:
    ours, theirs = ([c.end for c in curves if c.method == name] for name in ('claifo', 'laifo'))
    if min(len(ours), len(theirs)) < 2:
        return []
    share, (low, high) = statistics.improvement([ours], [theirs])
    return ['', f'P(C-LAIfO > LAIfO) at the end: {share:.2f} [{low:.2f}, {high:.2f}].']


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'


def _interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f'{name}_low'], row[f'{name}_high']
    return '-' if low is None else f'[{low:.1f}, {high:.1f}]'


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, list(columns), extrasaction='ignore', lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue().encode())
