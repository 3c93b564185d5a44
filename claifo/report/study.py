"""The page of a study: what its methods reached, how sure that is, and what it cost."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from claifo.report import render, robustness, study_diagnostics, study_figures
from claifo.study import export, results, store
from claifo.study.progress import DONE, FAILED, WAITING
from claifo_core.config.methods import METHODS
from claifo_core.files import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from claifo.report.study_diagnostics import Line
    from claifo.study.plan import Study
    from claifo.study.progress import Progress
    from claifo.study.results import Group


def is_study(folder: Path) -> bool:
    """Return whether a folder is that of a study."""
    return (folder / store.STUDY_FILE).is_file()


def build(folder: Path, out: Path | None = None) -> Path:
    """Write the page of a study, finished or not, and its tables as CSV beside it.

    Args:
        folder: Of the study.
        out: The page; ``report.html`` in the folder when None.

    Returns:
        Where the page is.

    Raises:
        ClaifoError: a file of the study is missing or damaged, or no space is left.
    """
    study, path = store.restore(folder), out or folder / 'report.html'
    groups, sessions = results.read(folder, study), store.read(folder)['sessions']
    measured = study_diagnostics.measure(groups)
    export.write(path.parent, study, groups)
    write_csv(path.parent / 'diagnostics.csv', list(study_diagnostics.rows(measured)))
    worlds = itertools.groupby(groups, lambda group: (group.task, group.domain))
    names = ('method', 'task', 'domain', 'seed')
    unfinished = [r for g in groups for r in g.results if r.state != DONE]
    overall = {method: results.overall(study, groups, method) for method in study.methods}
    return render.write(
        path,
        'study',
        study=study,
        groups=groups,
        size=[(name, getattr(study, f'{name}s')) for name in names],
        sessions=dict.fromkeys((s['command'], s['commit']) for s in sessions),
        figures=_figures(groups),
        unfinished=len(unfinished),
        troubles=[told for group in groups if (told := _trouble(folder, group))],
        worlds=[_world(study, list(members), measured) for _, members in worlds],
        measures=list(study_diagnostics.COLUMNS.values()),
        overall={method: found for method, found in overall.items() if found},
        matrix=robustness.read(folder / 'matrix.csv', of_study=True),
        known=METHODS,
    )


def _figures(groups: Sequence[Group]) -> list[tuple[str, str]]:
    states = [result.state for group in groups for result in group.results]
    commits = sorted({group.commit for group in groups})
    several = len(commits) > 1
    return [
        (f'{states.count(DONE)} of {len(states)}', 'runs finished'),
        (f'{sum(group.hours for group in groups):.1f} h', 'training, all runs added up'),
        (f'{sum(group.updates for group in groups):,}', 'updates'),
        (str(len(commits)), 'commits, kept apart') if several else (commits[0], 'commit'),
    ]


def _trouble(folder: Path, group: Group) -> str:
    """Say which runs of a group have failed or are not at their end, if any."""
    reasons: dict[str, list[str]] = {}
    for result in group.results:
        if result.state != DONE:
            reasons.setdefault(_why(folder, result), []).append(str(result.run.seed))
    told = '; '.join(f'seed {", ".join(seeds)} {why}' for why, seeds in reasons.items())
    return told and f'{group.method}, {group.task}, {group.domain}: {told}'


def _why(folder: Path, known: Progress) -> str:
    if known.state == FAILED:
        return f'failed: {store.last_line(folder / known.run.folder / store.LOG_FILE)}'
    return 'not begun' if known.state == WAITING else f'{known.share:.0%} done'


def _world(study: Study, groups: Sequence[Group], measured: Sequence[Line]) -> dict[str, object]:
    """Return everything about one task and domain."""
    several = len({group.commit for group in groups}) > 1
    named = [(f'{g.method} ({g.commit})' if several else g.method, g) for g in groups]
    scored = [
        (label, group, score)
        for label, group in named
        if (score := results.score(group, results.reference_of(group, groups, study.reference)))
    ]
    expert, random = _compared(groups, 'expert'), _compared(groups, 'random')
    levels = (('expert', expert), ('random actions', random))
    task, domain = groups[0].task, groups[0].domain
    return {
        'task': task,
        'domain': domain,
        'levels': [f'{who} {level:.0f}' for who, level in levels if level is not None],
        'scored': scored,
        'finals': study_figures.finals(f'finals-{task}-{domain}', scored, expert),
        'curves': _curves(study.reference, named, expert),
        'diagnostics': study_diagnostics.means(measured, named),
    }


def _curves(
    reference: str, named: Sequence[tuple[str, Group]], expert: float | None
) -> list[tuple[str, str]]:
    drawn = [(label, g, curve) for label, g in named if (curve := results.curve(g))]
    top = max([expert or 0.0, *(float(curve.seeds.max()) for _, _, curve in drawn)])
    behind = next((curve for _, g, curve in drawn if g.method == reference), None)
    return [
        (study_figures.curves(f'{g.task}-{g.domain}', label, curve, behind, top, expert), '')
        for label, g, curve in drawn
    ]


def _compared(groups: Iterable[Group], who: str) -> float | None:
    return next((v for group in groups if (v := group.compared(who)) is not None), None)
