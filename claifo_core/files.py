"""Files that are either whole or absent: written beside, synced, then renamed."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claifo_core.errors import ClaifoError


def write_atomic(path: Path | str, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a reader sees the old file or the new one, never half.

    Raises:
        ClaifoError: the disk is full or the folder cannot be written; an older file is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with temporary.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)  # make the rename itself survive a power cut
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ClaifoError(
            f'{path}: cannot write {len(data)} bytes: {error.strerror}; '
            'free some space or choose another folder, then run the same command again'
        ) from error


def write_json_atomic(path: Path | str, value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Write ``value`` as indented JSON through :func:`write_atomic`."""
    write_atomic(path, (json.dumps(value, indent=1) + '\n').encode())


def write_csv(
    path: Path | str, rows: Sequence[Mapping[str, Any]], numbers: str = '.6g'
) -> None:
    """Write rows as CSV through :func:`write_atomic`, a column for every key.

    Args:
        path: The file.
        rows: What is missing in one, or None, is left empty.
        numbers: Format of those that are not whole.
    """
    text = io.StringIO()
    columns = dict.fromkeys(key for row in rows for key in row)
    writer = csv.DictWriter(text, columns, lineterminator='\n')
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {k: format(v, numbers) if isinstance(v, float) else v for k, v in row.items()}
        )
    write_atomic(path, text.getvalue().encode())


def sync(path: Path) -> None:
    """Bring a file or folder to the disk before anything points to it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
