"""The robustness matrix of a page, where `claifo eval --matrix` has left one in the folder."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from claifo.robustness import averaged, heat_map, read_csv

if TYPE_CHECKING:
    from pathlib import Path

    from claifo.robustness import Cell


class Matrix(NamedTuple):
    """The cells, the name of their file, and the picture of them as a data URI."""

    cells: list[Cell]
    file: str
    picture: str


def read(path: Path, *, of_study: bool = False) -> Matrix | None:
    """Return what a page shows of a matrix, or nothing where there is none.

    Args:
        path: The CSV file.
        of_study: Draw the means over the seeds of a study.

    Raises:
        ClaifoError: The file is not a matrix.
    """
    if not path.exists():
        return None
    cells = read_csv(path)
    picture = base64.b64encode(heat_map(averaged(cells) if of_study else cells)).decode()
    return Matrix(cells, path.name, f'data:image/png;base64,{picture}')
