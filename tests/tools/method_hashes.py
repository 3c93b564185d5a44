"""Weights of every method after twelve updates, as hashes: did a change of code change a loss?

    python tests/tools/method_hashes.py > before.json
    python tests/tools/method_hashes.py --against before.json   # names what differs; exit code 1

Each method trains in the dot world over the defaults and over options that contradict many.
Hashes hold for one machine and one PyTorch: compare two commits, not two computers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests' / 'core')]

import torch  # noqa: E402
from toy_world import Session, small_config  # noqa: E402

from claifo_core.config.methods import METHODS  # noqa: E402

UPDATES_END = 62
"""Steps after which the dot world's learner owes twelve updates."""
BASES = {
    'paper': {},
    'joint': {
        'agent__encoder_step': 'joint', 'agent__share_views': True,
        'agent__gan_loss': 'least_squares', 'augment__apply': 'everywhere',
        'augment__draw': 'sample', 'augment__shift_too': True,
    },
}  # fmt: skip


def weights_hash(options: dict[str, object]) -> str:
    """Train and return a hash of all weights, moments and generator states."""
    learner = Session(small_config(**options)).run(UPDATES_END).learner
    digest = hashlib.sha256()
    for name, tensor in sorted(learner.tensors().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def hashes() -> dict[str, str]:
    """Return the hash of every method over every base."""
    found = {}
    for base, options in BASES.items():
        for name, method in METHODS.items():
            own = {key.replace('.', '__'): value for key, value in method.overrides.items()}
            if own.get('agent__offline_updates'):
                own['agent__offline_updates'] = 2
            found[f'{base}/{name}'] = weights_hash({**options, **own})
    return found


def main() -> int:
    """Print the hashes, or what differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--against', type=Path, help='hashes of another commit')
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # sums are in another order with more
    found = hashes()
    if arguments.against is None:
        print(json.dumps(found, indent=1))
        return 0
    before = json.loads(arguments.against.read_text())
    differing = sorted(name for name in before | found if before.get(name) != found.get(name))
    print(f'{len(found)} hashes, {len(differing)} differ: {", ".join(differing) or "none"}')
    return int(bool(differing))


if __name__ == '__main__':
    sys.exit(main())
