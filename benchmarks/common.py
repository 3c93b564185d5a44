"""What the benchmarks share: their arguments, presets, and where the figures go.

Nothing heavy is imported here: simulator processes import it too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.cli import Parser, guarded
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from claifo_core.config import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
# The paper's walker settings: every mismatch but light has the color augmentation.
SHORT = {
    'dmc_walker': 'dmc_walker_full',
    'adroit': 'adroit_door_color',
    'robosuite': 'robosuite_lift_full',
}


def parser(name: str, text: str) -> Parser:
    """Return a parser with the options that every benchmark has."""
    found = Parser(prog=f'claifo bench {name}', description=text)
    found.add_argument('--json', action='store_true', help='print one line')
    found.add_argument(
        '--out', type=Path, metavar='FILE', help='write the figures there as well, as JSON'
    )
    return found


def add_preset(found: argparse.ArgumentParser, default: str = 'dmc_walker') -> None:
    """Add ``--preset`` and ``--set``."""
    add_set(found)
    short = ', '.join(f'{a} ({b})' for a, b in SHORT.items())
    found.add_argument(
        '--preset', default=default,
        help=f'YAML file, name from config/, or {short}; default: {default}',
    )  # fmt: skip


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


def preset(args: argparse.Namespace) -> TrainConfig:
    """Return the configuration that the arguments name.

    Args:
        args: Has ``preset``, ``set`` and perhaps ``device``.

    Raises:
        ClaifoError: no such preset or option, or no such device.
    """
    from claifo.presets import find_preset
    from claifo_core.config import settings
    from claifo_core.device.devices import choose_device

    asked = changes(args)
    if 'device' in args:
        asked['device'] = str(choose_device(args.device))
    path = find_preset(SHORT.get(args.preset, args.preset))
    values = settings.merge(settings.read_yaml(path), asked)
    return settings.from_dict(values, str(path))


def changes(args: argparse.Namespace) -> dict[str, str]:
    """Return what ``--set`` changes, by name of the option.

    Raises:
        ClaifoError: not of the form KEY=VALUE.
    """
    return dict(_pair(text) for text in args.set)


def _pair(text: str) -> tuple[str, str]:
    key, mark, value = text.partition('=')
    if not mark:
        raise ClaifoError(f'--set {text}: must have the form KEY=VALUE')
    return key, value


def run(main: Callable[[], dict[str, Any]], name: str, args: argparse.Namespace) -> None:
    """Measure, print the figures as JSON and write them to ``--out``.

    Raises:
        ClaifoError: ``--out`` cannot be written; found out before anything is measured.
    """
    if args.out and (args.out.is_dir() or not args.out.absolute().parent.is_dir()):
        raise ClaifoError(f'--out {args.out}: not a file in a folder that exists')
    found = {'benchmark': name, **origin(), **main()}
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
    return {
        'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        'commit': commit(),
        'time': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        'machine': machine(),
    }


def commit() -> str | None:
    """Return the commit of this tree, with -dirty where files were changed; None: no git."""
    command = ['git', '-C', str(ROOT), 'describe', '--always', '--dirty', '--exclude=*']
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


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
