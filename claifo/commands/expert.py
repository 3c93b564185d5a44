"""``claifo expert``: train or distil an expert that sees the state, record its videos."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from claifo.arguments import add_settings, settings_of

_OUT = 'new policy file (default: TASK.safetensors)'


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
    parser.add_argument('--out', type=Path, help=_OUT)
    add_settings(parser, Td3Config)
    parser.set_defaults(run=_train)


def _add_distil(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert distil``; one option per field of its settings."""
    from claifo.experts.config import DistilConfig

    text = 'distil a policy given as arrays (.npz, hand_dapg) into an expert (DAgger)'
    parser = actions.add_parser('distil', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    parser.add_argument('teacher', type=Path, help='the policy: w0, b0 ... and its scalings')
    parser.add_argument('--out', type=Path, help=_OUT)
    add_settings(parser, DistilConfig)
    parser.set_defaults(run=_distil)


def _add_record(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``expert record``; one option per field of its settings."""
    from claifo.experts.config import RecordConfig
    from claifo.films import Film

    text = 'record episodes of an expert: a folder with one rosbag2 (mcap) per episode'
    parser = actions.add_parser('record', help=text, description=text)
    parser.add_argument('task', help='name of the task, see: claifo tasks')
    parser.add_argument(
        '--out', type=Path, help='new folder for the bags (default: bags/TASK_DOMAIN_SIZEpx)'
    )
    add_settings(parser, Film)
    add_settings(parser, RecordConfig)
    parser.set_defaults(run=_record)


def _train(args: argparse.Namespace) -> int:
    """Train an expert and print what it reached."""
    from claifo.experts.config import Td3Config
    from claifo.experts.trainer import train

    config = Td3Config(**settings_of(args, Td3Config))
    out = _policy_file(args)
    info = train(args.task, config, out, _command())
    print(
        f'{out}: return {info.return_mean:.0f} +- {info.return_std:.0f} over {info.episodes} '
        f'episodes (random: {info.random_return:.0f}), after {info.steps} agent steps'
    )
    return 0


def _distil(args: argparse.Namespace) -> int:
    """Distil an expert and print what it reached."""
    from claifo.experts.config import DistilConfig
    from claifo.experts.distil import distil

    config = DistilConfig(**settings_of(args, DistilConfig))
    out = _policy_file(args)
    info = distil(args.task, args.teacher, config, out, _command())
    print(
        f'{out}: success in {info.success:.0%} of {info.episodes} episodes, for long in '
        f'{info.solved:.0%}; return {info.return_mean:.0f} +- {info.return_std:.0f}'
    )
    return 0


def _policy_file(args: argparse.Namespace) -> Path:
    """Return where the expert is to be written, and let torch learn on one thread."""
    import torch

    # At these sizes a second thread costs more than it brings.
    torch.set_num_threads(1)
    return args.out or Path(f'{args.task}.safetensors')


def _record(args: argparse.Namespace) -> int:
    """Record episodes and print their mean return."""
    from claifo.experts.config import RecordConfig
    from claifo.experts.record import record
    from claifo.films import Film

    film = Film(args.task, **settings_of(args, Film))
    out = args.out or film.place
    returns = record(film, RecordConfig(**settings_of(args, RecordConfig)), out, _command())
    mean = sum(returns) / len(returns)
    print(f'{out}: {len(returns)} episodes of {args.task}, mean return {mean:.0f}')
    return 0


def _command() -> str:
    """Return what the user typed."""
    return shlex.join(['claifo', *sys.argv[1:]])
