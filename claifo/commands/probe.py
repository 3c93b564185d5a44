"""`claifo probe`: does a discriminator rank behaviour as the true reward does?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.arguments import count, help_of, metavar_of

if TYPE_CHECKING:
    from claifo.report.judge_probe import Verdict
    from claifo_core.config import TrainConfig

_SECTIONS = ('agent', 'augment', 'network')
_UPDATES, _EVERY = 1200, 300
_HEAD = ('updates', 'rank correlation', 'D best 20 %', 'D worst half', 'D expert',
         'look told by a line', 'distance of looks', 'found again')  # fmt: skip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command; one option per field of what learns."""
    from claifo_core.config import settings

    parser = commands.add_parser(
        'probe',
        help='see in minutes whether an imitation reward ranks behaviour as the true reward does',
        description='Train encoder and discriminator anew on the replay of a run, best one on the '
        'true reward (--method drqv2), and on a film. Shows how the discriminator ranks what the '
        'run has seen, and how far the looks of both worlds are apart. The world is that of the '
        'run, which is left as it is; options choose what learns.',
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add('run_dir', type=Path, metavar='RUN', help='the folder of a run')
    add('--film', type=Path, metavar='BAG', required=True, help='film of the expert')
    add('--config', metavar='FILE', help="preset of what learns (default: the run's own)")
    add('--method', metavar='NAME', help='named method, over the preset')
    add('--updates', type=count, default=_UPDATES, help=f'default: {_UPDATES}')
    add('--every', type=count, default=_EVERY, help='updates between lines of the table '
        f'(default: {_EVERY})')  # fmt: skip
    for name, default, field in settings.options():
        if name.partition('.')[0] in _SECTIONS or name in ('seed', 'threads'):
            add(f'--{name}', metavar=metavar_of(default), help=help_of(field))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Learn, and print a table."""
    from claifo.bags.truth import read_truth
    from claifo.report import judge_probe
    from claifo.terminal import show, table
    from claifo.training import read_expert
    from claifo_core.device.devices import set_threads
    from claifo_sim import task_info
    from claifo_sim.domains import source_of

    config = judge_probe.in_the_world_of(_configured(args), args.run_dir)
    set_threads(config.threads)
    videos = read_expert(config).videos
    truth = read_truth(args.film)
    looks = judge_probe.looks_of(config, truth.domain if truth else source_of(config.env.domain))
    found = judge_probe.verdicts(
        config, args.run_dir, task_info(config.env.task).action_dim, videos, looks,
        updates=args.updates, every=args.every,
    )  # fmt: skip
    show(table(_HEAD, *map(_row, found), right=_HEAD))
    return 0


def _configured(args: argparse.Namespace) -> TrainConfig:
    from claifo.presets import configured, find_preset
    from claifo_core.config.methods import method

    own = args.run_dir / 'config.yaml'
    preset = find_preset(args.config) if 'config' in args else own
    chosen = method(args.method).overrides if 'method' in args else {}
    given = {name: value for name, value in vars(args).items()
             if name.partition('.')[0] in _SECTIONS or name in ('seed', 'threads')}  # fmt: skip
    film = {'expert.bag': str(args.film)}
    return configured(preset, chosen, given, film, source='claifo probe')


def _row(verdict: Verdict) -> list[str]:
    rank = verdict.rank_correlation
    return [
        str(verdict.updates),
        'unknown' if rank is None else f'{rank:+.2f}',
        *(f'{d:+.2f}' for d in (verdict.best, verdict.worst, verdict.expert)),
        *(f'{x:.2f}' for x in (verdict.gap.accuracy, verdict.gap.distance_ratio,
                               verdict.gap.retrieval)),
    ]  # fmt: skip
