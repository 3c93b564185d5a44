"""`claifo bag`: see what a bag holds, and whether a policy could learn from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.arguments import add_settings
from claifo.commands import bag_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claifo.bags.check import BagInfo
    from claifo.bags.report import BagReport

EXIT_UNUSABLE = 2
_TOPIC = ('topic', 'type', 'messages', 'Hz', 'MB', 'longest pause (s)', 'image')
_EPISODE = ('episode', 'frames', 's', 'MB')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``bag info``, ``bag check`` and ``bag from-video``."""
    text = 'look into a rosbag2 before training: what it holds, whether it can be used'
    parser = commands.add_parser('bag', help=text, description=text)
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    _add_info(actions)
    _add_check(actions)
    bag_video.add_parser(actions)


def _add_info(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = 'list topics, message counts, rates, image sizes and episodes'
    parser = actions.add_parser('info', help=text, description=text)
    parser.add_argument('path', type=Path, help='a bag, or a folder of bags')
    parser.set_defaults(run=_info)


def _add_check(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from claifo_core.config import EnvConfig, ExpertConfig

    text = 'read a bag exactly as training would and list every problem'
    parser = actions.add_parser(
        'check', help=text, description=f'{text}; exit code 0: usable, 2: not usable'
    )
    parser.add_argument('path', type=Path, help='a bag, or a folder of bags')
    parser.add_argument(
        '--rate-hz', type=float, help='control rate, Hz (default: as measured in the first bag)'
    )
    add_settings(parser, ExpertConfig, ('topic', 'crop', 'split', 'gap_s', 'marker_topic'))
    add_settings(parser, EnvConfig, ('frame_stack', 'size_px'))
    parser.set_defaults(run=_check)


def _info(args: argparse.Namespace) -> int:
    """Print what the bags hold."""
    from claifo import terminal
    from claifo.bags.check import inspect
    from claifo.bags.reader import find_bags

    bags = [inspect(where) for where in find_bags([args.path])]
    size_mb = sum(bag.size_bytes for bag in bags) / 1e6
    duration_s = sum(bag.duration_s for bag in bags)
    episodes = [
        (bag.path.name, sum(len(t.times_ns) for t in bag.topics.values() if t.image),
         f'{bag.duration_s:.2f}', f'{bag.size_bytes / 1e6:.2f}')
        for bag in bags
    ]  # fmt: skip
    terminal.show(
        f'{args.path}: {_count(len(bags), "bag")}, {size_mb:.1f} MB, {duration_s:.1f} s',
        terminal.table(_TOPIC, *_topics(bags), right=_TOPIC[2:6]),
        f'\n{_count(len(bags), "episode")}, if every bag is one:',
        terminal.table(_EPISODE, *episodes, right=_EPISODE[1:]),
        *(f'warning: {line}' for bag in bags for line in bag.lost),
    )
    return 0


def _topics(bags: Sequence[BagInfo]) -> Iterator[tuple[object, ...]]:
    """Yield a row per topic, all bags together."""
    for name in dict.fromkeys(name for bag in bags for name in bag.topics):
        found = [bag.topics[name] for bag in bags if name in bag.topics]
        span_s = sum(topic.span_s for topic in found)
        steps = sum(max(len(topic.times_ns) - 1, 0) for topic in found)
        yield (
            name,
            found[0].type,
            sum(len(topic.times_ns) for topic in found),
            f'{steps / span_s:.2f}' if span_s else '-',
            f'{sum(topic.data_bytes for topic in found) / 1e6:.1f}',
            f'{max(topic.longest_pause_s for topic in found):.3g}',
            ', '.join(dict.fromkeys(topic.image for topic in found if topic.image)),
        )


def _check(args: argparse.Namespace) -> int:
    """Print the report, warnings and errors."""
    from claifo import terminal
    from claifo.bags.check import check, measure_rate
    from claifo.bags.options import ReadOptions
    from claifo.bags.topics import split_topics
    from claifo_core.data.frames import FrameSpec

    paths = [args.path]
    measured = args.rate_hz is None
    topics = split_topics(args.topic)
    rate_hz = measure_rate(paths, (*topics, '')[0]) if measured else args.rate_hz
    options = ReadOptions(
        frames=FrameSpec(args.size_px, args.crop),
        rate_hz=rate_hz,
        topics=topics,
        split=args.split,
        gap_s=args.gap_s,
        marker_topic=args.marker_topic,
        min_frames=args.frame_stack,
    )
    report, errors = check(paths, options)
    terminal.show(
        *_lines(report, f'{rate_hz:.4g} Hz' + (' (as measured)' if measured else '')),
        *(f'warning: {line}' for line in report.warnings()),
        *(f'error: {error}' for error in errors),
        'not usable' if errors else 'usable',
    )
    return EXIT_UNUSABLE if errors else 0


def _lines(report: BagReport, rate: str) -> tuple[str, ...]:
    sizes = ', '.join(f'{width}x{height}' for width, height in report.sizes)
    lengths = report.lengths
    span = f' of {min(lengths)} to {max(lengths)} frames' if lengths else ''
    return (
        f'{_count(report.bags, "bag")}, {", ".join(report.topics)}: '
        f'{sizes} {", ".join(report.encodings)} at {report.rate_hz:.4g} Hz',
        f'{_count(report.episodes, "episode")}{span} at {rate}',
        f'{report.frames_read} frames read, {report.frames_kept} kept, '
        f'{report.frames_dropped} dropped, {report.frames_duplicated} repeated',
    )


def _count(number: int, word: str) -> str:
    return f'{number} {word}' + ('' if number == 1 else 's')
