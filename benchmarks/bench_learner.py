"""Updates of the learner per second, where they go, and how near that is to the device's limits.

Prints one JSON object, all of it measured on random frames:

* ``updates_per_s``: the learner as it trains; on a GPU the whole update is one CUDA graph.
* ``growth``: the same with more frames in the replay (``--frames 10000 1000000``).
* ``split``: milliseconds of an update by part, medians: CPU time on a CPU; on a GPU time between
  CUDA events, of an update whose kernels are launched one by one.
* ``flop`` and ``bytes``: counted from the settings (claifo/cost/flop.py; for other methods than
  C-LAIfO and LAIfO the sum of FLOP alone, claifo/cost/dry_run.py). ``bytes`` are the least that
  can move; ``dispatched`` are those of the kernels that PyTorch launches. ``gflop_per_s`` is what
  the FLOP make per second (on a CPU of CPU time per thread, which other load hardly changes),
  ``ceiling`` the fastest matrix product that this device shows in this arithmetic.
* ``memory``: peak of this process.

The straightforward variant is compared by compare_straightforward.py.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import common

from claifo.arguments import count

if TYPE_CHECKING:
    import argparse

    from claifo_core.config import TrainConfig
    from claifo_core.training.learner import Learner

_WARM_UP = 5  # a GPU records its graph in the fourth update


def rate(learner: Learner, seconds: float) -> dict[str, Any]:
    """Time the learner's own updates, three or more."""
    from ceiling import synchronise

    for _ in range(_WARM_UP):
        learner.update()
    synchronise(learner.device)
    start, cpu, done = time.perf_counter(), time.process_time(), 0
    while done < 3 or time.perf_counter() - start < seconds:
        learner.update()
        done += 1
    synchronise(learner.device)
    wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    return {
        'updates': done,
        'updates_per_s': round(done / wall_s, 3),
        'wall_ms': round(1e3 * wall_s / done, 3),
        'cpu_ms': round(1e3 * cpu_s / done, 3),
    }


def split(learner: Learner, seconds: float) -> dict[str, float]:
    """Return the median milliseconds of each part of an update; changes the learner's methods."""
    from phases import Stopwatch, clock_of, watch

    stopwatch = Stopwatch(clock_of(learner.device))
    update = watch(learner, stopwatch)
    update()
    stopwatch.take_ms()
    rounds: list[dict[str, float]] = []
    end = time.perf_counter() + seconds
    while len(rounds) < 3 or time.perf_counter() < end:
        update()
        rounds.append(stopwatch.take_ms())
    return {
        part: round(statistics.median(r.get(part, 0.0) for r in rounds), 3)
        for part in sorted(rounds[0])
    }


def counted(config: TrainConfig, learner: Learner, found: dict[str, Any]) -> dict[str, Any]:
    """Return FLOP and bytes of an update, the rates they make, and the ceiling beside them."""
    import torch
    from ceiling import ceiling

    from claifo.cost import bytes_moved, flop, flop_per_update, is_counted, shape_of
    from claifo.cost.dry_run import traffic_of_update

    shape, known, whole = shape_of(config), is_counted(config), flop_per_update(config)
    top = ceiling(
        learner.device, torch.bfloat16 if config.precision == 'bfloat16' else torch.float32
    )
    on_cpu = learner.device.type == 'cpu'
    update_ms = found['cpu_ms'] / torch.get_num_threads() if on_cpu else found['wall_ms']
    reached = 1e-6 * whole / update_ms
    told = {
        'flop': {'update': whole, **(flop(config, shape) if known else {})},
        'bytes': None,
        'dispatched': traffic_of_update(config, shape),
        'gflop_per_s': round(reached, 2),
        'ceiling': top,
        'share_of_ceiling': round(reached / top['gflop_per_s'], 4),
    }
    if known:
        moved = bytes_moved(config, shape)
        told['bytes'] = {'update': sum(moved.values()), **moved}
        told['gb_per_s'] = round(1e-6 * sum(moved.values()) / update_ms, 3)
    return told


def measure(args: argparse.Namespace, config: TrainConfig) -> dict[str, Any]:
    """Measure one preset on one device."""
    import gc

    import torch
    from synthetic import build

    from claifo.cost import shape_of

    if config.device == 'cpu':
        torch.set_num_threads(args.threads)
    growth, shape = {}, shape_of(config)
    for frames in sorted(args.frames, reverse=True):  # the least last: it stays for the split
        learner = None
        gc.collect()
        learner = build(config, shape, frames)
        growth[str(frames)] = rate(learner, args.seconds)
    smallest = growth[str(min(args.frames))]
    return {
        'preset': args.preset, 'set': args.set, 'device': str(learner.device),
        'torch_threads': torch.get_num_threads(), 'precision': config.precision,
        'batch': config.agent.batch_size, 'size_px': config.env.size_px,
        'frames': min(args.frames), **smallest, 'growth': growth,
        'split_of': 'GPU time' if learner.device.type == 'cuda' else 'CPU time',
        'split': split(learner, args.seconds),
        'memory': common.peak_memory(learner.device),
        **counted(config, learner, smallest),
    }  # fmt: skip


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser(
        'learner', __doc__, preset='dmc_walker', device=True, seconds=20.0, threads=1
    )
    parser.add_argument(
        '--frames', type=count, nargs='+', default=[10_000], metavar='N',
        help='frames in the replay; a second number shows the growth (default: 10000; a million '
        'frames of 64 px are 12 GB, so choose smaller ones with --set env.size_px=32 if need be)',
    )  # fmt: skip
    args = parser.parse_args()
    config = common.preset(args)
    common.run(lambda: measure(args, config), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
