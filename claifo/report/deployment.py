"""The report of a deployment: latency, rate and safety of a policy on a robot, from a bag."""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import FuncFormatter

from claifo.bags.reader import find_bags
from claifo.report import figures, render
from claifo.report.ledger import STAGES, read
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from claifo.report.ledger import Ledger

_RUN_FILES = ('config.yaml', 'metrics.jsonl')
_NS_PER_MS, _NS_PER_S = 1e6, 1e9
_MOST_POINTS = 400  # of the time series: more cannot be seen
_BINS = 60
_WIDE = 15  # beyond so many times p50 a linear axis would squeeze all but single values
_MOST_FAULTS = 200


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
    numbered = enumerate(recorded.ledgers.items())
    return render.write(
        out or (path / 'report.html' if path.is_dir() else path.with_suffix('.html')),
        'deployment',
        recorded=recorded,
        began=datetime.fromtimestamp(recorded.began_ns / _NS_PER_S, timezone.utc),
        ledgers={topic: _shown(k, ledger, recorded.start_ns) for k, (topic, ledger) in numbered},
        percentiles=percentiles,
        most_faults=_MOST_FAULTS,
    )


def percentiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return p50, p99 and the maximum."""
    p50, p99 = np.percentile(values, (50, 99))
    return float(p50), float(p99), float(values.max())


def _shown(number: int, ledger: Ledger, start_ns: int) -> dict[str, object]:
    """Return the figures of one topic: tiles, the table of stages, charts."""
    since = np.array(ledger.spans_ns) / _NS_PER_MS
    took = np.diff(since, axis=1, prepend=0.0)
    names = [f'{a} → {b}' for a, b in itertools.pairwise(('capture', *STAGES))]
    return {
        'latency': _latency_tiles(ledger),
        'rate': [(f'{len(ledger.steps):,}', 'actions'), *_rate_tiles(ledger.intervals_ms())],
        'stages': list(zip(names, took.T, since.T, strict=True)),
        'total_ms': ledger.total_ms,
        'charts': _charts(number, ledger, start_ns),
    }


def _latency_tiles(ledger: Ledger) -> list[tuple[str, str]]:
    p50, p99, longest = percentiles(ledger.total_ms)
    counted = ledger.counted()
    return [
        (f'{p50:.1f} ms', 'capture to action, p50'),
        (f'{p99:.1f} ms', 'capture to action, p99'),
        (f'{longest:.1f} ms', 'capture to action, longest'),
        (f'{counted["late"]:,}', 'late: steps that showed an old frame again'),
        (f'{counted["dropped"]:,}', 'dropped: frames that no step showed'),
    ]


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


def _charts(number: int, ledger: Ledger, start_ns: int) -> list[tuple[str, str]]:
    seconds = (ledger.published_ns - start_ns) / _NS_PER_S
    intervals_ms = ledger.intervals_ms()
    charts = [
        (_histogram(ledger.total_ms, f'total-{number}', 'capture to action'),
         'How often each latency occurs; the count is logarithmic, so that single ones show.'),
        (_series(seconds, ledger.total_ms, f'time-{number}'),
         'Latency over time. Where points are too dense, each shows the longest of its '
         'neighbours, and the grey line their median.'),
    ]  # fmt: skip
    if len(intervals_ms):
        charts.append((_histogram(intervals_ms, f'interval-{number}', 'time between actions'),
                       'Time between actions; the count is logarithmic.'))  # fmt: skip
    return charts


def _histogram(values: NDArray[np.float64], name: str, label: str) -> str:
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
    x, longest, median = (
        figures.thinned(of, reduce, _MOST_POINTS)
        for of, reduce in ((seconds, np.mean), (values, np.max), (values, np.median))
    )
    with rc_context(figures.STYLE):
        figure, axes = figures.canvas(5.6, 3.2)
        axes.plot(x, longest, color=figures.TARGET, linewidth=1)
        if len(values) > _MOST_POINTS:
            axes.plot(x, median, color=figures.MUTED, linewidth=1)
        axes.set(xlabel='time (s)', ylabel='capture to action (ms)')
        axes.set_ylim(bottom=min(0.0, values.min()))
        return figures.to_svg(figure, name, 'Latency over time')
