"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table; numbers and names are shown as Python does."""
    lines = [_line(head), '|' + '---|' * len(head), *map(_line, rows)]
    return '\n'.join(lines)


def _line(cells: Iterable[object]) -> str:
    return f'| {" | ".join(map(str, cells))} |'
