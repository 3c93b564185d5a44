"""`claifo bench`: run one of the benchmarks that come with the source tree."""

from __future__ import annotations

import argparse
import subprocess
import sys

from claifo.resources import SOURCE_ROOT
from claifo_core.errors import ClaifoError

BENCHMARKS = {
    'learner': 'updates per second, their split, FLOP and bytes, beside the limits of the device',
    'sim': "simulator frames per second, beside dm_control's own pixel wrapper",
    'loop': 'environment steps per second of simulators and learner, the ratio of both counted',
    'node': 'latency of the policy node from TimeStep to action',
    'bags': 'bag reading in frames and MB per second, beside plain rosbags',
    'graph': 'messages between nodes, new weights, and training beside the in-process trainer',
    'deploy': 'latency from camera to action, and time until the safe action after a kill',
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command; its options are those of the script."""
    parser = commands.add_parser(
        'bench',
        help='measure the speed of the learner, simulators, bags, the graph or a deployment',
        description='Measure speed. '
        + '; '.join(f'{name}: {what}' for name, what in BENCHMARKS.items())
        + '.',
        epilog='Each has options of its own, --json and --out FILE among them: '
        'claifo bench learner --help.',
    )
    names = ','.join(BENCHMARKS)
    parser.add_argument('benchmark', choices=tuple(BENCHMARKS), metavar=f'{{{names}}}')
    parser.add_argument('options', nargs=argparse.REMAINDER, metavar='…', help='of the benchmark')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the script of that name.

    Raises:
        ClaifoError: claifo was installed without its source tree.
    """
    script = SOURCE_ROOT / 'benchmarks' / f'bench_{args.benchmark}.py'
    if not script.is_file():
        raise ClaifoError(f'{script}: no such file; benchmarks run from a source tree only')
    return subprocess.run([sys.executable, str(script), *args.options], check=False).returncode
