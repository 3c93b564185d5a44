"""`claifo report`: one self-contained HTML page about a run, a study, or a policy on a robot."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'report',
        help='write one HTML page about a run, a study, or a policy on a robot, from its bag',
        description='Write one self-contained HTML page about a run, complete or half finished: '
        'curves, views, latent space, clip. Of a study: its methods compared, and the same as '
        'CSV beside it. Of a bag with the actions of a policy on a robot: '
        'latency, control rate, safety. It needs no network and no other file.',
    )
    parser.add_argument(
        'run_dir', type=Path, metavar='RUN', help='the folder of a run or study, or a bag'
    )
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
    from claifo.report import deployment, page, study
    from claifo_core.errors import ClaifoError

    of_study, of_robot = study.is_study(args.run_dir), deployment.is_bag(args.run_dir)
    if args.control and (of_study or of_robot):
        raise ClaifoError(f'--control is {args.control[0]}; curves are of runs: leave it out')
    if of_study:
        print(study.build(args.run_dir, args.out))
    elif of_robot:
        print(deployment.build(args.run_dir, args.out))
    else:
        print(page.build(args.run_dir, args.out, args.control))
    return 0
