"""`claifo export`: one self-contained file from a run, for a robot without torch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claifo_core.policy import Policy

_RANDOM, _RECORDED = 64, 64
TOLERANCE = 1e-4
"""Of a number of an action in [-1, 1]; float32 sums in another order differ by less."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    text = 'write a policy as one ONNX or TorchScript file with its deployment contract'
    parser = commands.add_parser(
        'export', help=text, description=f'{text}, and check that it acts as the checkpoint does.'
    )
    add = parser.add_argument
    add('policy', type=Path, help='a run folder or a policy file')
    add('--format', default='onnx', choices=('onnx', 'torchscript'), help='default: onnx')
    add('--contract', type=Path, metavar='FILE',
        help='deployment contract to put inside (default: that of the simulator)')
    add('--out', type=Path, metavar='FILE', help='default: beside the policy, as policy.onnx')
    add('--int8', action='store_true',
        help='store the linear layers as 8-bit integers; the error of the actions is measured')
    add('--bag', type=Path, metavar='BAG',
        help='recorded frames for the check (default: the film that the run learned from)')
    add('--verify', type=Path, metavar='FILE',
        help='write nothing; check this export: its checksum, and its actions against the policy')
    add('--print-contract', action='store_true', help='print the contract as YAML and end')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export or verify, and print what was compared."""
    from claifo_core.deploy import actors, contract, export
    from claifo_core.errors import ClaifoError
    from claifo_core.policy import Policy

    folder = args.policy if args.policy.is_dir() else args.policy.parent
    policy = Policy.load(folder / 'policy.safetensors' if args.policy.is_dir() else args.policy)
    agreed = (
        contract.load(args.contract) if args.contract else contract.of_policy(policy.metadata)
    )
    if args.print_contract:
        print(contract.dump(agreed), end='')
        return 0
    if args.int8 and args.format != 'onnx':
        raise ClaifoError('--int8 is for --format onnx')
    out = args.verify or args.out or folder / f'policy{export.SUFFIXES[args.format]}'
    if out.suffix not in export.SUFFIXES.values():
        raise ClaifoError(f'{out}: must end with {" or ".join(export.SUFFIXES.values())}')
    if not args.verify:
        from claifo_core.files import write_atomic

        write_atomic(out, export.export(policy, agreed, args.format, int8=args.int8))
    actor, inside = actors.load(out)
    if args.verify and args.contract and inside != agreed:
        raise ClaifoError(f'{out}: holds another contract than {args.contract}')
    if args.verify:
        _check_description(policy, actor, out)
    return _compare(policy, actor, out, _recorded(policy, folder, args.bag))


def _check_description(policy: Policy, actor: Any, out: Path) -> None:  # noqa: ANN401
    """Check that an export says of itself what the checkpoint does.

    Raises:
        ClaifoError: names what differs.
    """
    import json

    from claifo_core.errors import ClaifoError

    ours, theirs = json.loads(json.dumps(policy.metadata)), actor.metadata
    wrong = [
        f'{key} is {theirs.get(key)!r}, the checkpoint has {ours.get(key)!r}'
        for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)
    ]  # fmt: skip
    if wrong:
        raise ClaifoError(f'{out}: describes another policy: {"; ".join(wrong)}')


def _compare(policy: Policy, actor: Any, out: Path, recorded: Any) -> int:  # noqa: ANN401
    """Print how far the actions differ; too far is an error, unless the weights are rounded."""
    import numpy as np

    from claifo_core.deploy import export
    from claifo_core.errors import ClaifoError

    rounded = actor.description['int8']
    sets = {'random': export.samples(policy.metadata, _RANDOM, seed=1), 'recorded': recorded}
    errors = {
        name: export.action_error(policy, actor, given) for name, given in sets.items() if given
    }
    print(f'{out}: {out.stat().st_size / 1e6:.1f} MB, checksum right'
          + (', linear layers of 8-bit integers' if rounded else ''))  # fmt: skip
    for name, error in errors.items():
        print(f'largest difference of an action on {name} frames: {error:.2e}')
    if not recorded:
        print('recorded frames were not compared: name a film with --bag')
    most = np.max([*errors.values()])  # not a number, if one of them is
    if not most <= TOLERANCE and not (rounded and np.isfinite(most)):
        raise ClaifoError(
            f'{out}: acts differently from the checkpoint (up to {most:.2e}); '
            'do not use it'
        )
    return 0


def _recorded(policy: Policy, folder: Path, bag: Path | None) -> Any:  # noqa: ANN401
    """Return stacks of recorded frames, with random proprioception where it is needed, or None.

    Films of an expert do not tell what the robot feels; for the comparison any numbers will do.

    Raises:
        ClaifoError: the film named cannot be read.
    """
    import numpy as np

    from claifo.bags import ReadOptions, read_episodes
    from claifo.films import film_place
    from claifo.training import topics_of
    from claifo_core.config import settings
    from claifo_core.deploy import export

    config = settings.load(folder / 'config.yaml') if (folder / 'config.yaml').exists() else None
    if bag is None and config:
        bag = film_place(config)
    if bag is None or not bag.exists():
        return None
    options = ReadOptions(
        frames=policy.frames, rate_hz=policy.metadata['control_hz'], max_episodes=1,
        topics=topics_of(config) if config else (), min_frames=policy.frame_stack,
    )  # fmt: skip
    film = read_episodes([bag], options)[0][0].transpose(0, 3, 1, 2)
    depth = policy.frame_stack
    steps = np.linspace(0, len(film) - depth, min(_RECORDED, len(film) - depth + 1)).astype(int)
    shown = np.stack([film[k : k + depth].reshape(-1, *film.shape[2:]) for k in steps])
    return shown, *export.samples(policy.metadata, len(steps), seed=2)[1:]
