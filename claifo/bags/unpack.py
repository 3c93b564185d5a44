"""The one place that decompresses: messages, chunks and files, never more than is sane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lz4.frame  # type: ignore[import-untyped]
from backports import zstd

if TYPE_CHECKING:
    from pathlib import Path

ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
MOST_BYTES = 1 << 26
"""Of one message or chunk: a raw picture of 22 megapixels."""
_FILE_BYTES, _FILE_RATIO = 1 << 28, 200
_STEP_BYTES = 1 << 20


class DamageError(Exception):
    """Packed data are damaged, or larger than they may be."""


def unpack(packed: bytes | memoryview, kind: str, size: int | None = None) -> bytes:
    """Decompress frames that stand one behind the other; a frame that is cut, as far as it goes.

    Args:
        packed: The frames.
        kind: ``zstd`` or ``lz4``.
        size: How many bytes they announce; None: they do not.

    Raises:
        DamageError: they are damaged, or become more bytes than announced or sane.
    """
    most = MOST_BYTES if size is None else size
    if most > MOST_BYTES:
        raise DamageError(f'{most} bytes are announced, no more than {MOST_BYTES} are read')
    parts, room = [], most + 1
    try:
        while len(packed) and room > 0:
            make = zstd.ZstdDecompressor if kind == 'zstd' else lz4.frame.LZ4FrameDecompressor
            frame = make()
            parts.append(frame.decompress(packed, room))
            room -= len(parts[-1])
            packed = frame.unused_data or b'' if frame.eof else b''
    except (zstd.ZstdError, RuntimeError, EOFError, MemoryError) as error:
        raise DamageError(str(error)) from None
    if room <= 0:
        raise DamageError(f'it becomes more than {most} bytes')
    return parts[0] if len(parts) == 1 else b''.join(parts)


def unpack_file(path: Path, target: Path) -> str:
    """Decompress a file as far as it goes (rosbag2's compression by file).

    Returns:
        What is wrong with it; empty: nothing.
    """
    room = max(_FILE_BYTES, _FILE_RATIO * path.stat().st_size)
    try:
        with zstd.open(path, 'rb') as packed, target.open('wb') as file:
            while part := packed.read(_STEP_BYTES):
                room -= len(part)
                if room < 0:
                    return f'it becomes more than {_FILE_RATIO} times its size'
                file.write(part)
    except (EOFError, zstd.ZstdError, OSError) as error:
        return str(error)
    return ''
