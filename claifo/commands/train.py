"""`claifo train`: learn a policy from an expert bag; run it again to resume."""

from __future__ import annotations

import argparse
import signal
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claifo_core.config import TrainConfig

RUNS = Path('runs')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command; one option per field of the configuration."""
    from claifo_core import settings

    parser = commands.add_parser(
        'train',
        help='learn a policy from an expert bag; the same command again resumes',
        description='Learn a policy from an expert bag. The same command again resumes the run; '
        'Ctrl-C ends it with a checkpoint. Options override the preset.',
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        '--config', metavar='FILE', help='preset: a YAML file, or a name from config/'
    )
    parser.add_argument(
        '--run', type=Path, dest='run_dir', metavar='DIR', help='run folder (default: runs/…)'
    )
    for name, default, field in settings.options():
        parser.add_argument(
            f'--{name}', metavar=_metavar(default), help=_help(default, field.metadata)
        )
    parser.set_defaults(run=run)


def _metavar(default: object) -> str:
    return {bool: 'true|false', int: 'N', float: 'X', str: 'WORD'}.get(type(default), 'A,B,…')


def _help(default: object, rule: Any) -> str:  # noqa: ANN401 (mapping of metadata)
    parts = [rule['help']]
    if rule['choices']:
        parts.append(f'one of {", ".join(rule["choices"])}')
    elif rule['low'] is not None:
        high = '' if rule['high'] is None else f' to {rule["high"]}'
        parts.append(f'{rule["low"]}{high or " or more"} {rule["unit"]}'.rstrip())
    shown = default if default not in ('', None) else 'none'
    return f'{"; ".join(parts)} (default: {shown})'.replace('%', '%%')


def run(args: argparse.Namespace) -> int:
    """Train, or resume, and say where the results are."""
    from claifo.training import train
    from claifo_core import settings

    given = {k: v for k, v in vars(args).items() if k not in ('run', 'run_dir', 'config')}
    preset = find_preset(args.config) if 'config' in args else None
    values = settings.read_yaml(preset) if preset else {}
    source = str(preset) if preset and not given else 'claifo train'
    config = settings.from_dict(settings.merge(values, given), source)
    run_dir = getattr(args, 'run_dir', None) or default_run_dir(config, preset)
    end = train(config, run_dir, stop=stop_on_interrupt())
    if not end:  # not the first process of a team
        return 0
    print(f'{run_dir}: {end["step"]} of {config.steps} steps, return {end["final_return"]:.1f}')
    if end['step'] < config.steps:
        print('stopped early; the same command goes on')
    print(f'see the report: claifo report {run_dir}')
    return 0


def find_preset(name: str) -> Path:
    """Return the YAML file of a preset given by path or by name in the config folder."""
    from claifo.resources import config_dir
    from claifo_core.errors import ClaifoError, did_you_mean

    path = Path(name)
    if path.is_file():
        return path
    known = {p.stem: p for p in config_dir().glob('*.yaml')}
    if path.stem in known and (path.name == name or path.parent.name == 'config'):
        return known[path.stem]
    raise ClaifoError(
        f'{name}: no such preset{did_you_mean(path.stem, known)}; '
        f'give a YAML file or one of {", ".join(sorted(known))}'
    )


def default_run_dir(config: TrainConfig, preset: Path | None) -> Path:
    """Return the folder in which the same command always finds its run again."""
    stem = preset.stem if preset else f'{config.env.task}_{config.env.domain.replace("/", "_")}'
    return RUNS / f'{stem}_seed{config.seed}'


def stop_on_interrupt() -> Any:  # noqa: ANN401 (a callable)
    """Return a question that Ctrl-C (or SIGTERM) answers with yes; a second one interrupts."""
    asked = False

    def ask(number: int, frame: types.FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return lambda: asked
