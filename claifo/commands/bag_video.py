"""`claifo bag from-video`: video files as the film of an expert."""

from __future__ import annotations

import argparse
from pathlib import Path

from claifo.arguments import add_settings


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``bag from-video``."""
    from claifo_core.config import ExpertConfig

    text = 'make an expert bag of video files (mp4, mov, avi), an episode of each'
    parser = actions.add_parser('from-video', help=text, description=text)
    add = parser.add_argument
    add('videos', type=Path, nargs='+', metavar='VIDEO', help='a video file')
    add('--out', type=Path, required=True, help='folder of the bag, which must not exist')
    add('--rate-hz', type=float, help='frames per second (default: those of the first video)')
    add('--size-px', type=int, metavar='N',
        help='make square pictures of this side (default: as they are)')
    add_settings(parser, ExpertConfig, ('crop',))
    add('--encoding', default='jpeg', choices=('rgb8', 'jpeg', 'png'), help='default: jpeg')
    add('--quality', type=int, default=95, metavar='N', help='of jpeg, 1 to 100 (default: 95)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what became of each video."""
    from claifo.bags import video
    from claifo_core.data.frames import FrameSpec
    from claifo_core.errors import ClaifoError

    if args.crop and not args.size_px:
        raise ClaifoError('--crop needs --size-px; the size that training will see, or more')
    if not 1 <= args.quality <= 100:
        raise ClaifoError(f'--quality is {args.quality}; it must be from 1 to 100')
    spec = FrameSpec(args.size_px, args.crop) if args.size_px is not None else None
    rate_hz, done = video.convert(
        args.videos, args.out, rate_hz=args.rate_hz, spec=spec, encoding=args.encoding,
        quality=args.quality,
    )  # fmt: skip
    for one in done:
        print(f'{one.path}: {one.read} frames read, {one.written} written at {rate_hz:.4g} Hz')
        if one.read < one.announced:
            print(f'warning: {one.path}: {one.announced} frames were announced; is it whole?')
    print(f'{args.out}: {len(done)} episode{"" if len(done) == 1 else "s"}')
    return 0
