"""What an update of each method costs on a CPU, beside the FLOP that it needs.

    python benchmarks/compare_methods.py --out benchmarks/results/methods.json

Prints one JSON object. All methods of claifo_core/config/methods.py over the preset take turns in
one process with one torch thread, on random frames: medians of process CPU time, FLOP of
convolutions and products, and what both make per second.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    import argparse

    from claifo_core.config import TrainConfig
    from claifo_core.training.learner import Learner

_FRAMES = 1000


def methods(args: argparse.Namespace) -> dict[str, TrainConfig]:
    """Return the settings of every method over a preset.

    Raises:
        ClaifoError: no such preset.
    """
    from claifo.presets import configured, find_preset
    from claifo_core.config.methods import METHODS

    path = find_preset(args.preset)
    changes = {'agent.offline_updates': 0, 'device': 'cpu', **common.changes(args)}
    return {
        name: configured(path, method.overrides, changes, source=name)
        for name, method in METHODS.items()
    }


def cpu_ms(learner: Learner) -> float:
    """Return the milliseconds of process CPU time of one update."""
    start = time.process_time()
    learner.update_unrecorded()
    return 1e3 * (time.process_time() - start)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Let the methods take turns."""
    import torch
    from synthetic import build

    from claifo.cost import flop_per_update, shape_of

    torch.set_num_threads(1)
    configs = methods(args)
    learners = {name: build(c, shape_of(c), _FRAMES) for name, c in configs.items()}
    taken: dict[str, list[float]] = {name: [] for name in learners}
    for learner in learners.values():  # lazy set-up, memory, optimiser state
        cpu_ms(learner)
    for _ in range(args.rounds):
        for name, learner in learners.items():
            taken[name].append(cpu_ms(learner))
    found = {}
    for name, config in configs.items():
        spent, gflop = statistics.median(taken[name]), 1e-9 * flop_per_update(config)
        found[name] = {
            'cpu_ms': round(spent, 2), 'gflop': round(gflop, 4),
            'gflop_per_s': round(1e3 * gflop / spent, 1),
        }  # fmt: skip
    return {'torch_threads': 1, 'preset': args.preset, 'rounds': args.rounds, 'methods': found}


def main() -> None:
    """Read the arguments, measure, print."""
    args = common.parser('methods', __doc__, preset='demo', rounds=15).parse_args()
    common.run(lambda: measure(args), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
