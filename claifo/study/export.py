"""The tables of a study as CSV: results.csv, one line per method and world; curves.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.study.plan import Study
from claifo.study.results import Group, reference_of, score
from claifo_core.files import write_csv

if TYPE_CHECKING:
    from claifo.study.statistics import Interval, Summary

Row = dict[str, Any]


def write(folder: Path, study: Study, groups: Sequence[Group]) -> None:
    """Write both files.

    Raises:
        ClaifoError: no space is left.
    """
    write_csv(folder / 'results.csv', [_result(study, group, groups) for group in groups])
    write_csv(folder / 'curves.csv', list(_curves(groups)))


def _result(study: Study, group: Group, groups: Sequence[Group]) -> Row:
    """Return the line of a group; what is unknown is left empty."""
    scored = score(group, reference_of(group, groups, study.reference))
    row: dict[str, Any] = {
        'method': group.method, 'task': group.task, 'domain': group.domain,
        'commit': group.commit, 'runs': len(group.results), 'finished': len(group.done),
        'expert_return': group.compared('expert'), 'random_return': group.compared('random'),
        'hours': round(group.hours, 4), 'updates': group.updates, 'flop': group.flop,
    }  # fmt: skip
    if scored:
        row |= _summary('final', scored.final) | _summary('best', scored.best)
        row |= {'final_share_of_expert': scored.share, 'improvement': scored.improvement}
        row |= _interval('improvement', scored.improvement_interval)
    return row


def _summary(name: str, summary: Summary) -> Row:
    return {
        f'{name}_mean': summary.mean,
        f'{name}_std': summary.std,
        **_interval(f'{name}_mean', summary.mean_interval),
        f'{name}_iqm': summary.iqm,
        **_interval(f'{name}_iqm', summary.iqm_interval),
    }


def _interval(name: str, interval: Interval | None) -> Row:
    low, high = interval or (None, None)
    return {f'{name}_low': low, f'{name}_high': high}


def _curves(groups: Sequence[Group]) -> Iterator[Row]:
    for group in groups:
        for result in group.results:
            for record in result.evaluations:
                yield {
                    'run': group.method, 'task': group.task, 'domain': group.domain,
                    'seed': result.run.seed, 'commit': group.commit,
                    'state': result.state,
                    **{key: record.get(key) for key in ('step', 'frames', 'updates', 'wall_s',
                                                        'return_mean', 'return_std')},
                }  # fmt: skip
