"""Tables of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of numbers; cells are HTML."""
    cells = ''.join(f'<th>{name}</th>' for name in head)
    return (
        '<div class="scroll"><table class="numbers">'
        f'<tr>{cells}</tr>{html_rows(rows)}</table></div>'
    )


def html_rows(rows: Iterable[Sequence[str]]) -> str:
    """Return the rows of a table; cells are HTML."""
    return ''.join(f'<tr>{"".join(f"<td>{cell}</td>" for cell in row)}</tr>' for row in rows)
