"""What a bag holds, and whether a policy could learn from it: for people, before they train."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from claifo.bags.cdr import IMAGE_TYPES, Parser
from claifo.bags.clock import is_unstamped
from claifo.bags.codecs import describe
from claifo.bags.episodes import bag_episodes, choose_topic
from claifo.bags.reader import Bag, find_bags
from claifo.bags.report import BagReport
from claifo.bags.resample import rate_of
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from claifo.bags.options import ReadOptions
    from claifo.bags.parts import Topic
    from claifo.bags.reader import BagPath


@dataclass
class TopicInfo:
    """One topic of one bag.

    Attributes:
        type: Message type.
        times_ns: Header stamps of images, times of recording of everything else.
        data_bytes: Size of all messages.
        image: Size and encoding of the first image; empty for other topics.
    """

    type: str
    times_ns: list[int] = field(default_factory=list)
    data_bytes: int = 0
    image: str = ''

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last message."""
        return (max(self.times_ns) - min(self.times_ns)) / 1e9 if self.times_ns else 0.0

    @property
    def longest_pause_s(self) -> float:
        """Longest time between two messages, in seconds."""
        return max(np.diff(self.times_ns), default=0) / 1e9


@dataclass(frozen=True)
class BagInfo:
    """One bag.

    Attributes:
        path: Where it is.
        size_bytes: Size of its storage files.
        duration_s: Time from its first to its last recorded message, in seconds.
        topics: Its topics by name.
        lost: What could not be read, one line each.
    """

    path: Path
    size_bytes: int
    duration_s: float
    topics: dict[str, TopicInfo]
    lost: tuple[str, ...]


def inspect(where: BagPath) -> BagInfo:
    """Read a bag from end to end and say what it holds.

    Raises:
        ClaifoError: nothing of it can be read.
    """
    topics: dict[str, TopicInfo] = {}
    first_ns, last_ns = 0, 0
    with Bag(where) as bag:
        readers = {topic: _Reader(topic) for topic in bag.topics()}
        for topic, time_ns, data in bag.messages():
            readers.setdefault(topic, _Reader(topic)).take(time_ns, data)
            first_ns, last_ns = min(first_ns or time_ns, time_ns), max(last_ns, time_ns)
        topics = {topic.name: reader.finish() for topic, reader in readers.items()}
        lost = tuple(loss.reason for loss in bag.losses)
    size_bytes = sum(file.stat().st_size for file in where.files)
    return BagInfo(where.path, size_bytes, (last_ns - first_ns) / 1e9, topics, lost)


class _Reader:
    """Collects what one topic holds."""

    def __init__(self, topic: Topic) -> None:
        self.info = TopicInfo(topic.type)
        self._stamps_ns: list[int] = []
        self._parser = Parser(topic.type) if topic.type in IMAGE_TYPES else None

    def take(self, time_ns: int, data: bytes | memoryview) -> None:
        self.info.data_bytes += len(data)
        if self._parser:
            try:
                stamp_ns, image = self._parser(data)
                self._stamps_ns.append(stamp_ns)
                self.info.image = self.info.image or '{1}x{2} {0}'.format(*describe(image))
            except ClaifoError as error:
                self.info.image = f'damaged: {error}'
        self.info.times_ns.append(time_ns)

    def finish(self) -> TopicInfo:
        """Return it, at the times of the clock that counts."""
        complete = len(self._stamps_ns) == len(self.info.times_ns)
        if complete and not is_unstamped(self._stamps_ns):
            self.info.times_ns = self._stamps_ns
        return self.info


def measure_rate(paths: Sequence[Path], topic: str) -> float:
    """Return the camera rate of the first bag in Hz, by :func:`claifo.bags.resample.rate_of`.

    Raises:
        ClaifoError: there are fewer than two frames with different stamps, or no such topic.
    """
    where = find_bags(paths)[0]
    with Bag(where) as bag:
        name = choose_topic(bag, topic).name
    times_ns = inspect(where).topics[name].times_ns
    found_hz = rate_of(times_ns)
    if not found_hz:
        raise ClaifoError(
            f'{where.path}: the rate of {name} cannot be measured from {len(times_ns)} stamps; '
            'give --rate-hz'
        )
    return found_hz


def check(paths: Sequence[Path], options: ReadOptions) -> tuple[BagReport, list[str]]:
    """Read bags as training would, but go on after an error.

    Returns:
        The report, and the errors that training would stop at, at most one per bag.

    Raises:
        ClaifoError: there is no bag at all.
    """
    report = BagReport()
    errors = [error for where in find_bags(paths) if (error := _problem(where, options, report))]
    return report, errors


def _problem(where: BagPath, options: ReadOptions, report: BagReport) -> str:
    try:
        for _ in bag_episodes(where, options, report):
            pass
    except ClaifoError as error:
        return str(error)
    return ''
