"""The report of a deployment: latency, rate and safety of a policy on a robot, from a bag."""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import FuncFormatter

from claifo.bags.reader import find_bags
from claifo.report import figures
from claifo.report.ledger import STAGES, read
from claifo.report.template import PAGE, STYLE
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from claifo.report.ledger import Ledger, Recorded, Safety

_RUN_FILES = ('config.yaml', 'metrics.jsonl')
_NS_PER_MS, _NS_PER_S = 1e6, 1e9
_MOST_POINTS = 400  # of the time series: more cannot be seen
_BINS = 60
_WIDE = 15  # beyond so many times p50 a linear axis would squeeze all but single values
_MOST_FAULTS = 200
_APART, _UNBROKEN = 'style="margin-top:18px"', 'style="white-space:nowrap"'


def is_bag(path: Path) -> bool:
    """Return whether ``path`` is a bag and no run folder."""
    if not path.exists() or any((path / name).exists() for name in _RUN_FILES):
        return False
    try:
        return path.is_file() or bool(find_bags([path]))
    except ClaifoError:
        return False


def build(path: Path, out: Path | None = None) -> Path:
    """Write the report of a bag.

    Args:
        path: A bag, or a folder of bags.
        out: The page; when None ``report.html`` in the folder, or beside the file.

    Returns:
        Where the page is.

    Raises:
        ClaifoError: nothing in the bag tells of a deployment, or no space is left.
    """
    recorded = read(path)
    body = [_header(recorded)]
    for number, (topic, ledger) in enumerate(recorded.ledgers.items()):
        body += [_ledger(topic, ledger), _charts(number, ledger, recorded.start_ns)]
    body += [_safety(topic, told, recorded) for topic, told in recorded.safety.items()]
    body += [] if recorded.safety else [_NO_SAFETY]
    title = escape(f'claifo report: {path.resolve().name}')
    page = PAGE.format(title=title, style=STYLE, script='', body='\n'.join(body))
    out = out or (path / 'report.html' if path.is_dir() else path.with_suffix('.html'))
    write_atomic(out, page.encode())
    return out


_NO_SAFETY = (
    '<h2>Safety</h2><p>The bag has no messages of the safety node. Record the topic '
    'safety/status as well to see what was clipped, and why it stopped.</p>'
)


def _header(recorded: Recorded) -> str:
    began = datetime.fromtimestamp(recorded.began_ns / _NS_PER_S, timezone.utc)
    lost = ''.join(f'<br>{escape(line)}' for line in recorded.losses)
    return (
        f'<h1>{escape(recorded.path.resolve().name)}</h1><p class="lead">A policy on live '
        f'cameras, recorded from {began:%Y-%m-%d %H:%M:%S} UTC.{lost}</p>'
    )


def percentiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return p50, p99 and the maximum."""
    p50, p99 = np.percentile(values, (50, 99))
    return float(p50), float(p99), float(values.max())


def _ledger(topic: str, ledger: Ledger) -> str:
    """Return the figures of one topic: tiles and the table of stages."""
    return (
        f'<h2>Latency on {escape(topic)}</h2>{_tiles(ledger)}'
        f'<p class="note" {_APART}>Milliseconds from the capture of a picture (its stamp) to the '
        'action that answers it. Left: what each stage took by itself. Right: since the capture. '
        'Percentiles of several stages do not add up.</p>'
        f'<div class="scroll"><table {_UNBROKEN}>{_stage_rows(ledger)}</table></div>'
    )


def _tiles(ledger: Ledger) -> str:
    p50, p99, longest = percentiles(ledger.total_ms)
    counted = ledger.counted()
    latency = [
        (f'{p50:.1f} ms', 'capture to action, p50'),
        (f'{p99:.1f} ms', 'capture to action, p99'),
        (f'{longest:.1f} ms', 'capture to action, longest'),
        (f'{counted["late"]:,}', 'late: steps that showed an old frame again'),
        (f'{counted["dropped"]:,}', 'dropped: frames that no step showed'),
    ]
    rate = [(f'{len(ledger.steps):,}', 'actions'), *_rate_tiles(ledger.intervals_ms())]
    return _tile_row(latency) + _tile_row(rate)


def _tile_row(shown: list[tuple[str, str]]) -> str:
    cells = ''.join(f'<div><b>{value}</b><span>{label}</span></div>' for value, label in shown)
    return f'<div class="tiles" style="margin-top:12px">{cells}</div>'


def _rate_tiles(intervals_ms: NDArray[np.float64]) -> list[tuple[str, str]]:
    """Return the control rate and how much it varies; nothing of a single action."""
    if not len(intervals_ms):
        return []
    _, p99, longest = percentiles(intervals_ms)
    return [
        (f'{1e3 / intervals_ms.mean():.2f} Hz', 'control rate'),
        (f'{intervals_ms.std():.2f} ms', 'jitter: std of the time between actions'),
        (f'{p99:.1f} ms', 'between actions, p99'),
        (f'{longest:.1f} ms', 'between actions, longest'),
    ]


def _stage_rows(ledger: Ledger) -> str:
    since = np.array(ledger.spans_ns) / _NS_PER_MS
    took = np.diff(since, axis=1, prepend=0.0)
    rows = [
        '<tr><th></th><th colspan="3">this stage</th><th colspan="3">since capture</th></tr>'
        f'<tr><th></th>{"<th>p50</th><th>p99</th><th>max</th>" * 2}</tr>'
    ]
    for k, (before, stage) in enumerate(zip(('capture', *STAGES), STAGES, strict=False)):
        cells = _cells(took[:, k]) + _cells(since[:, k])
        rows.append(f'<tr><th>{before} → {stage}</th>{cells}</tr>')
    total = _cells(ledger.total_ms)
    rows.append(f'<tr><th><b>capture → published</b></th>{total}<td colspan="3"></td></tr>')
    return ''.join(rows)


def _cells(values: NDArray[np.float64]) -> str:
    return ''.join(f'<td>{value:.2f}</td>' for value in percentiles(values))


def _charts(number: int, ledger: Ledger, start_ns: int) -> str:
    seconds = (ledger.published_ns - start_ns) / _NS_PER_S
    charts = (
        (_histogram(ledger.total_ms, f'total-{number}'),
         'How often each latency occurs; the count is logarithmic, so that single ones show.'),
        (_series(seconds, ledger.total_ms, f'time-{number}'),
         'Latency over time. Where points are too dense, each shows the longest of its '
         'neighbours, and the grey line their median.'),
        (_interval_chart(ledger.intervals_ms(), f'interval-{number}'),
         'Time between actions; the count is logarithmic.'),
    )  # fmt: skip
    shown = [f'<figure>{c}<figcaption>{text}</figcaption></figure>' for c, text in charts if c]
    return f'<div class="two" {_APART}>{"".join(shown)}</div>'


def _histogram(values: NDArray[np.float64], name: str, label: str = 'capture to action') -> str:
    with rc_context(figures.STYLE):
        figure, axes = figures.canvas(5.6, 3.2)
        p50, p99, longest = percentiles(values)
        if wide := values.min() > 0 and longest > _WIDE * p50:
            axes.set_xscale('log')
            axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f'{v:g}'))
        axes.hist(values, _edges(values, wide), color=figures.TARGET, alpha=0.8)
        _mark(axes, p50, 'p50 ', 'right')
        _mark(axes, p99, ' p99', 'left')
        axes.set_yscale('log')
        axes.set(xlabel=f'{label} (ms)', ylabel='actions')
        return figures.to_svg(figure, name, f'Histogram: {label}')


def _interval_chart(intervals_ms: NDArray[np.float64], name: str) -> str:
    return _histogram(intervals_ms, name, 'time between actions') if len(intervals_ms) else ''


def _edges(values: NDArray[np.float64], wide: bool) -> NDArray[np.float64]:
    """Return bins; even ones begin at 0, or a millisecond of jitter would fill the chart."""
    if wide:
        return np.geomspace(values.min(), values.max() * 1.001, _BINS + 1)
    return np.linspace(min(0.0, values.min()), max(values.max(), 1e-3) * 1.02, _BINS + 1)


def _mark(axes: Axes, value: float, text: str, align: str) -> None:
    axes.axvline(value, color=figures.INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        text, (value, 1), xycoords=('data', 'axes fraction'), ha=align, va='bottom',
        color=figures.MUTED,
    )  # fmt: skip


def _series(seconds: NDArray[np.float64], values: NDArray[np.float64], name: str) -> str:
    longest, median = (_grouped(values, reduce) for reduce in (np.max, np.median))
    with rc_context(figures.STYLE):
        figure, axes = figures.canvas(5.6, 3.2)
        axes.plot(_grouped(seconds, np.mean), longest, color=figures.TARGET, linewidth=1)
        if len(values) > _MOST_POINTS:
            axes.plot(_grouped(seconds, np.mean), median, color=figures.MUTED, linewidth=1)
        axes.set(xlabel='time (s)', ylabel='capture to action (ms)')
        axes.set_ylim(bottom=min(0.0, values.min()))
        return figures.to_svg(figure, name, 'Latency over time')


def _grouped(values: NDArray[np.float64], reduce: Callable[..., float]) -> list[float]:
    groups = np.array_split(values, min(_MOST_POINTS, len(values)))
    return [float(reduce(group)) for group in groups]


def _safety(topic: str, told: Safety, recorded: Recorded) -> str:
    """Return what the safety node changed, and when it stopped."""
    return (
        f'<h2>Safety on {escape(topic)}</h2>'
        f'<p class="note">{told.commands:,} commands were passed on.</p>'
        f'{_clipped_table(told)}{_faults_table(told, recorded.start_ns)}'
    )


def _clipped_table(told: Safety) -> str:
    rows = ''.join(
        f'<tr><th>{escape(name)}</th><td>{joint.clipped:,}</td>'
        f'<td>{joint.clipped / joint.commands:.1%}</td><td>{joint.largest:.4g}</td></tr>'
        for name, joint in told.joints.items()
    )
    return (
        '<div class="scroll"><table><tr><th>joint or axis</th><th>clipped</th><th>share</th>'
        f'<th>largest change (in its unit)</th></tr>{rows}</table></div>'
    )


def _faults_table(told: Safety, start_ns: int) -> str:
    if not told.faults:
        return '<p>No fault.</p>'
    rows = ''.join(
        f'<tr><td {_UNBROKEN}>{(time_ns - start_ns) / _NS_PER_S:.2f} s</td>'
        f'<td>{escape(reason)}</td></tr>'
        for time_ns, reason in told.faults[:_MOST_FAULTS]
    )
    more = len(told.faults) - _MOST_FAULTS
    rest = f'<p class="note">… and {more:,} more.</p>' if more > 0 else ''
    return (
        f'<p class="note" {_APART}>Faults: {len(told.faults):,}. Time counts from the first '
        'action or fault.</p><div class="scroll"><table><tr><th>time</th><th>fault</th></tr>'
        f'{rows}</table></div>{rest}'
    )
