"""Messages of a rosbag2 SQLite file, with or without its metadata.yaml, as far as it goes."""

from __future__ import annotations

import sqlite3
import struct
from array import array
from typing import TYPE_CHECKING

import numpy as np

from claifo.bags.merge import Part
from claifo.bags.parts import Loss, Topic
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from claifo.bags.parts import Message

# Mapped, an image is one copy; without, it is put together from pages of 4 kB.
_MMAP_BYTES = 1 << 40
_TABLES = {'topics', 'messages'}
_MAGIC = b'SQLite format 3\0'
_HEADER = struct.Struct('>16xH10xI')
_LARGEST_PAGE = 65536


class SqliteFile:
    """One ``.db3`` file.

    Attributes:
        losses: What could not be read; complete after all messages were read.
        counts: How many messages of each topic the file says that it holds: nothing.
    """

    def __init__(self, path: Path, shown: Path | None = None) -> None:
        """Open the file read-only.

        Args:
            path: Of the file.
            shown: What it is called in errors, where ``path`` is a copy.

        Raises:
            ClaifoError: the file is empty, not SQLite, damaged, or holds no rosbag2 tables.
        """
        self.losses: list[Loss] = []
        self.counts: dict[str, int] = {}
        self._path = shown or path
        if not path.stat().st_size:
            raise ClaifoError(f'{self._path}: the file is empty; record the bag again')
        # immutable: nothing is locked or written, so bags on read-only media can be read
        uri = f'{path.resolve().as_uri()}?mode=ro&immutable=1'
        try:
            self._database = sqlite3.connect(uri, uri=True)
            self._database.text_factory = lambda text: text.decode('utf-8', 'replace')
            self._database.execute(f'PRAGMA mmap_size={_MMAP_BYTES}')
            # without, a file that is shorter than its header says is not opened at all
            self._database.execute('PRAGMA writable_schema=ON')
            tables = self._database.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if missing := _TABLES - {name for (name,) in tables}:
                raise sqlite3.DatabaseError(f'no table {sorted(missing)[0]}')
            rows = self._database.execute('SELECT id, name, type FROM topics').fetchall()
            self._database.execute('SELECT id, topic_id, timestamp, data FROM messages LIMIT 0')
        except sqlite3.Error as error:
            raise ClaifoError(
                f'{self._path}: not a readable rosbag2 database ({error}); '
                f'`sqlite3 {path.name} .recover` may save some of it'
            ) from error
        self._topics = {
            key: Topic(name, kind) for key, name, kind in rows if _are_names(name, kind)
        }
        if len(self._topics) < len(rows):
            self._lose(f'{len(rows) - len(self._topics)} topics have no readable name')
        self._known = list(self.losses)

    def topics(self) -> list[Topic]:
        """Return the topics."""
        return list(self._topics.values())

    def parts(self) -> list[Part]:
        """Return all messages that can still be read, as one part."""
        self.losses[:] = self._known
        times, keys = self._keys()
        first_ns = int(times.min()) if len(times) else 0
        order = np.lexsort((keys, times))
        return [Part(first_ns, 0, lambda: self._messages(keys[order], times[order]))]

    def _keys(self) -> tuple[np.ndarray, np.ndarray]:
        """Return times and keys of the messages; behind damage, from the back."""
        times, keys = array('q'), array('q')
        forward = 'SELECT id, timestamp FROM messages NOT INDEXED ORDER BY id'
        if not self._collect(forward, times, keys):
            last = max(keys, default=-(2**63))
            self._collect(f'{forward} DESC', times, keys, after=last)
            self._lose(f'damaged behind the first {len(keys)} messages that can be found')
        return np.array(times, np.int64), np.array(keys, np.int64)

    def _collect(
        self, query: str, times: array[int], keys: array[int], after: int | None = None
    ) -> bool:
        """Add keys until the end, damage, or the key ``after``; returns whether all are there."""
        strange = 0
        try:
            for key, time_ns in self._database.execute(query):
                if after is not None and key <= after:
                    break
                if isinstance(time_ns, int):
                    times.append(time_ns)
                    keys.append(key)
                else:
                    strange += 1
        except sqlite3.Error:
            return False
        finally:
            if strange:
                self._lose(f'{strange} messages have no time')
        return True

    def _messages(self, keys: np.ndarray, times: np.ndarray) -> Iterator[Message]:
        unreadable = 0
        query = 'SELECT topic_id, data FROM messages WHERE id = ?'
        for key, time_ns in zip(keys.tolist(), times.tolist(), strict=True):
            try:
                topic, data = self._database.execute(query, (key,)).fetchone()
                known = self._topics[topic]
            except (sqlite3.Error, KeyError, TypeError):
                unreadable += 1
                continue
            if isinstance(data, bytes):
                yield known, time_ns, data
            else:
                unreadable += 1
        if unreadable:
            self._lose(f'{unreadable} of {len(keys)} messages are damaged')

    def _lose(self, reason: str) -> None:
        self.losses.append(Loss(f'{self._path}: {reason}', 0))


def whole_bytes(path: Path) -> tuple[int, int]:
    """Return how many bytes of a file are whole pages, and how many it should have.

    SQLite would read zeros where the last page was cut.
    """
    with path.open('rb') as file:
        head = file.read(_HEADER.size)
    size = path.stat().st_size
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        return size, size
    page, pages = _HEADER.unpack(head)
    page = _LARGEST_PAGE if page == 1 else max(page, 1)
    return size - size % page, max(page * pages, size)


def _are_names(*values: object) -> bool:
    return all(isinstance(value, str) and value and value.isprintable() for value in values)
