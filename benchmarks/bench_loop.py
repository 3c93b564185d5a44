"""Environment steps per second of the whole loop: simulators, learner, evaluations beside.

Prints one JSON object. The trainer of `claifo train` runs with the preset's simulators and its
learner, from the first update on; the film is random frames. Evaluations run beside it as the
preset says, checkpoints are not written. ``ratio`` counts steps and updates of the measured part:
one update per ``update_every`` steps, exactly. ``split`` is wall time per step: on a GPU an
update only starts its work, so most of the waiting for it shows in ``act``.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

if TYPE_CHECKING:
    import argparse

    from claifo_core.config import TrainConfig
    from claifo_core.training.learner import Learner
    from claifo_core.training.trainer import Trainer

_WARM_UP = 5


class _EnoughError(Exception):
    """Leaves the trainer without its last evaluation and checkpoint."""


class _Span:
    """The question that the trainer asks between steps, and what it saw."""

    def __init__(self, learner: Learner, split: Any, seconds: float) -> None:  # noqa: ANN401
        self._learner, self._split, self._seconds = learner, split, seconds
        self._start: tuple[float, int, int] | None = None

    def stop(self) -> bool:
        """Begin to count after a few updates, and leave when the time is over."""
        if self._learner.updates < _WARM_UP:
            return False
        if self._start is None:
            self._split.take_ms()
            self._start = time.perf_counter(), self._learner.steps, self._learner.updates
        if time.perf_counter() - self._start[0] > self._seconds:
            raise _EnoughError
        return False

    def figures(self, config: TrainConfig) -> dict[str, Any]:
        """Return the rates and the counted ratio."""
        from ceiling import synchronise

        synchronise(self._learner.device)
        assert self._start is not None
        begun, first_step, first_update = self._start
        seconds = time.perf_counter() - begun
        steps, updates = self._learner.steps - first_step, self._learner.updates - first_update
        spent = self._split.take_ms()
        spent['rest'] = 1e3 * seconds - sum(spent.values())
        return {
            'seconds': round(seconds, 2),
            'steps_per_s': round(steps / seconds, 2),
            'updates_per_s': round(updates / seconds, 2),
            'ratio': ratio(self._learner, config) | {'steps': steps, 'updates': updates},
            'split_wall_ms_per_step': {k: round(v / steps, 4) for k, v in sorted(spent.items())},
        }


def ratio(learner: Learner, config: TrainConfig) -> dict[str, Any]:
    """Hold all updates against all steps: at most those of the newest step are still to come."""
    called_for = (learner.steps - config.seed_steps) // config.update_every + 1
    behind = called_for - learner.updates
    newest = math.ceil(config.env.num_envs / config.update_every)
    return {'update_every': config.update_every, 'exact': 0 <= behind <= newest}


def build(config: TrainConfig, folder: Path) -> Trainer:
    """Return a trainer on random films."""
    import functools

    from synthetic import EPISODE_FRAMES, video

    from claifo.cost import shape_of
    from claifo.environments import agent_hz, env_spec, evaluation_env
    from claifo_core.training.trainer import Trainer, World
    from claifo_sim import VectorEnv, task_info

    world = World(
        single=functools.partial(evaluation_env, config.env),
        control_hz=agent_hz(config.env),
        compared=dict,
        solved_steps=task_info(config.env.task).solved_steps,
        vector=functools.partial(VectorEnv, [env_spec(config.env)] * config.env.num_envs),
    )
    films = [video(config, shape_of(config), EPISODE_FRAMES, seed) for seed in range(4)]
    return Trainer(config, folder, world, films, console=False)


def watch(trainer: Trainer) -> Any:  # noqa: ANN401 (a stopwatch)
    """Attach a stopwatch to the parts of a step."""
    from phases import Stopwatch, WallClock

    split = Stopwatch(WallClock())
    split.around(trainer.learner, 'act', 'act')
    split.around(trainer.learner, 'update', 'update')
    split.around(trainer.learner, 'observe', 'observe')
    split.around(trainer._envs, 'step_async', 'send')
    split.around(trainer._envs, 'step_wait', 'wait_for_simulators')
    return split


def measure(args: argparse.Namespace, config: TrainConfig) -> dict[str, Any]:
    """Run the loop for a while."""
    from contextlib import closing, suppress

    import torch

    from claifo_core.training.metrics import read_jsonl

    with tempfile.TemporaryDirectory() as name, closing(build(config, Path(name))) as trainer:
        learner = trainer.learner
        span = _Span(learner, watch(trainer), args.seconds)
        with suppress(_EnoughError):
            trainer.run(span.stop)
        records = read_jsonl(Path(name) / 'metrics.jsonl')
        return {
            'preset': args.preset, 'set': args.set, 'device': str(learner.device),
            'torch_threads': torch.get_num_threads(), 'num_envs': config.env.num_envs,
            'batch': config.agent.batch_size, 'size_px': config.env.size_px,
            **span.figures(config),
            'evaluations': {
                'finished': sum(record['kind'] == 'eval' for record in records),
                'waiting': len(list(Path(name).glob('policy_[0-9]*'))),
            },
            'memory': common.peak_memory(learner.device),
        }  # fmt: skip


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('loop', __doc__, preset='dmc_walker', device=True, seconds=60.0)
    args = parser.parse_args()
    config = common.preset(args)
    config = dataclasses.replace(
        config, uniform_steps=0, seed_steps=config.agent.n_step * config.env.num_envs + 1,
        checkpoint_every=config.steps,
    )  # fmt: skip
    common.run(lambda: measure(args, config), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
