"""The rows of a robustness matrix: which policies, and which of them are seeds of one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claifo.robustness.cells import NO_SHARE, TRAINING, Cell, share
from claifo.study import progress, store
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SEED = re.compile(r', seed \d+$')


class Row(NamedTuple):
    """A policy file, the name of its row, and the expert's return, where its run knows it."""

    policy: Path
    name: str
    expert: float | None


def rows_of(places: Sequence[Path]) -> list[Row]:
    """Return the rows of run folders, policy files and studies, of which the finished runs count.

    Raises:
        ClaifoError: no run of a study is finished, or one of its files is damaged.
    """
    names = [path.stem if path.is_file() else path.resolve().name for path in places]
    told_apart = len({*names}) == len(names)
    rows: list[Row] = []
    for path, name in zip(places, names, strict=True):
        if (path / store.STUDY_FILE).is_file():
            rows += _of_study(path)
        else:
            name = name if told_apart else str(path)
            rows.append(_of_run(path, name) if path.is_dir() else Row(path, name, None))
    return rows


def _of_study(folder: Path) -> Iterator[Row]:
    study, found = store.restore(folder), False
    several = len(study.tasks) > 1
    for run in study.runs():
        if progress.read(folder, run, '').state == progress.DONE:
            found = True
            world = f'{run.task}, {run.domain}' if several else run.domain
            name = f'{run.method}, {world}, seed {run.seed}'
            yield _of_run(folder / run.folder, name)
    if not found:
        raise ClaifoError(f'{folder}: no run of this study is finished; end it by `claifo study`')


def _of_run(folder: Path, name: str) -> Row:
    held = progress.read_folder(folder)
    expert = held.start.get('expert_return') if held else None
    return Row(folder / 'policy.safetensors', name, expert)


def averaged(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells with the seeds of a study's method and world in one row.

    Of those, ``return_std`` is over the seeds, and the interval of ``share`` is that of the
    bootstrap over seeds. Other rows stay as they are.
    """
    rows: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        rows.setdefault((_SEED.sub('', cell.run), cell.look), []).append(cell)
    trained = {name: of for (name, _), of in rows.items() if of[0].group == TRAINING}
    return [
        of[0] if len(of) == 1 else _mean(f'{name}, {len(of)} seeds', of, trained[name])
        for (name, _), of in rows.items()
    ]


def _mean(name: str, cells: Sequence[Cell], trained: Sequence[Cell]) -> Cell:
    returns, first = [cell.return_mean for cell in cells], cells[0]
    known = all(cell.share is not None for cell in trained)
    reference = [cell.return_mean for cell in trained]
    return Cell(
        name, first.task, first.trained_in, first.look, first.group,
        sum(cell.episodes for cell in cells), float(np.mean(returns)),
        float(np.std(returns, ddof=1)), float(np.mean([cell.success_rate for cell in cells])),
        *(share(returns, reference) if known else NO_SHARE),
    )  # fmt: skip
