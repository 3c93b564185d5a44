"""`claifo bag`: see what a bag holds, and whether a policy could learn from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.arguments import add_settings
from claifo.commands import bag_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo.bags.check import BagInfo
    from claifo.bags.report import BagReport

EXIT_UNUSABLE = 2


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
    from claifo.bags.check import inspect
    from claifo.bags.reader import find_bags

    bags = [inspect(where) for where in find_bags([args.path])]
    size_mb = sum(bag.size_bytes for bag in bags) / 1e6
    print(
        f'{args.path}: {_count(len(bags), "bag")}, {size_mb:.1f} MB, '
        f'{sum(bag.duration_s for bag in bags):.1f} s'
    )
    _print_topics(bags)
    print(f'\n{_count(len(bags), "episode")}, if every bag is one:')
    for bag in bags:
        frames = sum(len(t.times_ns) for t in bag.topics.values() if t.image)
        print(
            f'  {bag.path.name}  {_count(frames, "frame")}  {bag.duration_s:.2f} s  '
            f'{bag.size_bytes / 1e6:.2f} MB'
        )
    _print_warnings([line for bag in bags for line in bag.lost])
    return 0


def _print_topics(bags: Sequence[BagInfo]) -> None:
    """Print one line per topic, all bags together."""
    for name in dict.fromkeys(name for bag in bags for name in bag.topics):
        found = [bag.topics[name] for bag in bags if name in bag.topics]
        count = sum(len(topic.times_ns) for topic in found)
        span_s = sum(topic.span_s for topic in found)
        steps = sum(max(len(topic.times_ns) - 1, 0) for topic in found)
        rate = f'{steps / span_s:.2f} Hz' if span_s else 'no rate'
        images = ', '.join(dict.fromkeys(topic.image for topic in found if topic.image))
        pause_s = max(topic.longest_pause_s for topic in found)
        size_mb = sum(topic.data_bytes for topic in found) / 1e6
        print(
            f'  {name}  {found[0].type}  {_count(count, "message")}  {rate}  {size_mb:.1f} MB  '
            f'longest pause {pause_s:.3g} s  {images}'.rstrip()
        )


def _check(args: argparse.Namespace) -> int:
    """Print the report, warnings and errors."""
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
    _print_report(report, f'{rate_hz:.4g} Hz' + (' (as measured)' if measured else ''))
    _print_warnings(report.warnings())
    for error in errors:
        print(f'error: {error}')
    print('not usable' if errors else 'usable')
    return EXIT_UNUSABLE if errors else 0


def _print_report(report: BagReport, rate: str) -> None:
    sizes = ', '.join(f'{width}x{height}' for width, height in report.sizes)
    print(
        f'{_count(report.bags, "bag")}, {", ".join(report.topics)}: '
        f'{sizes} {", ".join(report.encodings)} at {report.rate_hz:.4g} Hz'
    )
    lengths = report.lengths
    span = f' of {min(lengths)} to {max(lengths)} frames' if lengths else ''
    print(f'{_count(report.episodes, "episode")}{span} at {rate}')
    print(
        f'{report.frames_read} frames read, {report.frames_kept} kept, '
        f'{report.frames_dropped} dropped, {report.frames_duplicated} repeated'
    )


def _print_warnings(lines: Sequence[str]) -> None:
    for line in lines:
        print(f'warning: {line}')


def _count(number: int, word: str) -> str:
    return f'{number} {word}' + ('' if number == 1 else 's')
