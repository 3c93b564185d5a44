"""`claifo eval`: play a trained policy and count the true return, or play a bag to it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from contextlib import closing
from pathlib import Path

_EPISODES, _SEED = 10, 0
_OF_SIMULATOR = ('domain', 'episodes', 'seed')
_OF_MATRIX = ('looks', 'out')
_OF_BAG = ('expert', 'topic', 'expert_topic', 'rate_hz')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'eval',
        help='play a trained policy and count the true return, or play a bag to it',
        description='Play a trained policy with its mean action and count the true return. With '
        '--bag: play a recorded camera to it and show what it would do, and whether it looks. '
        'With --matrix: play it in many looks of its world, unseen ones among them.',
    )
    add = parser.add_argument
    add('policy', type=Path, nargs='+', help='run folder or policy file; with --matrix '
        'several, or a study')
    add('--domain', help='visual domain (default: the one it was trained in)')
    add('--episodes', type=int, help=f'default: {_EPISODES}')
    add('--seed', type=int, help=f'of the first episode (default: {_SEED})')
    add('--json', action='store_true', help='print one JSON object')
    many = parser.add_argument_group('many looks at once, played side by side on all cores')
    add = many.add_argument
    add('--matrix', action='store_true', help='write returns and shares as CSV and as a heat map')
    add('--looks', help='names with commas between (default: all, see `claifo domains`)')
    add('--out', type=Path, metavar='FILE.csv',
        help='default: matrix.csv in the folder of the run or study')  # fmt: skip
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
    """Play in the simulator, in one look or in many, or from a bag."""
    _refuse_mixed(args)
    if args.matrix:
        return _matrix(args)
    path = args.policy[0]
    path = path / 'policy.safetensors' if path.is_dir() else path
    return _play(args, path) if args.bag else _simulate(args, path)


def _refuse_mixed(args: argparse.Namespace) -> None:
    from claifo.study.store import STUDY_FILE
    from claifo_core.errors import ClaifoError

    wrong = {
        **dict.fromkeys(() if args.bag else _OF_BAG, 'it needs --bag'),
        **dict.fromkeys(_OF_SIMULATOR if args.bag else (), 'leave it out with --bag'),
        **dict.fromkeys(() if args.matrix else _OF_MATRIX, 'it needs --matrix'),
        **dict.fromkeys(('bag', 'domain') if args.matrix else (), 'leave it out with --matrix'),
    }
    for name, way in wrong.items():
        if getattr(args, name) is not None:
            option = f'--{name.replace("_", "-")}'
            raise ClaifoError(f'{option} is {getattr(args, name)}, but {way}')
    if len(args.policy) > 1 and not args.matrix:
        raise ClaifoError(f'{args.policy[1]}: a second policy needs --matrix')
    if (args.policy[0] / STUDY_FILE).is_file() and not args.matrix:
        raise ClaifoError(f'{args.policy[0]}: a study needs --matrix; or name one of its runs')


def _matrix(args: argparse.Namespace) -> int:
    """Play in many looks, and write CSV and heat map."""
    import sys

    from claifo import robustness, terminal
    from claifo_core.errors import ClaifoError

    first = args.policy[0]
    if args.out is None and len(args.policy) > 1:
        raise ClaifoError('--out is missing: name the CSV file of several policies')
    out = args.out or (first if first.is_dir() else first.parent) / 'matrix.csv'
    if out.suffix != '.csv':
        raise ClaifoError(f'--out {out}: must end in .csv')
    if not out.parent.is_dir():
        raise ClaifoError(f'--out {out}: there is no folder {out.parent}; make it first')
    rows, looks = robustness.rows_of(args.policy), args.looks.split(',') if args.looks else ()
    cells = robustness.measure(
        rows, _seeds(args), looks, lambda line: print(line, file=sys.stderr)
    )
    shown = robustness.averaged(cells)
    picture = robustness.write(cells, shown, out)
    if args.json:
        print(json.dumps([dataclasses.asdict(cell) for cell in cells]))
    else:
        terminal.show(*robustness.tables(shown), f'wrote {out} and {picture}')
    return 0


def _seeds(args: argparse.Namespace) -> range:
    from claifo_core.errors import ClaifoError

    episodes = _EPISODES if args.episodes is None else args.episodes
    if episodes < 1:
        raise ClaifoError(f'--episodes is {episodes}; it must be at least 1')
    first = args.seed or _SEED
    return range(first, first + episodes)


def _play(args: argparse.Namespace, path: Path) -> int:
    """Print what a policy does with a bag."""
    from claifo import playback, terminal

    played = playback.play(
        path, args.bag, topic=args.topic or '', expert=args.expert,
        expert_topic=args.expert_topic or '', rate_hz=args.rate_hz,
    )  # fmt: skip
    if args.json:
        print(json.dumps(playback.to_dict(played)))
    else:
        terminal.show(*playback.tables(played))
    return 0


def _simulate(args: argparse.Namespace, path: Path) -> int:
    """Print the returns."""
    from claifo.environments import evaluation_env, world_of
    from claifo_core.policy import Policy
    from claifo_core.training.evaluation import evaluate

    seeds = _seeds(args)
    policy = Policy.load(path)
    world = world_of(policy.metadata, args.domain or policy.metadata['domain'])
    with closing(evaluation_env(world)) as env:
        result = evaluate(policy, env, seeds).summary()
    if args.json:
        print(json.dumps({'policy': str(path), **dataclasses.asdict(world), **result}))
    else:
        print(
            f'{path}: {world.task} in {world.domain}: return {result["return_mean"]:.1f} ± '
            f'{result["return_std"]:.1f} over {len(seeds)} episodes, '
            f'success {result["success_rate"]:.0%}'
        )
    return 0
