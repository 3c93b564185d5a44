"""What a recording promises to hold, and whether that was found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.bags.parts import Loss
from claifo_core.config import yamls
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claifo.bags.parts import Topic


def read_metadata(path: Path) -> tuple[list[str], dict[str, int]]:
    """Return the names of the storage files in a metadata.yaml, and messages by topic.

    Raises:
        ClaifoError: it is not readable, or lists no file.
    """
    content: Any = yamls.load(path)
    try:
        about = content['rosbag2_bagfile_information']
        names = [Path(name).name for name in about['relative_file_paths']]
        counts = {
            str(topic['topic_metadata']['name']): int(topic['message_count'])
            for topic in about.get('topics_with_message_count') or ()
        }
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ClaifoError(f'{path}: not the metadata of a bag ({error!r})') from None
    if not names:
        raise ClaifoError(f'{path}: lists no files')
    return names, counts


class Expected:
    """Counts the messages of each topic while a bag is read."""

    def __init__(
        self, where: str, promised: Mapping[str, int], files: Iterable[Mapping[str, int]]
    ) -> None:
        """Begin.

        Args:
            where: The bag.
            promised: Messages by topic of the whole bag, as its metadata says.
            files: The same, of each of its files, as they say.
        """
        self._where = where
        together: Counter[str] = Counter()
        for counts in files:
            together.update(counts)
        self._counts = together | Counter(promised)
        # of each topic: messages, times of the first and the newest, longest pause
        self._seen: dict[str, list[int]] = {}

    def see(self, topic: Topic, time_ns: int) -> None:
        """Count a message."""
        seen = self._seen.get(topic.name)
        if seen is None:
            self._seen[topic.name] = [1, time_ns, time_ns, 0]
            return
        pause_ns = time_ns - seen[2]
        seen[0] += 1
        seen[2] = time_ns
        if pause_ns > seen[3]:
            seen[3] = pause_ns

    def missing(self, topics: Iterable[Topic]) -> list[Loss]:
        """Say what was not found, and which topics have two types."""
        first: dict[str, str] = {}
        types = [
            f'{topic.name} is of type {first[topic.name]} and {topic.type}'
            for topic in topics if first.setdefault(topic.name, topic.type) != topic.type
        ]  # fmt: skip
        return [Loss(f'{self._where}: {line}', 0) for line in [*self._wrong_counts(), *types]]

    def _wrong_counts(self) -> Iterable[str]:
        for name, count in self._counts.items():
            there, *times_ns = self._seen.get(name, [0, 0, 0, 0])
            if there < count:
                first_s, last_s, pause_s = (time_ns / 1e9 for time_ns in times_ns)
                yield (f'{count - there} of {count} messages on {name} are missing; those that '
                       f'were read lie from {first_s:.3f} to {last_s:.3f} s, longest pause '
                       f'{pause_s:.3f} s')
            elif there > count:
                yield (f'{there} messages on {name} were read, but {count} announced: the '
                       'recording was not closed')
