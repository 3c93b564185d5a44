"""`claifo eval`: play a trained policy and count the true return."""

from __future__ import annotations

import argparse
import dataclasses
import json
from contextlib import closing
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'eval',
        help='play a trained policy and count the true return',
        description='Play a trained policy with its mean action and count the true return.',
    )
    parser.add_argument('policy', type=Path, help='a run folder or a policy file')
    parser.add_argument('--domain', help='visual domain (default: the one it was trained in)')
    parser.add_argument('--episodes', type=int, default=10, help='default: 10')
    parser.add_argument('--seed', type=int, default=0, help='of the first episode (default: 0)')
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the returns."""
    from claifo.environments import evaluation_env
    from claifo_core.config import EnvConfig
    from claifo_core.errors import ClaifoError
    from claifo_core.evaluation import evaluate
    from claifo_core.policy import Policy

    if args.episodes < 1:
        raise ClaifoError(f'--episodes is {args.episodes}; it must be at least 1')
    path = args.policy / 'policy.safetensors' if args.policy.is_dir() else args.policy
    policy = Policy.load(path)
    about = policy.metadata
    world = EnvConfig(
        task=about['task'],
        domain=args.domain or about['domain'],
        size_px=policy.frames.size_px,
        action_repeat=about['action_repeat'],
    )
    seeds = range(args.seed, args.seed + args.episodes)
    with closing(evaluation_env(world)) as env:
        result = evaluate(policy, env, seeds).summary()
    if args.json:
        print(json.dumps({'policy': str(path), **dataclasses.asdict(world), **result}))
    else:
        print(
            f'{path}: {world.task} in {world.domain}: return {result["return_mean"]:.1f} ± '
            f'{result["return_std"]:.1f} over {args.episodes} episodes, '
            f'success {result["success_rate"]:.0%}'
        )
    return 0
