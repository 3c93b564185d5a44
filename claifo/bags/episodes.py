"""From bags of camera images to episodes of frames at the control rate.

Episodes begin

* ``bag``: with each bag;
* ``gap``: also after a pause of more than ``gap_s`` between the stamps of two frames;
* ``marker``: with each message (of any type) on ``marker_topic``; frames before the first one are
  left out.

Time is the header stamp. Where a driver sets none, all frames of its topic count at the time of
recording (:mod:`claifo.bags.clock`), and the report says so.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

from claifo.bags.assemble import Episode
from claifo.bags.cdr import IMAGE_TYPES, CameraImage, Parser
from claifo.bags.clock import unstamped
from claifo.bags.reader import Bag, find_bags
from claifo.bags.report import BagReport
from claifo_core.data.observations import observe_episode
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from claifo.bags.options import ReadOptions
    from claifo.bags.parts import Message, Topic
    from claifo.bags.reader import BagPath


def read_episodes(
    paths: Sequence[Path], options: ReadOptions
) -> tuple[list[NDArray[np.uint8]], BagReport]:
    """Read the episodes of bags, or of folders of bags.

    Args:
        paths: Bags, or folders of bags.
        options: What to read and how.

    Returns:
        Episodes, uint8, shape (T, size, size, 3 V) each, RGB, the pictures of V cameras one
        behind the other; and what happened on the way.

    Raises:
        ClaifoError: something in the bags cannot be learned from; names the bag and the value.
    """
    report = BagReport()
    episodes = [episode for _, episode in each_episode(paths, options, report)]
    return episodes, report


def each_episode(
    paths: Sequence[Path], options: ReadOptions, report: BagReport
) -> Iterator[tuple[BagPath, NDArray[np.uint8]]]:
    """Yield the episodes of bags with the bag of each, and count in ``report`` what was read.

    Raises:
        ClaifoError: as :func:`read_episodes`.
    """
    count = 0
    for where in find_bags(paths):
        wanted = options.max_episodes - count if options.max_episodes else None
        with closing(bag_episodes(where, options, report)) as found:
            for episode in islice(found, wanted):
                count += 1
                yield where, episode
        if count == options.max_episodes:
            break


def bag_episodes(
    where: BagPath, options: ReadOptions, report: BagReport
) -> Generator[NDArray[np.uint8], None, None]:
    """Yield the episodes of one bag.

    Raises:
        ClaifoError: as :func:`read_episodes`; also when the bag holds no episode.
    """
    with Bag(where) as bag:
        topics = [choose_topic(bag, name) for name in options.topics or ('',)]
        marker = _marker_topic(bag, options)
        report.begin_bag(', '.join(topic.name for topic in topics))
        before = len(report.lengths)
        try:
            for episode in _episodes(bag, topics, marker, options, report):
                yield observe_episode(options.frames.observation, episode)
        finally:
            report.end_bag(bag.losses)
        if len(report.lengths) == before:
            raise ClaifoError(_nothing_left(bag, topics, marker))


def choose_topic(bag: Bag, wanted: str) -> Topic:
    """Return the image topic to read.

    Raises:
        ClaifoError: it is not there, no image topic, or there are several and none was chosen.
    """
    topics = bag.topics()
    images = [topic for topic in topics if topic.type in IMAGE_TYPES]
    if not images:
        listed = ', '.join(f'{t.name} ({t.type})' for t in topics) or 'none'
        raise ClaifoError(
            f'{bag.path}: no image topic (sensor_msgs Image or CompressedImage); topics: {listed}'
            f'{_cause(bag)}'
        )
    names = [topic.name for topic in images]
    if wanted:
        chosen = [topic for topic in images if topic.name == wanted]
        if not chosen:
            raise ClaifoError(
                f'{bag.path}: no image topic {wanted!r}{did_you_mean(wanted, names)}; '
                f'image topics: {", ".join(names)}'
            )
        return chosen[0]
    if len(images) > 1:
        raise ClaifoError(
            f'{bag.path}: {len(images)} image topics ({", ".join(names)}); choose one as topic, '
            'or all of them with commas between'
        )
    return images[0]


def _marker_topic(bag: Bag, options: ReadOptions) -> str:
    if options.split != 'marker':
        return ''
    names = [topic.name for topic in bag.topics()]
    if options.marker_topic not in names:
        raise ClaifoError(
            f'{bag.path}: no marker topic {options.marker_topic!r}'
            f'{did_you_mean(options.marker_topic, names)}; topics: {", ".join(names)}'
        )
    return options.marker_topic


def _cause(bag: Bag) -> str:
    """Say what was lost, where that may be why something is not there."""
    return ''.join(f'; {loss.reason}' for loss in bag.losses)


def _nothing_left(bag: Bag, topics: list[Topic], marker: str) -> str:
    names = ', '.join(topic.name for topic in topics)
    behind = f' behind a message on {marker}' if marker else ''
    return (
        f'{bag.path}: 0 episodes: not enough frames on {names}{behind}{_cause(bag)}; '
        'remove this bag or record it again'
    )


def _episodes(
    bag: Bag, topics: list[Topic], marker: str, options: ReadOptions, report: BagReport
) -> Iterator[NDArray[np.uint8]]:
    """Split the messages of a bag into episodes."""
    names = [topic.name for topic in topics]
    episode: Episode | None = None
    waiting = bool(marker)
    parsers = {topic: Parser(topic.type) for topic in topics}
    recorded = unstamped(bag, topics)
    for message in bag.messages():
        if parser := parsers.get(message[0]):
            stamp_ns, image = _parse(bag, parser, message, report)
            if message[0] in recorded:
                report.unstamped += not stamp_ns
                stamp_ns = message[1]
            if waiting:
                continue
            if episode and options.split == 'gap' and episode.pause_s(stamp_ns) > options.gap_s:
                yield episode.finish()
                episode = None
            episode = episode or Episode(str(bag.path), names, options, report)
            episode.add(stamp_ns, image, topics.index(message[0]))
        elif message[0].name == marker:
            if episode:
                yield episode.finish()
            episode, waiting = None, False
    if episode and not (bag.losses and episode.drop_if_short()):
        yield episode.finish()


def _parse(
    bag: Bag, parser: Parser, message: Message, report: BagReport
) -> tuple[int, CameraImage]:
    """Return the stamp of a frame, in nanoseconds, and the frame."""
    topic, _, data = message
    report.bag_frames += 1
    try:
        return parser(data)
    except ClaifoError as error:
        where = f'{bag.path}: {topic.name}: frame {report.bag_frames}'
        raise ClaifoError(f'{where}: {error}') from error
