"""Charts as inline SVG whose colours are the page's, so that they follow light and dark."""

from __future__ import annotations

import io
import math
import re
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from claifo.playback.domain_gap import DomainGap
    from claifo.study.run_folder import Curve

# Placeholder colours that Matplotlib accepts, and the CSS variable each becomes.
INK, MUTED, GRID = '#000001', '#000002', '#000003'
TARGET, SOURCE = '#000004', '#000005'
_OTHERS = ('#000006', '#000007', '#000008', '#000009')
_VARIABLES = {
    INK: 'ink', MUTED: 'muted', GRID: 'grid', TARGET: 'target', SOURCE: 'source',
    **{colour: f'other{i}' for i, colour in enumerate(_OTHERS)},
}  # fmt: skip
STYLE = {
    'svg.fonttype': 'none', 'svg.hashsalt': 'claifo', 'font.size': 11,
    'font.sans-serif': ['DejaVu Sans'], 'text.color': INK,
    'axes.edgecolor': GRID, 'axes.labelcolor': MUTED, 'axes.titlecolor': INK,
    'axes.titlesize': 12, 'axes.titlelocation': 'left', 'axes.titleweight': 'bold',
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True, 'grid.color': GRID,
    'grid.linewidth': 0.7, 'axes.axisbelow': True, 'xtick.color': MUTED, 'ytick.color': MUTED,
    'xtick.major.size': 0, 'ytick.major.size': 0, 'lines.linewidth': 1.8, 'legend.frameon': False,
    'legend.fontsize': 10.5, 'legend.labelcolor': INK, 'path.simplify': True,
}  # fmt: skip
_POINTS = 300  # of a line: more cannot be seen

Series = tuple[str, 'Sequence[float]', str]


