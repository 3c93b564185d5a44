"""What the benchmarks share: their arguments, presets, and where the figures go.

Nothing heavy is imported here: simulator processes import it too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.arguments import count, pairs
from claifo.cli import Parser, guarded
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    import torch

    from claifo_core.config import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
# The paper's walker settings: every mismatch but light has the color augmentation.
SHORT = {
    'dmc_walker': 'dmc_walker_full',
    'adroit': 'adroit_door_color',
    'robosuite': 'robosuite_lift_full',
}


def parser(
    name: str, text: str, *, preset: str = '', device: bool = False, **amounts: float
) -> Parser:
    """Return a parser with the options that every benchmark has, and those asked for.

    Args:
        name: Of the benchmark; kept in the figures.
        text: What it does, in its first line.
        preset: Default of ``--preset``, which comes with ``--set``; empty: it has none.
        device: Whether it has ``--device``.
        amounts: Defaults of those of ``AMOUNTS`` that it has.
    """
    script = Path(sys.argv[0]).name
    prog = f'claifo bench {name}' if script.startswith('bench_') else script
    found = Parser(prog=prog, description=text.splitlines()[0])
    found.set_defaults(benchmark=name)
    add = found.add_argument
    add('--json', action='store_true', help='print one line')
    add('--out', type=Path, metavar='FILE', help='write the figures there as well, as JSON')
    if preset:
        add_set(found)
        short = ', '.join(f'{a} ({b})' for a, b in SHORT.items())
        add('--preset', default=preset,
            help=f'YAML file, name from config/, or {short}; default: {preset}')  # fmt: skip
    if device:
        add_device(found)
    for amount, default in amounts.items():
        kind, what = AMOUNTS[amount]
        add(f'--{amount}', type=kind, default=default, help=f'{what} (default: {default:g})')
    return found


def add_set(found: argparse.ArgumentParser) -> None:
    """Add ``--set``."""
    found.add_argument(
        '--set', action='append', default=[], metavar='KEY=VALUE',
        help='change an option of the preset, such as agent.batch_size=64 (may be repeated)',
    )  # fmt: skip


def add_device(found: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    found.add_argument(
        '--device', default='auto', choices=('auto', 'cpu', 'cuda'), help='default: auto'
    )


def positive(text: str) -> float:
    """Return a number above 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not a number above 0')
    return value


AMOUNTS: dict[str, tuple[Callable[[str], float], str]] = {
    'seconds': (positive, 'how long each thing is measured; learners: at least 3 updates'),
    'rounds': (count, 'turns of each contender'),
    'repeats': (count, 'repetitions'),
    'calls': (count, 'calls'),
    'threads': (count, 'of torch on a CPU'),
}
"""How much is measured: how it is read, and what it means."""


def preset(args: argparse.Namespace) -> TrainConfig:
    """Return the configuration that the arguments name.

    Args:
        args: Has ``preset``, ``set`` and perhaps ``device``.

    Raises:
        ClaifoError: no such preset or option, or no such device.
    """
    from claifo.presets import configured, find_preset
    from claifo_core.device.devices import choose_device

    asked = changes(args)
    if 'device' in args:
        asked['device'] = str(choose_device(args.device))
    path = find_preset(SHORT.get(args.preset, args.preset))
    return configured(path, asked)


def changes(args: argparse.Namespace) -> dict[str, str]:
    """Return what ``--set`` changes, by name of the option.

    Raises:
        ClaifoError: not of the form KEY=VALUE.
    """
    return pairs(args.set, '=')


def run(main: Callable[[], dict[str, Any]], args: argparse.Namespace) -> None:
    """Measure, print the figures as JSON and write them to ``--out``.

    Raises:
        ClaifoError: ``--out`` cannot be written; found out before anything is measured.
    """
    if args.out and (args.out.is_dir() or not args.out.absolute().parent.is_dir()):
        raise ClaifoError(f'--out {args.out}: not a file in a folder that exists')
    found = {'benchmark': args.benchmark, **origin(), **main()}
    if args.out:
        from claifo_core.files import write_json_atomic

        write_json_atomic(args.out, found)
    print(json.dumps(found, indent=None if args.json else 1))


def script(main: Callable[[], None]) -> int:
    """Run a script; returns its exit code: 2 with one line for what the user can solve."""

    def action() -> int:
        main()
        return 0

    return guarded(action)


def origin() -> dict[str, Any]:
    """Say which command made figures, of which commit, when and where."""
    from claifo.study import store

    return {
        'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        'commit': store.commit(),
        'time': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        'machine': machine(),
    }


def machine() -> dict[str, Any]:
    """Describe processor, GPU, load and versions."""
    import torch

    cpu = Path('/proc/cpuinfo')
    lines = cpu.read_text().splitlines() if cpu.is_file() else []
    names = [line.split(': ')[1] for line in lines if line.startswith('model name')]
    gpu = torch.cuda.is_available()
    return {
        'cpu': names[0] if names else platform.processor(),
        'cores': os.cpu_count(),
        'load_average': round(os.getloadavg()[0], 2),
        'gpu': torch.cuda.get_device_name() if gpu else None,
        'gpu_gib': round(torch.cuda.mem_get_info()[1] / 2**30, 1) if gpu else None,
        'cuda': torch.version.cuda,
        'python': platform.python_version(),
        'torch': torch.__version__,
    }


def peak_memory(device: torch.device) -> dict[str, float]:
    """Return the peak memory of this process so far: resident, and on the GPU if it is one."""
    import resource

    import torch

    found = {'resident_mib': round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)}
    if device.type == 'cuda':
        found['gpu_mib'] = round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    return found
