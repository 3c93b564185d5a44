"""How large a JPEG or PNG is, by its header: known before memory is taken for it."""

from __future__ import annotations

_PNG = b'\x89PNG\r\n\x1a\n'
_JPEG = b'\xff\xd8'
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers behind which the size stands."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length."""


def picture_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Return height and width in pixels; None where the data are neither JPEG nor PNG.

    Args:
        data: A whole file.
    """
    start = bytes(data[:24])
    if start[:8] == _PNG and start[12:16] == b'IHDR' and len(start) == 24:
        return int.from_bytes(start[20:24], 'big'), int.from_bytes(start[16:20], 'big')
    return _jpeg_size(data) if start[:2] == _JPEG else None


def _jpeg_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Walk over the segments to the one with the size."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = bytes(data[at + 5 : at + 7]), bytes(data[at + 7 : at + 9])
            return int.from_bytes(height, 'big'), int.from_bytes(width, 'big')
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + max(int.from_bytes(bytes(data[at + 2 : at + 4]), 'big'), 2)
    return None