def learning_curve(
    own: Curve, controls: Sequence[Curve], by: str, expert: float | None, random: float | None
) -> str:
    """Draw evaluation returns over frames or wall time.

    Args:
        own: The run; drawn with a band of one standard deviation over episodes.
        controls: Other runs, drawn thin.
        by: ``frames`` or ``wall_s``.
        expert: Return of the expert, drawn as a line, or None.
        random: Return of uniform random actions, drawn as a line, or None.
    """
    with rc_context(STYLE):
        figure, axes = canvas(5.6, 3.7)
        for level, name in ((expert, 'expert'), (random, 'random actions')):
            if level is not None:
                axes.axhline(level, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
                axes.annotate(
                    f'{name} {level:.0f}', (1, level), xycoords=('axes fraction', 'data'),
                    xytext=(0, 3), textcoords='offset points', ha='right', color=MUTED,
                )  # fmt: skip
        for i, control in enumerate(controls):
            axes.plot(
                getattr(control, by), control.mean, linewidth=1.3, label=control.label,
                color=_OTHERS[i % len(_OTHERS)], linestyle=('-', ':')[i // len(_OTHERS) % 2],
            )  # fmt: skip
        x, mean, std = (np.asarray(v) for v in (getattr(own, by), own.mean, own.std))
        axes.fill_between(x, np.maximum(mean - std, 0), mean + std, color=TARGET, alpha=0.15, lw=0)
        axes.plot(x, mean, color=TARGET, marker='o', markersize=4, label=own.label, linewidth=2.2)
        axes.set(xlabel='frames' if by == 'frames' else 'training time (min)', ylabel='return')
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=min(0.0, *mean))
        axes.xaxis.set_major_formatter(thousands() if by == 'frames' else _minutes())
        axes.xaxis.set_major_locator(MaxNLocator(8) if by == 'frames' else _MinuteLocator())
        if controls:
            lines, labels = axes.get_legend_handles_labels()
            place = {'loc': 'upper left', 'bbox_to_anchor': (0, -0.17), 'borderaxespad': 0}
            axes.legend(lines[-1:] + lines[:-1], labels[-1:] + labels[:-1], ncols=2, **place)
        return to_svg(figure, f'curve-{by}', f'Evaluation return over {by}')


def panel(
    title: str, frames: Sequence[float], series: Sequence[Series], *, share: bool = False
) -> str:
    """Draw one small chart of the dashboard: named lines over frames.

    Args:
        title: Heading; it also names the figure's elements, so it differs from chart to chart.
        frames: Frames at which the values were recorded.
        series: (label, values, colour); a lone line needs no legend.
        share: The values lie in 0..1, and the axis shows just that.
    """
    with rc_context(STYLE):
        figure, axes = canvas(3.7, 2.3)
        for label, values, colour in series:
            axes.plot(*_thin(frames, values), color=colour, label=label)
        axes.set_title(title)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(thousands())
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if share:
            axes.set(ylim=(-0.03, 1.03), yticks=(0, 0.25, 0.5, 0.75, 1))
        if len(series) > 1:
            axes.legend(loc='best', handlelength=1.2)
        return to_svg(figure, re.sub(r'\W+', '-', title.lower()), title)


def projection(title: str, gap: DomainGap, shown: int = 160) -> str:
    """Draw the two looks of the same states on the first two principal axes, joined in pairs."""
    keep = np.linspace(0, len(gap.source) - 1, min(shown, len(gap.source))).astype(int)
    source, target = gap.source[keep], gap.target[keep]
    with rc_context({**STYLE, 'axes.grid': False}):
        figure, axes = canvas(5.6, 4.6)
        pairs = np.stack([source, target], axis=1)
        axes.add_collection(LineCollection(list(pairs), colors=MUTED, linewidths=0.6, alpha=0.5))
        for points, colour in ((source, SOURCE), (target, TARGET)):
            axes.scatter(points[:, 0], points[:, 1], s=13, color=colour, alpha=0.85, linewidths=0)
        axes.set_title(title)
        axes.set(xticks=[], yticks=[], xlabel='principal axis 1', ylabel='principal axis 2')
        axes.autoscale_view()
        return to_svg(figure, re.sub(r'\W+', '-', title.lower()), title)


class _MinuteLocator(MaxNLocator):
    """Ticks at round minutes on an axis in seconds."""

    def __init__(self) -> None:
        super().__init__(8, steps=[1, 2, 5, 10])

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the ticks of an axis from ``vmin`` to ``vmax`` seconds."""
        return [60.0 * tick for tick in super().tick_values(vmin / 60.0, vmax / 60.0)]


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes, in inches; draw inside STYLE."""
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _thin(
    frames: Sequence[float], values: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average neighbours until at most ``_POINTS`` points are left."""
    group = math.ceil(max(len(values), 1) / _POINTS)
    cuts = np.arange(0, len(values), group)
    counts = np.diff(np.append(cuts, len(values)))
    if not len(cuts):
        return np.empty(0), np.empty(0)
    means = [np.add.reduceat(np.asarray(v, np.float64), cuts) / counts for v in (frames, values)]
    return means[0], means[1]


def thousands() -> FuncFormatter:
    """Return the formatter of large counts: 20k, 1.5M."""
    return FuncFormatter(
        lambda v, _: f'{v / 1e6:g}M' if v >= 1e6 else f'{v / 1e3:g}k' if v >= 1e3 else f'{v:g}'
    )


def _minutes() -> FuncFormatter:
    return FuncFormatter(lambda v, _: f'{v / 60:g}')


def _rounded(path: str) -> str:
    """Keep one decimal of the coordinates of a path: a tenth of a pixel is plenty."""
    return re.sub(r'(\d+\.\d)\d+', r'\1', path)


def to_svg(figure: Figure, name: str, label: str) -> str:
    """Return SVG that may stand in a page beside others: own ids, page colours, page font."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', transparent=True)
    text = buffer.getvalue()
    text = text[text.index('<svg') :]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.S)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', '', text).replace('xlink:href', 'href')
    text = re.sub(r'(id="|href="#|url\(#)', rf'\g<1>{name}-', text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f'var(--{variable})')
    text = re.sub(r' d="[^"]*"', lambda path: _rounded(path.group()), text)
    return text.replace('<svg', f'<svg role="img" aria-label="{escape(label)}"', 1)
