"""Charts of a study: learning curves of each method, and final returns side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context

from claifo.report import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from claifo.study.results import Curve, Group, Score


def curves(
    name: str, title: str, own: Curve, reference: Curve | None, top: float, expert: float | None
) -> str:
    """Draw one method: every seed thin, their interquartile mean thick, its 95 % band.

    Args:
        name: Begins the ids of the figure, so it differs from figure to figure of a page.
        title: Name of the method.
        own: Its curve.
        reference: Curve of the reference, drawn behind in grey, or None.
        top: Highest return that the axis must show, the same in all charts of a world.
        expert: Return of the expert, drawn as a line, or None.
    """
    with rc_context(figures.STYLE):
        figure, axes = figures.canvas(3.7, 2.5)
        if expert is not None:
            axes.axhline(expert, color=figures.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        if reference is not None:
            axes.plot(reference.frames, reference.iqm, color=figures.MUTED, linewidth=1.4)
        for seed in own.seeds:
            axes.plot(own.frames, seed, color=figures.TARGET, linewidth=0.8, alpha=0.5)
        axes.fill_between(
            own.frames, own.low, own.high, color=figures.TARGET, alpha=0.18, linewidth=0
        )
        axes.plot(own.frames, own.iqm, color=figures.TARGET, linewidth=2.2)
        axes.set_title(title)
        figures.over_frames(axes)
        axes.set_ylim(min(0.0, float(own.seeds.min())), 1.06 * top)
        return figures.to_svg(figure, f'{name}-{title}', f'Learning curve of {title}')


def finals(
    name: str, rows: Sequence[tuple[str, Group, Score]], expert: float | None
) -> str:
    """Draw the final returns: every run a dot, the interquartile mean a bar with its interval.

    Args:
        name: Begins the ids of the figure.
        rows: Label and figures of each method, from top to bottom.
        expert: Return of the expert, drawn as a line, or None.
    """
    with rc_context({**figures.STYLE, 'axes.grid.axis': 'x'}):
        figure, axes = figures.canvas(10.8, 0.85 + 0.32 * len(rows))
        for y, (_, group, score) in enumerate(rows):
            _row(axes, y, group, score)
        if expert is not None:
            axes.axvline(expert, color=figures.MUTED, linewidth=1, linestyle=(0, (4, 3)))
            axes.annotate(
                f'expert {expert:.0f}', (expert, 1), xycoords=('data', 'axes fraction'),
                xytext=(0, 3), textcoords='offset points', ha='right', color=figures.MUTED,
            )  # fmt: skip
        labels = [label for label, _, _ in rows]
        axes.set(yticks=range(len(rows)), yticklabels=labels, xlabel='final return')
        axes.tick_params('y', labelcolor=figures.INK)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        return figures.to_svg(figure, name, 'Final returns of the methods')


def _row(axes: Axes, y: int, group: Group, score: Score) -> None:
    low, high = score.final.iqm_interval or (score.final.iqm, score.final.iqm)
    axes.plot([low, high], [y, y], color=figures.TARGET, linewidth=8, alpha=0.22,
              solid_capstyle='butt')  # fmt: skip
    axes.plot(score.final.iqm, y, color=figures.TARGET, marker='|', markersize=13,
              markeredgewidth=2.5)  # fmt: skip
    axes.plot(group.finals, [y] * len(group.finals), color=figures.INK, marker='o', markersize=3.5,
              linewidth=0, alpha=0.7)  # fmt: skip
