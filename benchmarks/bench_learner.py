"""Updates of the learner per second and where they go, beside a straightforward variant.

Prints one JSON object. The variants of a case take turns in one process with one torch thread,
one update each per round; figures are medians over the rounds, in milliseconds of process CPU
time and of wall time. ``speedup`` compares CPU time with the straightforward variant of
Algorithm 1 in order (ten encodes, see straightforward.py); for ``joint`` that is another, cheaper
algorithm.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import platform
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent))

import straightforward

from claifo_core.config import AgentConfig, AugmentConfig, TrainConfig
from claifo_core.learner import Learner
from claifo_core.replay import Replay
from claifo_core.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ACTION_DIM = 6
FRAMES = 20_000
EPISODE_FRAMES = 250
DEMO = Path(__file__).parent.parent / 'config' / 'demo.yaml'


class Stopwatch:
    """Splits CPU time by part; time inside a nested part counts for that part only."""

    def __init__(self) -> None:
        """Start with empty accounts."""
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._last = 0.0

    def _book(self) -> None:
        now = time.process_time()
        if self._open:
            part = self._open[-1]
            self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now

    def around(self, owner: object, method: str, part: str | Callable[..., str]) -> None:
        """Book calls of ``owner.method`` under ``part``, or under what ``part`` makes of them."""
        inner = getattr(owner, method)

        @functools.wraps(inner)
        def timed(*args: object, **keywords: object) -> object:
            self._book()
            self._open.append(part if isinstance(part, str) else part(*args))
            try:
                return inner(*args, **keywords)
            finally:
                self._book()
                self._open.pop()

        setattr(owner, method, timed)


def _encode_part(*_: object) -> str:
    return 'encode_with_gradient' if torch.is_grad_enabled() else 'encode_without_gradient'


def _step_part(_: object, *names: str) -> str:
    return 'backward_encoder_critic' if 'encoder' in names else names[0]


def watch(learner: Learner) -> Stopwatch:
    """Attach a stopwatch to the parts of one update."""
    watch, agent = Stopwatch(), learner.agent
    for replay in (learner.replay, learner.expert):
        watch.around(replay, 'sample', 'gather')
    watch.around(agent, '_view', 'augment')
    watch.around(agent, '_encode', _encode_part)
    watch.around(agent, '_encode_all', 'encode_without_gradient')
    watch.around(agent, '_step', _step_part)
    watch.around(agent, '_discriminator_step', 'discriminator')
    watch.around(agent, '_critic_loss', 'critic')
    watch.around(agent, '_actor_step', 'actor')
    for _name, optimiser in agent.optimisers.items():  # noqa: PERF102 (not a dictionary)
        watch.around(optimiser, 'step', 'optimiser')
    watch.around(learner, 'update', 'other')
    return watch


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
        ACTION_DIM,
        stack=env.frame_stack,
        n_step=agent.n_step,
        discount=agent.discount,
    )
    rng = np.random.default_rng(0)
    for _ in range(frames // EPISODE_FRAMES):
        shape = (EPISODE_FRAMES, env.size_px, env.size_px, 3)
        replay.add_video(rng.integers(0, 256, shape, np.uint8))
    return replay


class Contender:
    """A learner with its stopwatch and what it took per update."""

    def __init__(self, config: TrainConfig, replay: Replay, *, plain: bool) -> None:
        """Build the learner, on a replay shared by all contenders."""
        size = config.env.size_px
        video = np.random.default_rng(1).integers(0, 256, (500, size, size, 3), np.uint8)
        config = dataclasses.replace(config, replay_frames=100)
        self._learner = Learner(config, ACTION_DIM, [video])
        self._learner.replay = replay
        if plain:
            self._learner.agent = straightforward.plain_agent(self._learner)
        self._watch = watch(self._learner)
        self.cpu_ms: list[float] = []
        self.wall_ms: list[float] = []
        self.parts: dict[str, list[float]] = {}

    def warm_up(self) -> None:
        """Do two updates that do not count: lazy set-up, memory, optimiser state."""
        self._learner.update()
        self._learner.update()

    def run(self) -> None:
        """Time one update."""
        self._watch.seconds.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        self._learner.update()
        self.cpu_ms.append(1e3 * (time.process_time() - cpu))
        self.wall_ms.append(1e3 * (time.perf_counter() - wall))
        for part, seconds in self._watch.seconds.items():
            self.parts.setdefault(part, []).append(1e3 * seconds)

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
    side = replay.frames.shape[-1]
    frames = np.random.default_rng(0).integers(0, 256, (64, side, side, 3), np.uint8)
    action = np.zeros(ACTION_DIM, np.float32)
    for step in range(steps):
        if step % EPISODE_FRAMES == 0:
            replay.begin(0, frames[step % 64])
        else:
            replay.append(0, action, 0.0, frames[step % 64])


def _resident_mb() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return round(pages * resource.getpagesize() / 2**20, 1)


def machine() -> dict[str, Any]:
    """Describe where this ran."""
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    names = [line.split(': ')[1] for line in lines if line.startswith('model name')]
    return {
        'cpu': names[0] if names else platform.processor(),
        'cores': os.cpu_count(),
        'load_average': os.getloadavg()[0],
        'python': platform.python_version(),
        'torch': torch.__version__,
        'torch_threads': torch.get_num_threads(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--preset', choices=('all', 'paper', 'demo', 'replay'), default='all', help='what to run'
    )
    parser.add_argument(
        '--batch', type=int, nargs='+', default=[64, 512], help='batch sizes of the paper preset'
    )
    parser.add_argument(
        '--seconds', type=float, default=60, help='time per case, at least 3 rounds (default 60)'
    )
    parser.add_argument(
        '--quick', action='store_true', help='batch 64, 5 s per case, a small replay: a trial'
    )
    parser.add_argument('--json', action='store_true', help='print on one line')
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    batches, seconds = ([64], 5.0) if args.quick else (args.batch, args.seconds)
    frames, steps = (2_000, 5_000) if args.quick else (FRAMES, 200_000)
    found: dict[str, Any] = {'benchmark': 'learner', 'machine': machine(), 'cases': {}}
    for name, variants in cases(args.preset, batches).items():
        found['cases'][name] = compare(variants, seconds, frames)
    if args.preset in ('all', 'replay'):
        found['replay'] = replay_figures(frames, steps)
    print(json.dumps(found, indent=None if args.json else 1))
    return 0


if __name__ == '__main__':
    sys.exit(main())
