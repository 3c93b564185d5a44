"""The page of a study: what its methods reached, how sure that is, and what it cost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.report import robustness, study_diagnostics, study_figures
from claifo.report.sections import heading
from claifo.report.tables import html_rows, html_table
from claifo.report.template import PAGE, STYLE
from claifo.study import export, results, store
from claifo.study.plan import Study
from claifo.study.progress import DONE, FAILED, WAITING
from claifo.study.results import Group, Result, Score
from claifo_core.config.methods import METHODS
from claifo_core.files import write_atomic, write_csv

if TYPE_CHECKING:
    from claifo.report.study_diagnostics import Line
    from claifo.study.statistics import Interval, Summary

_READING = (
    'Only finished runs are counted. <b>final</b>: the last evaluation; <b>best</b>: the best, '
    'which takes the true return to choose. <b>IQM</b>: interquartile mean over the runs, the '
    'lowest and highest N // 4 left out; of fewer than four runs it is the mean. Brackets: 95 % '
    'percentile bootstrap over the runs, which a handful of seeds makes too narrow rather than '
    'too wide. <b>better than</b>: how probably a run of this method ends higher than one of the '
    'reference. (Agarwal et al. 2021, arXiv 2108.13264.) Hours, updates '
    'and FLOP (counted from the settings) are those of all runs.'
)
_EXTRA = """
table.numbers { font-size: 13px; } td b { white-space: nowrap; }
table.numbers td, table.numbers th { white-space: nowrap; padding-right: 13px; }
.small { color: var(--muted); font-size: 12.5px; }
.bad ul { font-size: 13.5px; }
.bad { border-left: 4px solid var(--source); padding-left: 12px; }
code { font-size: 12.5px; overflow-wrap: anywhere; }
"""


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
    study = store.restore(folder)
    groups = results.read(folder, study)
    source = _source(store.read(folder)['sessions'])
    measured = study_diagnostics.measure(folder, groups)
    worlds = itertools.groupby(groups, lambda group: (group.task, group.domain))
    body = [
        _header(study, groups),
        _troubles(groups),
        *(_world(study, list(members), source, measured) for _, members in worlds),
        _over_all(study, groups, source),
        robustness.section(folder / 'matrix.csv', of_study=True),
        f'<p class="note">{_READING}</p>',
        _methods(study),
        _runs(groups),
    ]
    path = out or folder / 'report.html'
    export.write(path.parent, study, groups)
    write_csv(path.parent / 'diagnostics.csv', list(study_diagnostics.rows(measured)))
    title = escape(f'claifo study: {study.name}')
    page = PAGE.format(title=title, style=STYLE + _EXTRA, script='', body='\n'.join(body))
    write_atomic(path, page.encode())
    return path


def _source(sessions: Sequence[dict[str, Any]]) -> str:
    """Return the commands and commits that made the figures."""
    seen = dict.fromkeys((s['command'], s['commit']) for s in sessions)
    made = '; '.join(f'<code>{escape(c)}</code> at commit {escape(k)}' for c, k in seen)
    return f'<p class="note">Made by {made}.</p>'


def _header(study: Study, groups: Sequence[Group]) -> str:
    runs = [result for group in groups for result in group.results]
    counts = Counter(result.progress.state for result in runs)
    size = ' &times; '.join(
        f'{len(values)} {name if len(values) == 1 else name + "s"}'
        for name, values in (('method', study.methods), ('task', study.tasks),
                             ('domain', study.domains), ('seed', study.seeds))
    )  # fmt: skip
    hours = sum(group.hours for group in groups)
    updates = sum(group.updates for group in groups)
    commits = sorted({group.commit for group in groups})
    one = len(commits) == 1
    tiles = [
        (f'{counts[DONE]} of {len(runs)}', 'runs finished'),
        (f'{hours:.1f} h', 'training, all runs added up'),
        (f'{updates:,}', 'updates'),
        (escape(commits[0]), 'commit') if one else (len(commits), 'commits, kept apart'),
    ]
    cells = ''.join(f'<div><b>{value}</b><span>{label}</span></div>' for value, label in tiles)
    return (
        f'<h1>{escape(study.name)}</h1><p class="lead">A study of {size}. True returns in the '
        f'world of the agent, {study.base.eval_episodes} episodes per evaluation; learners see '
        f'them only where a method says so.</p><div class="tiles">{cells}</div>'
    )


def _troubles(groups: Sequence[Group]) -> str:
    """Say which runs have failed or are not at their end."""
    lines, count = [], 0
    for group in groups:
        reasons: dict[str, list[str]] = {}
        for result in (r for r in group.results if r.progress.state != DONE):
            reasons.setdefault(_why(result), []).append(str(result.progress.run.seed))
            count += 1
        told = '; '.join(f'seed {", ".join(seeds)} {why}' for why, seeds in reasons.items())
        if told:
            lines.append(f'<li>{escape(f"{group.method}, {group.task}, {group.domain}: {told}")}')
    if not lines:
        return ''
    counted = '1 run is' if count == 1 else f'{count} runs are'
    return f'<div class="bad">{heading(f"{counted} not finished")}<ul>{"".join(lines)}</ul></div>'


def _why(result: Result) -> str:
    known = result.progress
    if known.state == FAILED:
        return f'failed: {store.last_line(result.log)}'
    return 'not begun' if known.state == WAITING else f'{known.share:.0%} done'


def _world(
    study: Study, groups: Sequence[Group], source: str, measured: Sequence[Line]
) -> str:
    """Return everything about one task and domain."""
    task, domain = groups[0].task, groups[0].domain
    text = heading(f'{escape(task)}, {escape(domain)}')
    scored = [
        (group, score)
        for group in groups
        if (score := results.score(group, results.reference_of(group, groups, study.reference)))
    ]
    expert, random = _compared(groups, 'expert'), _compared(groups, 'random')
    named = (('expert', expert), ('random actions', random))
    levels = [f'{who} {level:.0f}' for who, level in named if level is not None]
    text += f'<p class="note">{", ".join(levels)}.</p>' if levels else ''
    if scored:
        labels = _labels([group for group, _ in scored])
        chart = study_figures.finals(f'finals-{task}-{domain}', scored, expert, labels)
        text += (
            f'<figure>{chart}<figcaption>Final return: dots are runs, the mark is the '
            f'interquartile mean, the bar its 95 % interval.</figcaption></figure>{source}'
            f'{_table(study, scored, labels)}'
        )
    text += _curves(study, groups, expert, source)
    return text + study_diagnostics.section(measured, groups, _labels(groups))


def _curves(study: Study, groups: Sequence[Group], expert: float | None, source: str) -> str:
    drawn = [(group, curve) for group in groups if (curve := results.curve(group))]
    if not drawn:
        return '<p>No evaluation yet.</p>'
    top = max([expert or 0.0, *(float(curve.seeds.max()) for _, curve in drawn)])
    reference = next((c for group, c in drawn if group.method == study.reference), None)
    labels = _labels([group for group, _ in drawn])
    world = f'{groups[0].task}-{groups[0].domain}'
    charts = ''.join(
        f'<figure>{study_figures.curves(world, label, curve, reference, top, expert)}</figure>'
        for label, (_, curve) in zip(labels, drawn, strict=True)
    )
    return (
        f'<h3>Learning curves</h3><p class="note">Return over control steps: seeds thin, '
        f'interquartile mean thick, its 95 % interval as band; grey: '
        f'{escape(study.reference)}. Drawn as far as all begun runs of a method have come.</p>'
        f'<div class="charts">{charts}</div>{source}'
    )


def _table(study: Study, scored: Sequence[tuple[Group, Score]], labels: Sequence[str]) -> str:
    head = (
        'method', 'runs', 'final: IQM', 'mean ± std', 'of the expert', 'best: IQM', 'mean ± std',
        f'better than {escape(study.reference)}', 'hours', 'updates', 'TFLOP',
    )  # fmt: skip
    rows = [
        (
            f'<b>{escape(label)}</b>',
            f'{len(group.done)} of {len(group.results)}',
            _iqm(score.final),
            _mean(score.final),
            '-' if score.share is None else f'{score.share:.0%}',
            _iqm(score.best),
            _mean(score.best),
            _chance(score.improvement, score.improvement_interval),
            f'{group.hours:.2f}',
            f'{group.updates:,}',
            f'{group.flop / 1e12:,.1f}',
        )
        for label, (group, score) in zip(labels, scored, strict=True)
    ]
    return html_table(head, rows)


def _over_all(study: Study, groups: Sequence[Group], source: str) -> str:
    """Return the table over all worlds, where there are several."""
    if len(study.tasks) * len(study.domains) == 1:
        return ''
    rows = []
    for method in study.methods:
        if overall := results.overall(study, groups, method):
            summary, chance, interval = overall
            rows.append((f'<b>{escape(method)}</b>', str(summary.runs), _iqm(summary, 2),
                         _mean(summary, 2), _chance(chance, interval)))  # fmt: skip
    text = heading('All worlds together')
    if not rows:
        return f'{text}<p>No method has finished runs, and a known expert, in every world.</p>'
    head = ('method', 'runs', 'IQM', 'mean ± std', f'better than {escape(study.reference)}')
    return (
        f'{text}<p class="note">Final return over that of the expert, over all worlds; intervals '
        f'and chances are stratified by world. Methods that lack a world are left out.</p>'
        f'{html_table(head, rows)}{source}'
    )


def _methods(study: Study) -> str:
    rows = []
    for name, options in study.methods.items():
        known = METHODS.get(name)
        what = f'{known.summary} ({known.source})' if known else 'of this study'
        changed = ', '.join(f'{key}: {value}' for key, value in options.items()) or 'nothing'
        rows.append((f'<b>{escape(name)}</b>', escape(what), f'<code>{escape(changed)}</code>'))
    return (
        f'{heading("What is compared")}<div class="scroll"><table><tr><th>method</th><th></th>'
        f'<th>options over the base, base.yaml</th></tr>{html_rows(rows)}</table></div>'
    )


def _runs(groups: Sequence[Group]) -> str:
    rows = []
    for group, result in ((g, r) for g in groups for r in g.results):
        known = result.progress
        shown = f'{result.final:.1f}' if result.evaluations else '-'
        rows.append((
            escape(str(known.run)), known.state, shown, f'{known.wall_s / 60:.1f} min',
            escape(group.commit), f'<code>{escape(str(result.job.get("command", "")))}</code>',
        ))  # fmt: skip
    head = ('run', 'state', 'last return', 'time', 'commit', 'command')
    cells = ''.join(f'<th>{name}</th>' for name in head)
    return (
        f'<details><summary>All runs and their commands</summary><div class="scroll"><table>'
        f'<tr>{cells}</tr>{html_rows(rows)}</table></div></details>'
    )


def _labels(groups: Sequence[Group]) -> list[str]:
    """Name groups by method, and by commit where there are several."""
    several = len({group.commit for group in groups}) > 1
    return [f'{g.method} ({g.commit})' if several else g.method for g in groups]


def _compared(groups: Iterable[Group], who: str) -> float | None:
    return next((v for group in groups if (v := group.compared(who)) is not None), None)


def _iqm(summary: Summary, digits: int = 0) -> str:
    return f'{summary.iqm:.{digits}f}{_interval(summary.iqm_interval, digits)}'


def _mean(summary: Summary, digits: int = 0) -> str:
    spread = '' if summary.std is None else f' ± {summary.std:.{digits}f}'
    return f'{summary.mean:.{digits}f}{spread}{_interval(summary.mean_interval, digits)}'


def _chance(chance: float | None, interval: Interval | None) -> str:
    return '-' if chance is None else f'{chance:.2f}{_interval(interval, 2)}'


def _interval(interval: Interval | None, digits: int) -> str:
    if interval is None:
        return ''
    low, high = interval
    return f' <span class="small">[{low:.{digits}f}, {high:.{digits}f}]</span>'
