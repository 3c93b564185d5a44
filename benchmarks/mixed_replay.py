"""A run folder whose replay holds behaviour of every quality, made in a minute without learning.

    python benchmarks/mixed_replay.py config/PRESET.yaml runs/mixed
    claifo probe runs/mixed --film bags/film --config config/PRESET.yaml

The expert, who sees the state, plays in the agent's world: with noise, by turns with random
actions, with weak actions; and random actions play alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from claifo.environments import evaluation_env
from claifo.experts import load_expert
from claifo.experts.policies import StateExpert
from claifo.presets import configured, find_preset
from claifo_core.config import TrainConfig, settings
from claifo_core.data.timestep import TimeStep
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.learner import Learner
from claifo_sim.env import SimEnv

Action = NDArray[np.float32]
Spoil = Callable[[int, Action], Action]
"""What becomes of the expert's action at an agent step, (A,)."""


def spoilers(rng: np.random.Generator, repeats: int = 1) -> list[tuple[str, Spoil]]:
    """Return named ways to do worse than the expert, each so many times."""

    def noisy(std: float) -> Spoil:
        return lambda step, action: action + std * rng.normal(size=action.shape)

    def by_turns(steps: int) -> Spoil:
        return lambda step, action: (
            action if step // steps % 2 == 0 else rng.uniform(-1, 1, action.shape)
        )

    def weak(share: float) -> Spoil:
        return lambda step, action: share * action + 0.3 * rng.normal(size=action.shape)

    found = [
        *[('random', _random(rng))] * 8,
        *((f'noise {std}', noisy(std)) for std in (0.2, 0.5, 0.5, 0.8, 0.8, 1.0, 1.2, 1.5)),
        *((f'by turns of {n}', by_turns(n)) for n in (5, 10, 15, 20, 30, 40, 60, 80)),
        *((f'weak {share}', weak(share)) for share in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
    ]
    return found * repeats


def _random(rng: np.random.Generator) -> Spoil:
    return lambda step, action: rng.uniform(-1, 1, action.shape)


def episode(
    env: SimEnv, expert: StateExpert, spoil: Spoil, seed: int
) -> Iterator[TimeStep]:
    """Yield the time steps of an episode."""
    observation, _ = env.reset(seed=seed)
    expert.reset(env)
    yield TimeStep(observation['pixels'], proprio=observation['proprio'])
    over, step = False, 0
    while not over:
        wanted = spoil(step, expert.act(env, observation['state']))
        action = np.clip(wanted, -1, 1).astype(np.float32)
        observation, reward, terminated, truncated, _ = env.step(action)
        over, step = terminated or truncated, step + 1
        yield TimeStep(
            observation['pixels'], action, reward, terminated, observation['proprio']
        )


def fill(config: TrainConfig, ways: Sequence[tuple[str, Spoil]], folder: Path) -> list[float]:
    """Write the run folder.

    Args:
        config: The run; its ``env`` is where the expert plays.
        ways: One episode of each.
        folder: Must not hold a run.

    Returns:
        The true return of each episode.
    """
    if Checkpoint(folder / 'checkpoint').exists():
        raise ClaifoError(f'{folder} holds a run; name a new folder')
    env, expert = evaluation_env(config.env), load_expert(config.env.task)
    size, dims = config.env.size_px, env.info.action_dim
    nothing = np.zeros((config.agent.n_step + 1, size, size, 3 * len(env.cameras)), np.uint8)
    learner = Learner(config, dims, [nothing], env.info.proprio_dim)
    returns = []
    for number, (_, spoil) in enumerate(ways):
        steps = list(episode(env, expert, spoil, seed=number))
        for step in steps:
            learner.observe(0, step)
        returns.append(sum(step.reward for step in steps))
    env.close()
    Checkpoint(folder / 'checkpoint').save(learner, {})
    write_atomic(folder / 'config.yaml', settings.dump(config).encode())
    return returns


def main() -> None:
    """Write the folder that was asked for and print what each episode earned."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('preset', help='a YAML file, or a name from config/')
    parser.add_argument('out', type=Path, help='new run folder')
    parser.add_argument('--repeats', type=int, default=1, help='of each way (default: 1)')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    ways = spoilers(np.random.default_rng(args.seed), args.repeats)
    found = fill(configured(find_preset(args.preset)), ways, args.out)
    for (name, _), earned in zip(ways, found, strict=True):
        print(f'{name}: {earned:.0f}')


if __name__ == '__main__':
    main()
