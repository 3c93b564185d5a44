"""Messages of an MCAP file as far as the file goes, in parts that can be put in order.

A recorder that is killed leaves a file without index and end mark, cut at any byte. One walk over
the records therefore serves whole and broken files alike: it finds the chunks without unpacking
them, where their headers say enough. Messages are views of the mapped file, or of the unpacked
chunk.
"""

from __future__ import annotations

import functools
import mmap
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from claifo.bags.merge import Part, merged
from claifo.bags.parts import Loss, Topic
from claifo.bags.unpack import DamageError, unpack
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from claifo.bags.parts import Message

MAGIC = b'\x89MCAP0\r\n'

_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _STATISTICS, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0B, 0x0F
_STOP = 0
_RECORD = struct.Struct('<BQ')
# channel, sequence (skipped), log time, publish time (skipped)
_MESSAGE_HEADER = struct.Struct('<H4xQ8x')
_CHUNK_HEADER = struct.Struct('<QQQII')
_STATISTICS_HEADER = struct.Struct('<Q2x16x16xI')
_COUNT = struct.Struct('<HQ')
_FOOTER_BYTES = _RECORD.size + 20 + len(MAGIC)
_RUN_MESSAGES = 4096
_DAMAGE = (struct.error, UnicodeDecodeError, DamageError)


class _Block(NamedTuple):
    """A chunk, or a run of messages outside of chunks: where it lies, and when it is due."""

    start: int
    end: int
    first_ns: int
    last_ns: int
    size: int = 0
    in_chunk: bool = False
    whole: bool = True


