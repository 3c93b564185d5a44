"""Charts as inline SVG whose colours are the page's, so that they follow light and dark."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

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
    minutes = by == 'wall_s'
    scale, unit, steps = (60, 'training time (min)', [1, 2, 5, 10]) if minutes else (1, by, None)
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
                np.divide(getattr(control, by), scale), control.mean, linewidth=1.3,
                label=control.label, color=_OTHERS[i % len(_OTHERS)],
                linestyle=('-', ':')[i // len(_OTHERS) % 2],
            )  # fmt: skip
        x, mean, std = np.divide(getattr(own, by), scale), np.array(own.mean), np.array(own.std)
        axes.fill_between(x, np.maximum(mean - std, 0), mean + std, color=TARGET, alpha=0.15, lw=0)
        axes.plot(x, mean, color=TARGET, marker='o', markersize=4, label=own.label, linewidth=2.2)
        axes.set(xlabel=unit, ylabel='return')
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=min(0.0, *mean))
        axes.xaxis.set_major_formatter(EngFormatter(sep=''))
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=steps))
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
            axes.plot(thinned(frames), thinned(values), color=colour, label=label)
        axes.set_title(title)
        over_frames(axes)
        if share:
            axes.set(ylim=(-0.03, 1.03), yticks=(0, 0.25, 0.5, 0.75, 1))
        if len(series) > 1:
            axes.legend(loc='best', handlelength=1.2)
        return to_svg(figure, title, title)


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
        return to_svg(figure, title, title)


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes, in inches; draw inside STYLE."""
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def over_frames(axes: Axes) -> None:
    """Give a small chart over frames its ticks: 20k, 1.5M."""
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=''))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def thinned(
    values: ArrayLike, reduce: Callable[..., float] = np.mean, most: int = 300
) -> list[float]:
    """Return at most so many values, each of some neighbours: more points cannot be seen."""
    array = np.asarray(values, np.float64)
    groups = np.array_split(array, min(most, len(array))) if len(array) else []
    return [float(reduce(group)) for group in groups]


def _rounded(path: str) -> str:
    """Keep one decimal of the coordinates of a path: a tenth of a pixel is plenty."""
    return re.sub(r'(\d+\.\d)\d+', r'\1', path)


def to_svg(figure: Figure, name: str, label: str) -> str:
    """Return SVG that may stand in a page beside others: page colours, page font, own ids.

    Args:
        figure: To be drawn.
        name: Begins its ids; it differs from figure to figure of a page.
        label: For who cannot see it.
    """
    name = re.sub(r'\W+', '-', name.lower())
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
