"""What a picture file is by its data, whatever its message calls it, and whether it is whole.

Decoders fill what is missing with grey, or with what another file left on the disk: a JPEG must
come to its end mark with nothing behind it, and every part of a PNG has a checksum.
"""

from __future__ import annotations

import re
import zlib

from claifo_core.errors import ClaifoError

_KINDS = {b'\xff\xd8\xff': 'jpeg', b'\x89PNG\r\n\x1a\n': 'png'}
_VIDEO = ('h264', 'h265', 'hevc', 'av1', 'vp8', 'vp9', 'theora', 'x264', 'ffmpeg')
_START_CODES = (b'\0\0\0\1', b'\0\0\1')
_MARKERS = re.compile(rb'\xff+([^\x00\xff\xd0-\xd7])', re.DOTALL)
# Tables, further scans and comments may follow in a progressive JPEG.
_SEGMENTS = frozenset({0xC4, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
_SCAN, _END = 0xDA, 0xD9
_REPUBLISH = (
    'convert it to JPEG: ros2 run image_transport republish --ros-args -p in_transport:={} '
    '-p out_transport:=compressed, and record its topic'
)


def kind_of(data: bytes | memoryview, name: str) -> str:
    """Return ``jpeg`` or ``png``, by the data.

    Args:
        data: A whole file.
        name: The format that its message names.

    Raises:
        ClaifoError: they are neither; how to convert them.
    """
    start = bytes(data[:16])
    for magic, kind in _KINDS.items():
        if start.startswith(magic):
            return kind
    if any(word in name.lower() for word in _VIDEO) or start.startswith(_START_CODES):
        raise ClaifoError(
            f'compressed format {name!r} is video, not pictures; {_REPUBLISH.format("ffmpeg")}'
        )
    if 'compressedDepth' in name:
        raise ClaifoError(f'compressed format {name!r} is not supported; '
                          + _REPUBLISH.format('compressedDepth'))  # fmt: skip
    if not start or any(known in name.lower() for known in ('jpeg', 'jpg', 'png')):
        raise ClaifoError(f'{name!r} image of {len(data)} bytes is corrupted: it begins with '
                          f'{start[:4].hex(" ")}; record the bag again')  # fmt: skip
    raise ClaifoError(f'compressed format {name!r} is not supported (its data begin with '
                      f'{start[:4].hex(" ")}); convert the pictures to jpeg or png')  # fmt: skip


def check_whole(data: bytes | memoryview, kind: str) -> None:
    """Check that a file comes to its own end, and that nothing else follows.

    Raises:
        ClaifoError: it does not, or something does.
    """
    problem = _png_problem(data) if kind == 'png' else _jpeg_problem(bytes(data))
    if problem:
        raise ClaifoError(
            f'{kind!r} image of {len(data)} bytes is corrupted: {problem}; record the bag again'
        )


def _jpeg_problem(data: bytes) -> str:
    """Walk over the segments, and between them over the scans."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return f'no segment begins at byte {at}'
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
        if marker != _SCAN:
            continue
        found = _MARKERS.search(data, at)
        if not found:
            return 'it is cut off'
        at, marker = found.end() - 2, found[1][0]
        if marker == _END:
            return 'something else follows it' if data[at + 2 :].strip(b'\0\xff\r\n') else ''
        if marker not in _SEGMENTS:
            return f'something else begins at byte {at}'
    return 'it is cut off'


def _png_problem(data: bytes | memoryview) -> str:
    """Check length and checksum of every part."""
    at = 8
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], 'big'), bytes(data[at + 4 : at + 8])
        end = at + 8 + length
        if end + 4 > len(data):
            return 'it is cut off'
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], 'big'):
            return f'the checksum at byte {end} is wrong'
        at = end + 4
        if name == b'IEND':
            return 'something else follows it' if bytes(data[at:]).strip(b'\0') else ''
    return 'it is cut off'
