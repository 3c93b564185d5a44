"""The robustness matrix as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from claifo.robustness.cells import TRAINING, UNSEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from claifo.robustness.cells import Cell

_CELL_IN = 0.52
_DPI = 110
_MIDDLE = 0.55  # from here on cells are light, and their text dark


def heat_map(cells: Sequence[Cell]) -> bytes:
    """Return a PNG: a row for each run, a column for each look, the share of the return as colour.

    The look of training is framed; unseen looks stand to the right of the line.
    """
    runs = {
        cell.run: cell.run if cell.trained_in in cell.run else f'{cell.run}\n({cell.trained_in})'
        for cell in cells
    }
    looks = _columns(cells)
    size = (_CELL_IN * len(looks) + 3.2, _CELL_IN * len(runs) + 2.3)
    figure = Figure(figsize=size, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = np.full((len(runs), len(looks)), np.nan)
    for cell in cells:
        row, column = list(runs).index(cell.run), looks.index(cell.look)
        if cell.share is not None:
            shares[row, column] = cell.share
        _write(axes, row, column, cell)
    image = axes.imshow(shares, cmap='viridis', vmin=0, vmax=1, aspect='equal')
    seen = len({cell.look for cell in cells if cell.group != UNSEEN})
    axes.axvline(seen - 0.5, color='black', linewidth=1.5)
    axes.set_xticks(range(len(looks)), looks, rotation=50, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(len(runs)), list(runs.values()))
    axes.tick_params(length=0, labelsize=8)
    axes.set_title('Return in a look, in per cent of that in the look of training', fontsize=10)
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, extend='max')
    png = io.BytesIO()
    figure.savefig(png, dpi=_DPI, metadata={'Software': None})
    return png.getvalue()


def _columns(cells: Sequence[Cell]) -> list[str]:
    """Return the looks, each once: those of training, then the others, then the unseen ones."""
    groups: dict[str, list[str]] = {}
    for cell in cells:
        groups.setdefault(TRAINING if cell.group == TRAINING else
                          UNSEEN if cell.group == UNSEEN else '', []).append(cell.look)
    order = (*groups.get(TRAINING, ()), *groups.get('', ()), *groups.get(UNSEEN, ()))
    return list(dict.fromkeys(order))


def _write(axes: Axes, row: int, column: int, cell: Cell) -> None:
    """Write the share into its cell, or the return where there is none."""
    text = f'{cell.return_mean:.0f}' if cell.share is None else f'{100 * cell.share:.0f}'
    colour = 'black' if cell.share is None or cell.share > _MIDDLE else 'white'
    axes.text(column, row, text, ha='center', va='center', fontsize=8, color=colour)
    if cell.group == TRAINING:
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, linewidth=2.5,
                                 edgecolor='red'))
