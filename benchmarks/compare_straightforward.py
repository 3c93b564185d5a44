"""The learner's update beside a straightforward variant of the same algorithm, on a CPU.

    python benchmarks/compare_straightforward.py --out benchmarks/results/straightforward.json

Prints one JSON object. The variants of a case take turns in one process with one torch thread,
one update each per round; figures are medians over the rounds, in milliseconds of process CPU
time and of wall time. ``speedup`` compares CPU time with the straightforward variant of
Algorithm 1 in order (ten encodes, see straightforward.py); for ``joint`` that is another, cheaper
algorithm.
"""

from __future__ import annotations

import dataclasses
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common
import numpy as np
import straightforward
import torch
from phases import CpuClock, Stopwatch, watch
from synthetic import EPISODE_FRAMES, fill, video

from claifo.arguments import count
from claifo.cost import Shape
from claifo_core.config import AgentConfig, AugmentConfig, TrainConfig
from claifo_core.config.settings import load
from claifo_core.data.replay import Replay
from claifo_core.training.learner import Learner

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

SHAPE = Shape(action_dim=6)
FRAMES = 20_000
DEMO = common.ROOT / 'config' / 'demo.yaml'


def paper(kind: str, batch: int, encoder_step: str = 'sequential') -> TrainConfig:
    """Return the paper's walker settings at 64 px."""
    return TrainConfig(
        device='cpu',
        augment=AugmentConfig(kind=kind),
        agent=AgentConfig(batch_size=batch, encoder_step=encoder_step),
    )


def cases(preset: str, batches: Sequence[int]) -> dict[str, dict[str, TrainConfig]]:
    """Return the settings of the learner by case and variant."""
    found = {}
    if preset in ('all', 'paper'):
        for batch in batches:
            for kind in ('brightness', 'color'):
                steps = {step: paper(kind, batch, step) for step in ('sequential', 'joint')}
                found[f'paper {kind} batch {batch}'] = steps
    if preset in ('all', 'demo'):
        found['demo'] = {'demo': dataclasses.replace(load(DEMO), device='cpu')}
    return found


def synthetic_replay(config: TrainConfig, frames: int) -> Replay:
    """Return a full replay of random frames."""
    env, agent = config.env, config.agent
    replay = Replay(
        frames,
        env.size_px,
        SHAPE.action_dim,
        stack=env.frame_stack,
        n_step=agent.n_step,
        discount=agent.discount,
    )
    fill(replay, video(config, SHAPE, EPISODE_FRAMES, 0))
    return replay


class Contender:
    """A learner with its stopwatch and what it took per update."""

    def __init__(self, config: TrainConfig, replay: Replay, *, plain: bool) -> None:
        """Build the learner, on a replay shared by all contenders."""
        config = dataclasses.replace(config, replay_frames=100)
        learner = Learner(config, SHAPE.action_dim, [video(config, SHAPE, 500, 1)])
        learner.replay = replay
        if plain:
            learner.agent = straightforward.plain_agent(learner)
        self._watch = Stopwatch(CpuClock())
        self._update = watch(learner, self._watch)
        self.cpu_ms: list[float] = []
        self.wall_ms: list[float] = []
        self.parts: dict[str, list[float]] = {}

    def warm_up(self) -> None:
        """Do two updates that do not count: lazy set-up, memory, optimiser state."""
        self._update()
        self._update()

    def run(self) -> None:
        """Time one update."""
        self._watch.take_ms()
        wall, cpu = time.perf_counter(), time.process_time()
        self._update()
        self.cpu_ms.append(1e3 * (time.process_time() - cpu))
        self.wall_ms.append(1e3 * (time.perf_counter() - wall))
        for part, spent_ms in self._watch.take_ms().items():
            self.parts.setdefault(part, []).append(spent_ms)

    def figures(self) -> dict[str, Any]:
        """Return the medians."""
        cpu = statistics.median(self.cpu_ms)
        return {
            'updates_per_cpu_s': round(1e3 / cpu, 3),
            'cpu_ms': round(cpu, 2),
            'wall_ms': round(statistics.median(self.wall_ms), 2),
            'split_cpu_ms': {
                part: round(statistics.median(values), 2)
                for part, values in sorted(self.parts.items())
            },
        }