class McapFile:
    """One MCAP file.

    Attributes:
        losses: What could not be read; complete after all messages were read.
        counts: How many messages of each topic the file says that it holds.
    """

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            ClaifoError: the file is empty or not MCAP.
        """
        self._path = path
        with path.open('rb') as file:
            if not path.stat().st_size:
                raise ClaifoError(f'{path}: the file is empty; record the bag again')
            try:
                self._data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except (OSError, ValueError, OverflowError) as error:
                raise ClaifoError(f'{path}: cannot be read ({error})') from None
        if self._data[: len(MAGIC)] != MAGIC[: len(self._data)]:
            begin = bytes(self._data[: len(MAGIC)])
            raise ClaifoError(f'{path}: not an MCAP file (it begins with {begin!r})')
        self._found: list[Loss] = []
        self._later: list[Loss] = []
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, Topic] = {}
        self.counts: dict[str, int] = {}
        self._read_summary()
        self._known = bool(self._channels)
        self._blocks = self._scan()

    @property
    def losses(self) -> list[Loss]:
        """What could not be read."""
        return self._found + self._later

    def topics(self) -> list[Topic]:
        """Return the topics."""
        return list(self._channels.values())

    def messages(self) -> Iterator[Message]:
        """Yield every message that can still be read, by log time."""
        return merged(self.parts())

    def parts(self) -> list[Part]:
        """Return all messages that can still be read."""
        self._later = []
        return [
            Part(block.first_ns, block.size, functools.partial(self._messages, block))
            for block in self._blocks
        ]

    def _read_summary(self) -> None:
        """Take topics and counts from the summary, if there is one with the right checksum."""
        size = len(self._data)
        if size < _FOOTER_BYTES + len(MAGIC) or self._data[-len(MAGIC) :] != MAGIC:
            return
        footer = size - _FOOTER_BYTES + _RECORD.size
        start, _, checksum = struct.unpack_from('<QQI', self._data, footer)
        if not len(MAGIC) <= start <= footer:
            return
        if checksum and zlib.crc32(self._data[start : footer + 16]) != checksum:
            return
        for opcode, begin, end in _records(self._data[: -len(MAGIC)], start):
            if opcode in (_SCHEMA, _CHANNEL):
                self._register(opcode, self._data[begin:end])
            elif opcode == _STATISTICS:
                self._count(self._data[begin:end])

    def _count(self, body: memoryview) -> None:
        """Take from the statistics how many messages there are of each channel."""
        try:
            _, size = _STATISTICS_HEADER.unpack_from(body)
            start = _STATISTICS_HEADER.size
            for channel, count in _COUNT.iter_unpack(body[start : start + size]):
                if topic := self._channels.get(channel):
                    self.counts[topic.name] = self.counts.get(topic.name, 0) + count
        except struct.error as error:
            self._found.append(Loss(f'{self._path}: its statistics are damaged ({error})', 0))

    def _scan(self) -> list[_Block]:
        """Find chunks and runs of messages."""
        blocks: list[_Block] = []
        times: list[int] = []
        run = 0
        for opcode, start, end in _records(self._data, min(len(MAGIC), len(self._data))):
            if opcode == _MESSAGE and end - start >= _MESSAGE_HEADER.size:
                run = run if times else start - _RECORD.size
                times.append(_MESSAGE_HEADER.unpack_from(self._data, start)[1])
                if len(times) < _RUN_MESSAGES:
                    continue
                start = end + _RECORD.size
            if times:
                blocks.append(_Block(run, start - _RECORD.size, min(times), max(times)))
                times = []
            if opcode == _CHUNK:
                blocks += self._chunk(start, end)
            elif opcode in (_SCHEMA, _CHANNEL):
                self._register(opcode, self._data[start:end])
            elif opcode == _DATA_END:
                break
            elif opcode == _STOP:
                blocks += self._cut(start - _RECORD.size)
        return blocks

    def _cut(self, at: int) -> list[_Block]:
        """Say where the file ends too early; return what is left of its last chunk."""
        size = len(self._data)
        self._lose(f'the recording was cut off at byte {at} of {size}', size - at)
        if at + _RECORD.size > size or self._data[at] != _CHUNK:
            return []
        return self._chunk(at + _RECORD.size, size, whole=False)

    def _chunk(self, start: int, end: int, *, whole: bool = True) -> list[_Block]:
        """Return a chunk by its header; look into it where that, or the summary, tells too little.

        Topics and times of all chunks must be known before the first message is given out.
        """
        try:
            first_ns, last_ns, size, _, _ = _CHUNK_HEADER.unpack_from(self._data[start:end])
        except struct.error:
            return self._damaged('its header is cut', end - start) if whole else []
        block = _Block(start, end, first_ns, last_ns, size, in_chunk=True, whole=whole)
        if whole and self._known and last_ns:
            return [block]
        later, self._later = self._later, []
        times = [time_ns for _, time_ns, _ in self._messages(block, told=False)]
        lost, self._later = self._later, later
        if not times:
            self._found += lost
            return []
        return [block._replace(first_ns=min(times), last_ns=max(times))]

    def _damaged(self, why: str, lost_bytes: int) -> list[_Block]:
        self._lose(f'a chunk is damaged ({why})', lost_bytes)
        return []

    def _messages(self, block: _Block, *, told: bool = True) -> Iterator[Message]:
        """Yield the messages of a block by log time.

        Args:
            block: Which.
            told: Whether its times are known, so that those of the messages must lie within.
        """
        body = self._data[block.start : block.end]
        try:
            records = _unpacked(body, whole=block.whole) if block.in_chunk else body
        except _DAMAGE as error:
            if block.whole:
                self._forget(f'a chunk is damaged ({error}), {_span(block)}', len(body))
            return iter(())
        found, stop = self._walk(records)
        if block.whole and stop != len(records):
            self._forget(f'a chunk is damaged (a record leaves it), {_span(block)}', len(body))
        times = [message[1] for message in found]
        if told and times and not block.first_ns <= min(times) <= max(times) <= block.last_ns:
            self._forget(f'a chunk says {_span(block)}, but its messages lie from '
                         f'{min(times) / 1e9:.3f} to {max(times) / 1e9:.3f} s', 0)  # fmt: skip
        return iter(sorted(found, key=lambda message: message[1]))

    def _walk(self, data: memoryview) -> tuple[list[Message], int]:
        """Return the messages of consecutive records, and where they end."""
        found: list[Message] = []
        stop = 0
        for opcode, start, end in _records(data, 0):
            if opcode == _MESSAGE and end - start >= _MESSAGE_HEADER.size:
                channel, time_ns = _MESSAGE_HEADER.unpack_from(data, start)
                if topic := self._channels.get(channel):
                    found.append((topic, time_ns, data[start + _MESSAGE_HEADER.size : end]))
                else:
                    self._forget(f'a message of the unknown channel {channel}', end - start)
            elif opcode in (_SCHEMA, _CHANNEL):
                self._register(opcode, data[start:end])
            elif opcode == _STOP:
                stop = start - _RECORD.size
        return found, stop

    def _register(self, opcode: int, body: memoryview) -> None:
        """Remember a schema or a channel."""
        try:
            if opcode == _SCHEMA:
                (key,) = struct.unpack_from('<H', body)
                self._schemas[key], _ = _text(body, 2)
                return
            key, schema = struct.unpack_from('<HH', body)
            name, position = _text(body, 4)
            encoding, _ = _text(body, position)
        except _DAMAGE as error:
            self._lose(f'a topic is damaged ({error})', len(body))
            return
        known = self._schemas.get(schema, 'unknown')
        topic = Topic(name, known if encoding == 'cdr' else f'{known} (encoded as {encoding!r})')
        if self._channels.setdefault(key, topic) != topic:
            self._lose(f'channel {key} is announced as {self._channels[key]} and {topic}', 0)

    def _lose(self, reason: str, lost_bytes: int) -> None:
        """Note what is lost whoever reads."""
        loss = Loss(f'{self._path}: {reason}', lost_bytes)
        if loss not in self._found:
            self._found.append(loss)

    def _forget(self, reason: str, lost_bytes: int) -> None:
        """Note what was lost in this reading."""
        self._later.append(Loss(f'{self._path}: {reason}', lost_bytes))


def _records(data: memoryview, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, begin and end of the body of each whole record; at last, where they stop.

    No record has opcode 0: so look the blocks that a crash left unwritten.
    """
    size = len(data)
    while start + _RECORD.size <= size:
        opcode, length = _RECORD.unpack_from(data, start)
        end = start + _RECORD.size + length
        if opcode == _STOP or end > size:
            break
        yield opcode, start + _RECORD.size, end
        start = end
    yield _STOP, start + _RECORD.size, size


