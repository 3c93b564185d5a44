"""``claifo expert``: train an expert that sees the state, record its videos as bags."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert train`` and ``expert record``."""
    text = 'train an expert that sees the state, or record its videos as bags'
    parser = commands.add_parser('expert', help=text, description=text)
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    _add_train(actions)
    _add_record(actions)


def _add_train(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert train``."""
    text = 'train a state-based expert (TD3 with n-step returns) on the true reward'
    parser = actions.add_parser('train', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    parser.add_argument('--out', type=Path, help='new policy file (default: TASK.safetensors)')
    parser.add_argument('--steps', type=_positive, help='agent steps (default: 150000)')
    parser.add_argument('--seed', type=_whole, help='seed of everything random (default: 0)')
    parser.add_argument(
        '--action-repeat', type=_positive, help='control steps per action (default: 2)'
    )
    parser.add_argument(
        '--noise-steps',
        type=_positive,
        help='agent steps until exploration has faded (default: 30000)',
    )
    parser.add_argument('--hidden', type=_positive, help='width of the layers (default: 256)')
    parser.add_argument('--batch', type=_positive, help='transitions per update (default: 256)')
    parser.add_argument(
        '--eval-every', type=_positive, help='agent steps between evaluations (default: 10000)'
    )
    parser.set_defaults(run=_train)


def _add_record(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert record``."""
    text = 'record episodes of an expert: a folder with one rosbag2 (mcap) per episode'
    parser = actions.add_parser('record', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    parser.add_argument('--domain', default='stock', help='visual domain, see: claifo domains')
    parser.add_argument('--episodes', type=_positive, default=10, help='default: 10')
    parser.add_argument('--out', type=Path, required=True, help='new folder for the bags')
    parser.add_argument('--seed', type=_whole, default=0, help='of the first episode (default: 0)')
    parser.add_argument('--size-px', type=_positive, default=64, help='picture, default: 64')
    parser.add_argument(
        '--episode-steps',
        type=_whole,
        default=0,
        help="control steps per episode (default: the task's own limit)",
    )
    parser.add_argument(
        '--compressed',
        action='store_true',
        help='write CompressedImage (png, lossless) instead of Image',
    )
    parser.set_defaults(run=_record)


def _train(args: argparse.Namespace) -> int:
    """Train an expert and print what it reached."""
    from claifo.experts.learner import ExpertConfig
    from claifo.experts.trainer import train

    names = {field.name for field in dataclasses.fields(ExpertConfig)}
    given = {key: value for key, value in vars(args).items() if key in names}
    config = ExpertConfig(**{key: value for key, value in given.items() if value is not None})
    out = args.out or Path(f'{args.task}.safetensors')
    info = train(args.task, config, out, _command())
    print(
        f'{out}: return {info.return_mean:.0f} +- {info.return_std:.0f} over {info.episodes} '
        f'episodes (random: {info.random_return:.0f}), after {info.steps} agent steps'
    )
    return 0


def _record(args: argparse.Namespace) -> int:
    """Record episodes and print their mean return."""
    from claifo.experts.record import record

    returns = record(
        args.task,
        args.domain,
        args.episodes,
        args.out,
        seed=args.seed,
        size_px=args.size_px,
        episode_steps=args.episode_steps,
        encoding='png' if args.compressed else 'rgb8',
        command=_command(),
    )
    mean = sum(returns) / len(returns)
    print(f'{args.out}: {len(returns)} episodes of {args.task}, mean return {mean:.0f}')
    return 0


def _command() -> str:
    """Return what the user typed."""
    return shlex.join(['claifo', *sys.argv[1:]])


def _whole(text: str) -> int:
    """Return a whole number from 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 0')
    return int(text)


def _positive(text: str) -> int:
    """Return a whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 1')
    return int(text)