def compare(variants: dict[str, TrainConfig], seconds: float, frames: int) -> dict[str, Any]:
    """Let the straightforward variant and the learner's variants take turns, 3 rounds or more."""
    first = next(iter(variants.values()))
    replay = synthetic_replay(first, frames)
    contenders = {'straightforward': Contender(first, replay, plain=True)}
    contenders |= {name: Contender(c, replay, plain=False) for name, c in variants.items()}
    for contender in contenders.values():
        contender.warm_up()
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 3 or time.perf_counter() < end:
        for contender in contenders.values():
            contender.run()
        rounds += 1
    plain = contenders['straightforward'].cpu_ms
    found: dict[str, Any] = {'rounds': rounds}
    for name, contender in contenders.items():
        ratios = [a / b for a, b in zip(plain, contender.cpu_ms, strict=True)]
        found[name] = contender.figures() | {'speedup': round(statistics.median(ratios), 2)}
    return found


def replay_figures(frames: int, steps: int) -> dict[str, Any]:
    """Measure sampling, bytes per frame, and memory before and after ``steps`` more steps."""
    config = paper('brightness', 512)
    replay = synthetic_replay(config, frames)
    rng = torch.Generator().manual_seed(0)
    cpu_ms, wall_ms = [], []
    for _ in range(20):
        wall, cpu = time.perf_counter(), time.process_time()
        replay.sample(512, rng)
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        wall_ms.append(1e3 * (time.perf_counter() - wall))
    pixels = replay.frames.numel()
    held = pixels + replay.action.nbytes + replay.reward.nbytes
    before = _resident_mb()
    _append(replay, steps)
    return {
        'sample_512_cpu_ms': round(statistics.median(cpu_ms), 2),
        'sample_512_wall_ms': round(statistics.median(wall_ms), 2),
        'frames': frames,
        'bytes_per_frame': held / frames,
        'bytes_over_pixels': round(held / pixels, 4),
        'steps_appended': steps,
        'resident_mb_before': before,
        'resident_mb_after': _resident_mb(),
    }


def _append(replay: Replay, steps: int) -> None:
    frames = video(paper('brightness', 2), SHAPE, 64, 0)
    action = np.zeros(SHAPE.action_dim, np.float32)
    for step in range(steps):
        if step % EPISODE_FRAMES == 0:
            replay.begin(0, frames[step % 64])
        else:
            replay.append(0, action, 0.0, frames[step % 64])


def _resident_mb() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return round(pages * resource.getpagesize() / 2**20, 1)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run the cases."""
    torch.set_num_threads(1)
    batches, seconds = ([64], 5.0) if args.quick else (args.batch, args.seconds)
    frames, steps = (2_000, 5_000) if args.quick else (FRAMES, 200_000)
    found: dict[str, Any] = {'torch_threads': 1, 'cases': {}}
    for name, variants in cases(args.case, batches).items():
        found['cases'][name] = compare(variants, seconds, frames)
    if args.case in ('all', 'replay'):
        found['replay'] = replay_figures(frames, steps)
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('straightforward', __doc__, seconds=60.0)
    parser.add_argument(
        '--case', choices=('all', 'paper', 'demo', 'replay'), default='all', help='what to run'
    )
    parser.add_argument(
        '--batch', type=count, nargs='+', default=[64, 512],
        help='batch sizes of the paper preset (default: 64 512)',
    )  # fmt: skip
    parser.add_argument(
        '--quick', action='store_true', help='batch 64, 5 s per case, a small replay: a trial'
    )
    args = parser.parse_args()
    common.run(lambda: measure(args), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