def _span(block: _Block) -> str:
    return f'from {block.first_ns / 1e9:.3f} to {block.last_ns / 1e9:.3f} s'


def _text(body: memoryview, position: int) -> tuple[str, int]:
    """Return a name and the position behind it."""
    (length,) = struct.unpack_from('<I', body, position)
    end = position + 4 + length
    name = str(body[position + 4 : end], 'utf-8')
    if not name.isprintable() or end > len(body):
        raise DamageError(f'{name[:20]!r} is not a name')
    return name, end


def _unpacked(body: memoryview, *, whole: bool) -> memoryview:
    """Return the records of a chunk; of a chunk that is not whole, those that are left."""
    _, _, size, checksum, name_length = _CHUNK_HEADER.unpack_from(body)
    start = _CHUNK_HEADER.size + name_length
    compression = str(body[_CHUNK_HEADER.size : start], 'utf-8')
    (length,) = struct.unpack_from('<Q', body, start)
    packed = body[start + 8 : start + 8 + length]  # what stands behind it is for later versions
    if compression in ('zstd', 'lz4'):
        packed = memoryview(unpack(packed, compression, size))
    elif compression:
        raise DamageError(f'unknown compression {compression[:20]!r}')
    if whole and len(packed) != size:
        raise DamageError(f'{len(packed)} bytes instead of {size}')
    if whole and checksum and zlib.crc32(packed) != checksum:
        raise DamageError('wrong checksum')
    return packed
