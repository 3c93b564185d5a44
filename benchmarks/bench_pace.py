"""What an update costs in this tree beside another commit's, in pairs on one core.

    git worktree add ../base a7574e8
    python benchmarks/bench_pace.py --base ../base --out benchmarks/results/pace.json

Prints one JSON object. Each tree has a process of its own on the same core; they take turns, so
that load on the machine meets both. Of each turn counts the median CPU time of its updates;
``ratio`` is the median over the pairs of the other tree's time over this one's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

from claifo.study import store
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_PIXELS_48 = (
    'env.size_px=48', 'network.strides=[2,2,2,1]', 'agent.batch_size=96', 'network.channels=16',
)  # fmt: skip
_HALF = ('precision=bfloat16',)
# Preset, what both trees change of it, what this one changes besides, and the aim.
CASES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], float]] = {
    'demo': ('demo', (), (), 2.3),
    'demo bfloat16': ('demo', (), _HALF, 2.3),
    '48 px': ('demo', _PIXELS_48, (), 3.0),
    '48 px bfloat16': ('demo', _PIXELS_48, _HALF, 3.0),
    'paper, batch 64': ('dmc_walker_light', ('agent.batch_size=64',), (), 1.15),
    'paper, batch 64, bfloat16': ('dmc_walker_light', ('agent.batch_size=64',), _HALF, 1.6),
}
FRAMES = 10_000

# Runs in either tree: what it imports is there in both.
_WORKER = """
import argparse, statistics, sys, time, types
import torch
import common, synthetic
torch.set_num_threads(1)
preset, frames, *changes = sys.argv[1:]
config = common.preset(argparse.Namespace(preset=preset, set=changes, device='cpu'))
shape = types.SimpleNamespace(action_dim=6, views=1, proprio_dim=0)
learner = synthetic.build(config, shape, int(frames))
for _ in range(5):
    learner.update()
for line in sys.stdin:
    spent = []
    for _ in range(int(line)):
        start = time.process_time()
        learner.update()
        spent.append(1e3 * (time.process_time() - start))
    print(statistics.median(spent), flush=True)
"""


# As prepare_process has them: both keep large blocks.
_SURROUNDINGS = {
    'OMP_NUM_THREADS': '1', 'MALLOC_MMAP_THRESHOLD_': str(1 << 30),
    'MALLOC_TRIM_THRESHOLD_': str(1 << 30), 'MALLOC_TOP_PAD_': str(64 << 20),
}  # fmt: skip


class Side:
    """One tree's learner in a process of its own."""

    def __init__(self, tree: Path, preset: str, changes: Sequence[str]) -> None:
        """Start it; it is ready when the first turn answers."""
        rooms = ('', 'sim', 'ros2_ws/src/claifo_nodes', 'ros2_ws/src/ros2_embedded', 'benchmarks')
        path = os.pathsep.join(str(tree / room) for room in rooms)
        self._process = subprocess.Popen(
            [sys.executable, '-c', _WORKER, preset, str(FRAMES), *changes], cwd=tree,
            env={**os.environ, **_SURROUNDINGS, 'PYTHONPATH': path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def turn(self, updates: int) -> float:
        """Return the median CPU time of so many updates, milliseconds.

        Raises:
            ClaifoError: the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(updates, file=self._process.stdin, flush=True)
            return float(self._process.stdout.readline())
        except (OSError, ValueError):
            tree = self._process.args
            raise ClaifoError(f'a learner ended before its turn: {tree}') from None

    def end(self) -> None:
        """Let the process end."""
        self._process.communicate()


def pairs(base: Path, name: str, seconds: float) -> dict[str, Any]:
    """Let both trees take turns, five or more each."""
    preset, changes, own, aim = CASES[name]
    sides = Side(base, preset, changes), Side(common.ROOT, preset, [*changes, *own])
    first = max(side.turn(3) for side in sides)
    updates = max(1, round(200 / first))
    spent: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while len(spent) < 5 or time.perf_counter() < end:
        spent.append((sides[0].turn(updates), sides[1].turn(updates)))
    for side in sides:
        side.end()
    before, after = (round(statistics.median(column), 2) for column in zip(*spent, strict=True))
    ratios = sorted(old / new for old, new in spent)
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    return {
        'preset': preset, 'set': list(changes), 'set_here': list(own), 'pairs': len(spent),
        'updates_a_turn': updates, 'base_cpu_ms': before, 'cpu_ms': after,
        'ratio': round(statistics.median(ratios), 3),
        'tenths': [round(low, 3), round(high, 3)], 'aim': aim,
    }  # fmt: skip


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the cases on the last core that this process may use."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    found: dict[str, Any] = {'base': store.commit(args.base), 'core': core, 'cases': {}}
    for name in args.case:
        found['cases'][name] = pairs(args.base.resolve(), name, args.seconds)
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('pace', __doc__, seconds=60.0)
    parser.prog = Path(__file__).name  # no command of claifo: it needs another checkout
    parser.add_argument(
        '--base', type=Path, required=True, metavar='FOLDER', help='a checkout of the other commit'
    )
    parser.add_argument(
        '--case', nargs='+', choices=tuple(CASES), default=list(CASES), help='default: all'
    )
    args = parser.parse_args()
    if not (args.base / 'claifo_core').is_dir():
        raise ClaifoError(f'--base {args.base}: no checkout of claifo')
    common.run(lambda: measure(args), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
