"""Messages of an MCAP file, front to back, as far as the file goes.

A recorder that is killed leaves a file without index and end mark, cut at any byte. One walk over
the records therefore serves whole and broken files alike: messages come as views of the mapped
file (or of the decompressed chunk), in the order in which they were recorded.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import TYPE_CHECKING

import lz4.frame  # type: ignore[import-untyped]
from backports import zstd

from claifo.bags.parts import Loss, Topic
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from claifo.bags.parts import Message

MAGIC = b'\x89MCAP0\r\n'

_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
_RECORD = struct.Struct('<BQ')
# opcode and length (skipped), channel, sequence (skipped), log time, publish time (skipped)
_MESSAGE_RECORD = struct.Struct('<9xH4xQ8x')
_CHUNK_HEADER = struct.Struct('<QQQII')
_FOOTER_BYTES = _RECORD.size + 20 + len(MAGIC)
_DAMAGE = (struct.error, UnicodeDecodeError, RuntimeError, zstd.ZstdError, MemoryError)


class McapFile:
    """One MCAP file.

    Attributes:
        losses: What could not be read; complete after :meth:`messages` is exhausted.
    """

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            ClaifoError: the file is empty or not MCAP.
        """
        self.losses: list[Loss] = []
        self._path = path
        with path.open('rb') as file:
            if not path.stat().st_size:
                raise ClaifoError(f'{path}: the file is empty; record the bag again')
            self._data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        if self._data[: len(MAGIC)] != MAGIC[: len(self._data)]:
            begin = bytes(self._data[: len(MAGIC)])
            raise ClaifoError(f'{path}: not an MCAP file (it begins with {begin!r})')
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, Topic] = {}

    def topics(self) -> list[Topic]:
        """Return the topics: from the index of a whole file, else by reading everything."""
        self._read_index()
        if not self._channels:
            for _ in self.messages():
                pass
        return list(self._channels.values())

    def messages(self) -> Iterator[Message]:
        """Yield every message that can still be read, in the order of recording."""
        self.losses.clear()
        cut = yield from self._walk(self._data, min(len(MAGIC), len(self._data)))
        if cut is not None:
            place = f'at byte {cut} of {len(self._data)}'
            self._lose(f'the recording was cut off {place}', len(self._data) - cut)

    def _read_index(self) -> None:
        """Collect topics from the summary, if the file has one."""
        size = len(self._data)
        if size < _FOOTER_BYTES + len(MAGIC) or self._data[-len(MAGIC) :] != MAGIC:
            return
        (start,) = struct.unpack_from('<Q', self._data, size - _FOOTER_BYTES + _RECORD.size)
        if start >= len(MAGIC):
            for _ in self._walk(self._data[: -len(MAGIC)], start):
                pass

    def _walk(self, data: memoryview, start: int) -> Generator[Message, None, int | None]:
        """Yield the messages of consecutive records.

        Returns:
            Where the walk stopped: at a record that is not whole, or at the end of ``data``; None
            if it came to the mark for the end of all data.
        """
        size = len(data)
        while start + _RECORD.size <= size:
            opcode, length = _RECORD.unpack_from(data, start)
            end = start + _RECORD.size + length
            # no record has opcode 0: so look the blocks that a crash left unwritten
            if opcode == 0 or end > size:
                break
            if opcode == _MESSAGE:
                channel, time_ns = _MESSAGE_RECORD.unpack_from(data, start)
                topic = self._channels.get(channel)
                if topic is None:
                    self._lose(f'a message of the unknown channel {channel}', length)
                else:
                    yield topic, time_ns, data[start + _MESSAGE_RECORD.size : end]
            elif opcode == _CHUNK:
                yield from self._chunk(data[start + _RECORD.size : end], whole=True)
            elif opcode == _DATA_END:
                return None
            elif opcode in (_SCHEMA, _CHANNEL):
                self._register(opcode, data[start + _RECORD.size : end])
            start = end
        if start < size and data[start] == _CHUNK:
            yield from self._chunk(data[start + _RECORD.size :], whole=False)
        return start

    def _chunk(self, body: memoryview, *, whole: bool) -> Iterator[Message]:
        """Yield the messages of a chunk; of one that is not whole, those that are left."""
        try:
            records = _unpack(body, whole=whole)
        except _DAMAGE as error:
            if whole:
                self._lose(f'a chunk is damaged ({error})', len(body))
            return
        stop = yield from self._walk(records, 0)
        if whole and stop != len(records):
            self._lose('a chunk is damaged (a record leaves it)', len(body))

    def _register(self, opcode: int, body: memoryview) -> None:
        """Remember a schema or a channel."""
        try:
            if opcode == _SCHEMA:
                (key,) = struct.unpack_from('<H', body)
                self._schemas[key], _ = _text(body, 2)
            else:
                key, schema = struct.unpack_from('<HH', body)
                name, position = _text(body, 4)
                encoding, _ = _text(body, position)
                known = self._schemas.get(schema, 'unknown')
                kind = known if encoding == 'cdr' else f'{known} (encoded as {encoding!r})'
                self._channels[key] = Topic(name, kind)
        except _DAMAGE as error:
            self._lose(f'a topic is damaged ({error})', len(body))

    def _lose(self, reason: str, lost_bytes: int) -> None:
        self.losses.append(Loss(f'{self._path}: {reason}', lost_bytes))


def _text(body: memoryview, position: int) -> tuple[str, int]:
    """Return a name and the position behind it."""
    (length,) = struct.unpack_from('<I', body, position)
    end = position + 4 + length
    name = str(body[position + 4 : end], 'utf-8')
    if not name.isprintable() or end > len(body):
        raise RuntimeError(f'{name[:20]!r} is not a name')
    return name, end


def _unpack(body: memoryview, *, whole: bool) -> memoryview:
    """Return the records of a chunk; of a chunk that is not whole, those that are left."""
    _, _, size, checksum, name_length = _CHUNK_HEADER.unpack_from(body)
    start = _CHUNK_HEADER.size + name_length
    compression = str(body[_CHUNK_HEADER.size : start], 'utf-8')
    packed = body[start + 8 :]
    if compression == 'zstd':
        records = memoryview(zstd.ZstdDecompressor().decompress(packed))
    elif compression == 'lz4':
        records = memoryview(lz4.frame.LZ4FrameDecompressor().decompress(packed))
    elif compression:
        raise RuntimeError(f'unknown compression {compression!r}')
    else:
        records = packed
    if whole and len(records) != size:
        raise RuntimeError(f'{len(records)} bytes instead of {size}')
    if whole and checksum and zlib.crc32(records) != checksum:
        raise RuntimeError('wrong checksum')
    return records
