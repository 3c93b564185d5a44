"""`claifo eval`: play a trained policy and count the true return, or play a bag to it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from contextlib import closing
from pathlib import Path

_EPISODES, _SEED = 10, 0
_OF_SIMULATOR = ('domain', 'episodes', 'seed')
_OF_BAG = ('expert', 'topic', 'expert_topic', 'rate_hz')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'eval',
        help='play a trained policy and count the true return, or play a bag to it',
        description='Play a trained policy with its mean action and count the true return. With '
        '--bag: play a recorded camera to it and show what it would do, and whether it looks.',
    )
    add = parser.add_argument
    add('policy', type=Path, help='a run folder or a policy file')
    add('--domain', help='visual domain (default: the one it was trained in)')
    add('--episodes', type=int, help=f'default: {_EPISODES}')
    add('--seed', type=int, help=f'of the first episode (default: {_SEED})')
    add('--json', action='store_true', help='print one JSON object')
    bag = parser.add_argument_group('a recorded camera instead of the simulator')
    add = bag.add_argument
    add('--bag', type=Path, help='a bag, or a folder of bags')
    add('--expert', type=Path, metavar='BAG', help='bag of the expert, to compare the latents')
    add('--topic', help='image topic, or several with commas between (default: the only one, or '
        'those that `claifo expert record` writes)')  # fmt: skip
    add('--expert-topic', metavar='TOPIC', help='as --topic, in the bag of the expert')
    add('--rate-hz', type=float, help='control rate, Hz (default: that of the policy)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play in the simulator, or from a bag."""
    _refuse_mixed(args)
    path = args.policy / 'policy.safetensors' if args.policy.is_dir() else args.policy
    return _play(args, path) if args.bag else _simulate(args, path)


def _refuse_mixed(args: argparse.Namespace) -> None:
    from claifo_core.errors import ClaifoError

    way = 'leave it out with --bag' if args.bag else 'it needs --bag'
    for name in _OF_SIMULATOR if args.bag else _OF_BAG:
        if getattr(args, name) is not None:
            option = f'--{name.replace("_", "-")}'
            raise ClaifoError(f'{option} is {getattr(args, name)}, but {way}')


def _play(args: argparse.Namespace, path: Path) -> int:
    """Print what a policy does with a bag."""
    from claifo import playback

    played = playback.play(
        path, args.bag, topic=args.topic or '', expert=args.expert,
        expert_topic=args.expert_topic or '', rate_hz=args.rate_hz,
    )  # fmt: skip
    print(json.dumps(playback.to_dict(played)) if args.json else playback.to_text(played))
    return 0


def _simulate(args: argparse.Namespace, path: Path) -> int:
    """Print the returns."""
    from claifo.environments import evaluation_env
    from claifo_core.config import EnvConfig
    from claifo_core.errors import ClaifoError
    from claifo_core.evaluation import evaluate
    from claifo_core.policy import Policy

    episodes = _EPISODES if args.episodes is None else args.episodes
    if episodes < 1:
        raise ClaifoError(f'--episodes is {episodes}; it must be at least 1')
    policy = Policy.load(path)
    about = policy.metadata
    world = EnvConfig(
        task=about['task'],
        domain=args.domain or about['domain'],
        size_px=policy.frames.size_px,
        action_repeat=about['action_repeat'],
        cameras=tuple(about['cameras']),
    )
    first = args.seed or _SEED
    with closing(evaluation_env(world)) as env:
        result = evaluate(policy, env, range(first, first + episodes)).summary()
    if args.json:
        print(json.dumps({'policy': str(path), **dataclasses.asdict(world), **result}))
    else:
        print(
            f'{path}: {world.task} in {world.domain}: return {result["return_mean"]:.1f} ± '
            f'{result["return_std"]:.1f} over {episodes} episodes, '
            f'success {result["success_rate"]:.0%}'
        )
    return 0
