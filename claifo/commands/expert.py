"""``claifo expert``: train or distil an expert that sees the state, record its videos."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import math
import shlex
import sys
from pathlib import Path
from typing import Any

from claifo.arguments import count, whole


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert train``, ``expert distil`` and ``expert record``."""
    text = 'train or distil an expert that sees the state, or record its videos as bags'
    parser = commands.add_parser('expert', help=text, description=text)
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    _add_train(actions)
    _add_distil(actions)
    _add_record(actions)


def _add_train(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert train``; one option per field of its settings."""
    from claifo.experts.config import Td3Config

    text = 'train a state-based expert (TD3 with n-step returns) on the true reward'
    parser = actions.add_parser('train', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    _add_settings(parser, Td3Config)
    parser.set_defaults(run=_train)


def _add_distil(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert distil``; one option per field of its settings."""
    from claifo.experts.config import DistilConfig

    text = 'distil a policy given as arrays (.npz, hand_dapg) into an expert (DAgger)'
    parser = actions.add_parser('distil', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    parser.add_argument('teacher', type=Path, help='the policy: w0, b0 ... and its scalings')
    _add_settings(parser, DistilConfig)
    parser.set_defaults(run=_distil)


def _add_settings(parser: argparse.ArgumentParser, config: type) -> None:
    """Add ``--out``, and an option per field of ``config``."""
    parser.add_argument('--out', type=Path, help='new policy file (default: TASK.safetensors)')
    for field in dataclasses.fields(config):
        parser.add_argument(
            f'--{field.name.replace("_", "-")}',
            type=functools.partial(_number, field),
            metavar='N' if isinstance(field.default, int) else 'X',
            default=field.default,
            help=_help(field),
        )


def _add_record(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert record``."""
    text = 'record episodes of an expert: a folder with one rosbag2 (mcap) per episode'
    parser = actions.add_parser('record', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    parser.add_argument('--domain', default='stock', help='visual domain, see: claifo domains')
    parser.add_argument('--episodes', type=count, default=10, help='default: 10')
    parser.add_argument(
        '--out', type=Path, help='new folder for the bags (default: bags/TASK_DOMAIN_SIZEpx)'
    )
    parser.add_argument('--seed', type=whole, default=0, help='of the first episode (default: 0)')
    parser.add_argument(
        '--size-px', type=count, help='side of the picture (default: that of the paper)'
    )
    parser.add_argument(
        '--episode-steps',
        type=whole,
        default=0,
        help="control steps per episode (default: the task's own limit)",
    )
    parser.add_argument(
        '--cameras',
        type=lambda text: tuple(text.split(',')),
        default=(),
        help='names with commas between, a topic each (default: the cameras of the task)',
    )
    parser.add_argument(
        '--image',
        default='rgb',
        help='what the pictures show: rgb (for events and grey levels, too), depth (for clouds, '
        'too), segmentation, or cloud, where the domain moves the camera (default: rgb)',
    )
    parser.add_argument(
        '--compressed',
        action='store_true',
        help='write CompressedImage (png, lossless) instead of Image',
    )
    parser.add_argument(
        '--random',
        action='store_true',
        help='film random actions in place of the expert (default folder: ..._random)',
    )
    parser.add_argument(
        '--actions',
        action='store_true',
        help="write the expert's actions and rewards, too (/action, /time_step), for methods that "
        'need them, as bc; default: a film, images alone',
    )
    parser.set_defaults(run=_record)


def _train(args: argparse.Namespace) -> int:
    """Train an expert and print what it reached."""
    import torch

    from claifo.experts.config import Td3Config
    from claifo.experts.trainer import train

    # At these sizes a second thread costs more than it brings.
    torch.set_num_threads(1)
    names = [field.name for field in dataclasses.fields(Td3Config)]
    config = Td3Config(**{name: getattr(args, name) for name in names})
    out = args.out or Path(f'{args.task}.safetensors')
    info = train(args.task, config, out, _command())
    print(
        f'{out}: return {info.return_mean:.0f} +- {info.return_std:.0f} over {info.episodes} '
        f'episodes (random: {info.random_return:.0f}), after {info.steps} agent steps'
    )
    return 0


def _distil(args: argparse.Namespace) -> int:
    """Distil an expert and print what it reached."""
    import torch

    from claifo.experts.config import DistilConfig
    from claifo.experts.distil import distil

    torch.set_num_threads(1)
    names = [field.name for field in dataclasses.fields(DistilConfig)]
    config = DistilConfig(**{name: getattr(args, name) for name in names})
    out = args.out or Path(f'{args.task}.safetensors')
    info = distil(args.task, args.teacher, config, out, _command())
    print(
        f'{out}: success in {info.success:.0%} of {info.episodes} episodes, for long in '
        f'{info.solved:.0%}; return {info.return_mean:.0f} +- {info.return_std:.0f}'
    )
    return 0


def _record(args: argparse.Namespace) -> int:
    """Record episodes and print their mean return."""
    from claifo.environments import expert_bag
    from claifo.experts.record import record
    from claifo_sim import task_info

    size_px = args.size_px or task_info(args.task).size_px
    out = args.out or expert_bag(
        args.task, args.domain, size_px, args.cameras, args.image, actions=args.actions,
        random=args.random,
    )  # fmt: skip
    returns = record(
        args.task,
        args.domain,
        args.episodes,
        out,
        seed=args.seed,
        size_px=size_px,
        episode_steps=args.episode_steps,
        cameras=args.cameras,
        image=args.image,
        random=args.random,
        encoding='png' if args.compressed else 'rgb8',
        actions=args.actions,
        command=_command(),
    )
    mean = sum(returns) / len(returns)
    print(f'{out}: {len(returns)} episodes of {args.task}, mean return {mean:.0f}')
    return 0


def _command() -> str:
    """Return what the user typed."""
    return shlex.join(['claifo', *sys.argv[1:]])


def _help(field: dataclasses.Field[Any]) -> str:
    """Return what an option does, its range and its default."""
    rule = field.metadata
    top = '' if rule['high'] is None else f' to {rule["high"]}'
    unit = rule['unit'] and f' {rule["unit"]}'
    lead = f'{rule["low"]}{top}' if top else f'{rule["low"]} or more'
    return f'{rule["help"]}; {lead}{unit} (default: {field.default})'


def _number(field: dataclasses.Field[Any], text: str) -> float:
    """Return the number of an option.

    Raises:
        argparse.ArgumentTypeError: it is none, or outside the range of ``field``.
    """
    low, high = field.metadata['low'], field.metadata['high']
    whole = isinstance(field.default, int)
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= (math.inf if high is None else high):
        allowed = f'of at least {low}' if high is None else f'from {low} to {high}'
        raise argparse.ArgumentTypeError(f'{text} is not a {"whole " * whole}number {allowed}')
    return value
