"""docs/performance.md: the tables that are made of benchmarks/results/*.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pages.markdown import table

RESULTS = Path(__file__).resolve().parents[2] / 'benchmarks' / 'results'


def results(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield file name and content of the results of one benchmark that name their machine."""
    for path in sorted(RESULTS.glob('*.json')):
        found = json.loads(path.read_text())
        if isinstance(found, dict) and found.get('benchmark') == name and 'machine' in found:
            yield path.name, found


def about(file: str, found: dict[str, Any]) -> list[str]:
    """Return the cells that every row begins with."""
    machine = found['machine']
    where = machine['gpu'] or f'{machine["cpu"]}, load {machine["load_average"]:.0f}'
    changed = ''.join(f' `{text}`' for text in found['set'])
    return [f'[{file}](../benchmarks/results/{file})', f'{found["preset"]}{changed}', where,
            str(found['commit'])]  # fmt: skip


def learner(file: str, found: dict[str, Any]) -> list[str]:
    """Return the row of a learner's result: CPU time on a CPU, wall time on a GPU."""
    kind = 'cpu_ms' if found['device'] == 'cpu' else 'wall_ms'
    growth = sorted(found['growth'].items(), key=lambda item: int(item[0]))
    times = ', '.join(f'{int(frames):,}: {one[kind]:.4g} ms' for frames, one in growth)
    memory = found['memory']
    peak = memory.get('gpu_mib', memory['resident_mib'])
    limit = found.get('ceiling')
    share = f'{found["gflop_per_s"]:.0f} of {limit["gflop_per_s"]:.0f}' if limit else '-'
    return [*about(file, found), times, share, f'{peak:.0f}']


def split(file: str, found: dict[str, Any]) -> list[str]:
    """Return the row of a learner's split."""
    parts = ', '.join(f'{name} {spent:.1f}' for name, spent in found['split'].items())
    return [f'[{file}](../benchmarks/results/{file})', f'{found["split_of"]}: {parts}']


def loop(file: str, found: dict[str, Any]) -> list[str]:
    """Return the row of a loop's result."""
    ratio = found['ratio']
    counted = f'{ratio["updates"]} in {ratio["steps"]} steps, one per {ratio["update_every"]}'
    return [*about(file, found), f'{found["steps_per_s"]:g}', f'{found["updates_per_s"]:g}',
            counted]  # fmt: skip


def node(file: str, found: dict[str, Any]) -> list[str]:
    """Return the row of a node's result."""
    whole = found['latency_ms']['whole']
    return [*about(file, found), f'{whole["p50"]:.2f}', f'{whole["p99"]:.2f}']


TABLES = (
    ('learner', learner, 'an update, by frames in the replay', 'GFLOP/s of ceiling', 'peak MiB'),
    ('loop', loop, 'environment steps/s', 'updates/s', 'counted'),
    ('node', node, 'p50 ms', 'p99 ms'),
)


def sections() -> dict[str, str]:
    """Return all tables, for the page."""
    found = []
    for name, row, *columns in TABLES:
        rows = [row(*result) for result in results(name)]
        head = [f'`claifo bench {name}`', 'preset', 'machine', 'commit', *columns]
        found += [table(head, rows)] if rows else []
    parts = (split(*result) for result in results('learner'))
    found.append(table(('file', 'milliseconds of an update by part'), parts))
    return {'docs/performance.md': '\n\n'.join(found)}
