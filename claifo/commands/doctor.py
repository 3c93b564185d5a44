"""`claifo doctor`: does this machine have what claifo needs, and what to do where it has not."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.arguments import count

if TYPE_CHECKING:
    from claifo.doctor import Check

MARKS = {'ok': ('  ok', 'green'), 'warn': ('warn', 'yellow'), 'fail': ('FAIL', 'bold red')}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'doctor',
        help='check this machine and say what to do about each problem',
        description='Check Python, versions, PyTorch, rendering, memory and disk. '
        'Exit code 0 when nothing fails, else 2.',
    )
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    parser.add_argument(
        '--replay-frames',
        type=count,
        metavar='N',
        help='frames the replay shall hold (the option replay_frames of a run); '
        'without it, say how many there is room for',
    )
    parser.add_argument(
        '--size-px',
        type=count,
        default=64,
        metavar='PX',
        help='side of a frame, in pixels (default %(default)s)',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; see :mod:`claifo.doctor`."""
    from claifo.doctor import run_checks

    checks = []
    for check in run_checks(Path(), args.replay_frames, args.size_px):
        checks.append(check)
        if not args.json:
            _show(check)
    failed = any(check.status == 'fail' for check in checks)
    if args.json:
        findings = [dataclasses.asdict(check) for check in checks]
        print(json.dumps({'status': 'fail' if failed else 'ok', 'checks': findings}, indent=1))
    return 2 if failed else 0


def _show(check: Check) -> None:
    """Print a finding as soon as it is known: rendering takes seconds."""
    from rich.table import Table
    from rich.text import Text

    from claifo import terminal

    row = Table.grid(padding=(0, 2))
    for width in (4, 9, None):
        row.add_column(width=width)
    row.add_row(Text(*MARKS[check.status]), check.name, check.found)
    if check.advice:
        row.add_row('', '', f'-> {check.advice}')
    terminal.show(row)
