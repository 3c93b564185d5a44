"""Pages from the templates beside this file; what a run or a bag says is escaped in them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from claifo_core.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path


@functools.cache
def templates() -> Environment:
    """Return the templates; a name that is not known there is an error."""
    found = Environment(
        loader=PackageLoader('claifo.report'), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters['num'] = number
    return found


def number(value: float | None, spec: str) -> str:
    """Return a number as :func:`format` writes it; what is not known as a dash."""
    return '-' if value is None else format(value, spec)


def write(path: Path, template: str, **data: object) -> Path:
    """Write a page; returns where it is.

    Args:
        path: The page.
        template: Name of the template.
        data: What it shows.

    Raises:
        ClaifoError: no space is left.
    """
    write_atomic(path, templates().get_template(f'{template}.html.j2').render(data).encode())
    return path
