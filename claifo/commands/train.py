"""`claifo train`: learn a policy from an expert bag; run it again to resume."""

from __future__ import annotations

import argparse
from pathlib import Path

from claifo.arguments import help_of, metavar_of
from claifo.interrupts import stop_on_interrupt
from claifo.presets import configured, default_run_dir, find_preset

_NO_OPTIONS = ('run', 'run_dir', 'config', 'method', 'seeds', 'jobs')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command; one option per field of the configuration."""
    from claifo.commands.study import add_jobs
    from claifo_core.config import settings

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
    parser.add_argument('--method', metavar='NAME', help='named method, over the preset: options '
                        'that make a baseline or an ablation of it (docs/methods.md)')  # fmt: skip
    parser.add_argument('--seeds', metavar='N,N,…', help='several seeds, side by side: a study of '
                        'one method; --run names its folder (default: studies/…)')  # fmt: skip
    add_jobs(parser)
    for name, default, field in settings.options():
        parser.add_argument(
            f'--{name}', metavar=metavar_of(default), help=help_of(field)
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, or resume, and say where the results are."""
    from claifo.training import train
    from claifo_core.config.methods import method

    given = {k: v for k, v in vars(args).items() if k not in _NO_OPTIONS}
    preset = find_preset(args.config) if 'config' in args else None
    if 'seeds' in args or 'jobs' in args:
        return _train_seeds(args, given, preset)
    chosen = method(args.method).overrides if 'method' in args else {}
    source = str(preset) if preset and not (given or chosen) else 'claifo train'
    config = configured(preset, chosen, given, source=source)
    run_dir = getattr(args, 'run_dir', None) or default_run_dir(
        config, preset, getattr(args, 'method', '')
    )
    end = train(config, run_dir, stop=stop_on_interrupt())
    if not end:  # not the first process of a team
        return 0
    print(f'{run_dir}: {end["step"]} of {config.steps} steps, return {end["final_return"]:.1f}')
    if end['step'] < config.steps:
        print('stopped early; the same command goes on')
    print(f'see the report: claifo report {run_dir}')
    return 0


def _train_seeds(
    args: argparse.Namespace, given: dict[str, str], preset: Path | None
) -> int:
    """Train several seeds, as a study of one method."""
    from claifo.commands.study import STUDIES, start
    from claifo.study.config import StudyFile, resolve
    from claifo_core.config import settings
    from claifo_core.errors import ClaifoError

    if 'seeds' not in args:
        raise ClaifoError(f'--jobs is {args.jobs}, but one seed is one run; it needs --seeds')
    if 'seed' in given:
        raise ClaifoError(f'--seed is {given["seed"]}, but --seeds names them all; leave one out')
    named = getattr(args, 'method', '')
    file = StudyFile(
        set={key: value for key, value in given.items() if key != 'threads'},
        methods={named: None} if named else {'preset': {}},
        seeds=settings.convert(args.seeds, tuple[int, ...], '--seeds'),
        threads=settings.convert(given.get('threads', 1), int, '--threads'),
    )
    name = '_'.join(filter(None, (preset.stem if preset else 'default', named)))
    values = settings.read_yaml(preset) if preset else {}
    study = resolve(name, values, file, 'claifo train')
    folder = getattr(args, 'run_dir', None) or STUDIES / name
    return start(study, folder, getattr(args, 'jobs', None))
