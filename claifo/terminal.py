"""Lines and tables for people; what is no terminal gets plain text, each row on a line of its own.

Rich is imported where it is used: `claifo --help` must not wait for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.table import Table

_WIDE = 10_000  # columns: no line of a file is broken


def console(stream: TextIO | None = None) -> Console:
    """Return where to print.

    Args:
        stream: Standard output when None.
    """
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise  # what is being handled: the command line knows what to do

    stream = stream or sys.stdout
    live = stream.isatty()
    return Ours(
        file=stream, force_terminal=live, width=None if live else _WIDE, markup=False,
        highlight=False, emoji=False,
    )  # fmt: skip


def printable(text: str) -> str:
    """Return a text in which nothing that a file put there can steer a terminal."""
    return ''.join(c if c.isprintable() or c == '\n' else ascii(c)[1:-1] for c in text)


def table(head: Sequence[str], *rows: Sequence[object], right: Sequence[str] = ()) -> Table:
    """Return a table.

    Args:
        head: Names of the columns.
        rows: What stands in them.
        right: Columns that are aligned to the right.
    """
    from rich.table import Table

    found = Table(box=None, pad_edge=False)
    for name in head:
        found.add_column(name, justify='right' if name in right else 'left', overflow='fold')
    for row in rows:
        found.add_row(*(printable(str(cell)) for cell in row))
    return found


def show(*parts: str | Table) -> None:
    """Print lines and tables on standard output."""
    shown = console()
    for part in parts:
        part = printable(part) if isinstance(part, str) else part
        shown.print(part, soft_wrap=isinstance(part, str))
