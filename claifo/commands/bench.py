"""`claifo bench`: run one of the benchmarks that come with the source tree."""

from __future__ import annotations

import argparse
import subprocess
import sys

from claifo.resources import SOURCE_ROOT
from claifo_core.errors import ClaifoError

BENCHMARKS = {
    'learner': 'updates per second and their split, beside a straightforward variant',
    'sim': "simulator frames per second, beside dm_control's own pixel wrapper",
    'bags': 'bag reading in frames and MB per second, beside plain rosbags',
    'graph': 'messages between nodes, new weights, and training beside the in-process trainer',
    'deploy': 'latency from camera to action, and time until the safe action after a kill',
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'bench',
        help='measure the speed of the learner, simulators, bags, the graph or a deployment',
        description='Measure speed. '
        + '; '.join(f'{name}: {what}' for name, what in BENCHMARKS.items())
        + '.',
    )
    names = ','.join(BENCHMARKS)
    parser.add_argument('benchmark', choices=tuple(BENCHMARKS), metavar=f'{{{names}}}')
    parser.add_argument('--json', action='store_true', help='print one line of JSON')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the script of that name.

    Raises:
        ClaifoError: claifo was installed without its source tree.
    """
    script = SOURCE_ROOT / 'benchmarks' / f'bench_{args.benchmark}.py'
    if not script.is_file():
        raise ClaifoError(f'{script}: no such file; benchmarks run from a source tree only')
    command = [sys.executable, str(script), *(['--json'] if args.json else [])]
    return subprocess.run(command, check=False).returncode
