"""Messages of a rosbag2 SQLite file, with or without its metadata.yaml."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from claifo.bags.parts import Loss, Topic
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from claifo.bags.parts import Message

# Mapped, an image is one copy; without, it is put together from pages of 4 kB.
_MMAP_BYTES = 1 << 40


class SqliteFile:
    """One ``.db3`` file.

    Attributes:
        losses: What could not be read; complete after :meth:`messages` is exhausted.
    """

    def __init__(self, path: Path) -> None:
        """Open the file read-only.

        Raises:
            ClaifoError: the file is empty, not SQLite, damaged, or holds no rosbag2 tables.
        """
        self.losses: list[Loss] = []
        self._path = path
        if not path.stat().st_size:
            raise ClaifoError(f'{path}: the file is empty; record the bag again')
        # immutable: nothing is locked or written, so bags on read-only media can be read
        uri = f'{path.resolve().as_uri()}?mode=ro&immutable=1'
        try:
            self._database = sqlite3.connect(uri, uri=True)
            self._database.execute(f'PRAGMA mmap_size={_MMAP_BYTES}')
            rows = self._database.execute('SELECT id, name, type FROM topics').fetchall()
            self._database.execute('SELECT topic_id, timestamp, data FROM messages LIMIT 1')
        except sqlite3.Error as error:
            raise ClaifoError(
                f'{path}: not a readable rosbag2 database ({error}); '
                f'`sqlite3 {path.name} .recover` may save some of it'
            ) from error
        self._topics = {key: Topic(name, message_type) for key, name, message_type in rows}

    def topics(self) -> list[Topic]:
        """Return the topics."""
        return list(self._topics.values())

    def messages(self) -> Iterator[Message]:
        """Yield every message that can be read, in the order of recording."""
        self.losses.clear()
        count = 0
        try:
            for topic, time_ns, data in self._database.execute(
                'SELECT topic_id, timestamp, data FROM messages ORDER BY timestamp, id'
            ):
                yield self._topics[topic], time_ns, data
                count += 1
        except (sqlite3.Error, KeyError) as error:
            reason = f'{self._path}: damaged after {count} messages ({error})'
            self.losses.append(Loss(reason, 0))
