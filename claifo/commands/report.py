"""`claifo report`: one self-contained HTML page about a run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'report',
        help='write one HTML page about a run: curves, views, latent space, clip',
        description='Write one self-contained HTML page about a run, complete or half finished. '
        'It needs no network and no other file.',
    )
    parser.add_argument('run_dir', type=Path, metavar='RUN', help='the run folder')
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='the page (default RUN/report.html)'
    )
    parser.add_argument(
        '--control',
        type=Path,
        action='append',
        default=[],
        metavar='CSV',
        help='draw the curves of other runs as well; columns return_mean, frames or wall_s, '
        'perhaps run (may be given several times)',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    from claifo.report import build

    print(build(args.run_dir, args.out, args.control))
    return 0
