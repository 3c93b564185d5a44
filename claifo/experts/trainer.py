"""Train a state-based expert: act, learn, evaluate, keep the best."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from claifo.experts.config import Td3Config
from claifo.experts.learner import Learner
from claifo.experts.networks import unscaled
from claifo.experts.policies import ExpertInfo, Mlp, save_trained
from claifo.experts.state_env import (
    StateEnv,
    TaskStateEnv,
    episode_returns,
    random_returns,
)
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic

# Seeds of the episodes that choose the best policy, and of those that judge the chosen one.
EVALUATION_SEED = 1_000_000
CLAIM_SEED = 2_000_000
CLAIM_EPISODES = 20


@dataclass(frozen=True)
class CurvePoint:
    """One evaluation during training.

    Attributes:
        step: agent steps so far.
        control_steps: control steps so far.
        updates: gradient steps so far.
        minutes: minutes of training so far, evaluations included.
        return_mean: mean true return.
        return_std: its standard deviation over the episodes.
        return_min: smallest return.
    """

    step: int
    control_steps: int
    updates: int
    minutes: float
    return_mean: float
    return_std: float
    return_min: float


def train(
    task: str,
    config: Td3Config,
    out: Path,
    command: str,
    report: Callable[[str], None] = print,
) -> ExpertInfo:
    """Train an expert; write the best policy so far and the curve at every evaluation.

    Args:
        task: name of the task.
        config: settings.
        out: policy file (safetensors); the curve is written beside it as CSV.
        command: what the user typed, kept in the file.
        report: takes the lines of progress.

    Returns:
        the description of the best policy, its returns measured on fresh episodes.

    Raises:
        ClaifoError: ``out`` exists or cannot be written.
        SimError: unknown task.
    """
    if out.exists():
        raise ClaifoError(f'{out}: exists already; delete it or choose another file with --out')

    def make_env(seed: int) -> StateEnv:
        """Return a new environment of the task."""
        return TaskStateEnv(task, seed, config.action_repeat)

    judge = make_env(CLAIM_SEED)
    out.parent.mkdir(parents=True, exist_ok=True)
    chance = float(np.mean(random_returns(judge, config.eval_episodes, CLAIM_SEED)))
    curve: list[CurvePoint] = []
    best: tuple[CurvePoint, Mlp] | None = None
    for point, network in run(make_env, config):
        curve.append(point)
        if best is None or point.return_mean > best[0].return_mean:
            best = point, network
            summary = (point.return_mean, point.return_std, point.return_min)
            info = _info(task, config, point, summary, config.eval_episodes, chance, command)
            save_trained(out, network, info)
        write_atomic(out.with_suffix('.csv'), _table(curve))
        report(
            f'{task} step {point.step}/{config.steps}  return {point.return_mean:.0f}  '
            f'best {best[0].return_mean:.0f}  {point.minutes:.1f} min'
        )
    assert best is not None, 'the last step is always evaluated'
    returns = episode_returns(judge, best[1], CLAIM_EPISODES, CLAIM_SEED)
    summary = _summary(returns)
    info = _info(task, config, best[0], summary, CLAIM_EPISODES, chance, command)
    save_trained(out, best[1], info)
    return info


def run(
    make_env: Callable[[int], StateEnv], config: Td3Config
) -> Iterator[tuple[CurvePoint, Mlp]]:
    """Train, and yield every evaluation with the policy that it judged.

    Args:
        make_env: returns a new environment for a seed.
        config: settings.
    """
    env, judge = make_env(config.seed), make_env(EVALUATION_SEED)
    learner = Learner(env.obs_dim, env.action_dim, config)
    rng = np.random.default_rng([config.seed, 2])
    start, obs = time.perf_counter(), env.reset()
    for step in range(1, config.steps + 1):
        action = _explore(learner, obs, step, rng)
        next_obs, reward, terminated, truncated = env.step(action)
        learner.observe(
            obs, action, reward, next_obs, terminated=terminated, truncated=truncated
        )
        obs = env.reset() if terminated or truncated else next_obs
        if step > config.random_steps:
            learner.update()
        if step % config.eval_every == 0 or step == config.steps:
            network = snapshot(learner)
            returns = episode_returns(judge, network, config.eval_episodes, EVALUATION_SEED)
            minutes = (time.perf_counter() - start) / 60
            yield _point(step, config, learner.updates, minutes, returns), network


def snapshot(learner: Learner) -> Mlp:
    """Return a copy of the actor that takes unscaled states."""
    return unscaled(learner.actor, learner.scale.mean, learner.scale.std)


def _explore(
    learner: Learner, obs: NDArray[np.float32], step: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the noisy action of the current actor; uniform ones at the start."""
    if step <= learner.config.random_steps:
        return rng.uniform(-1, 1, learner.action_dim).astype(np.float32)
    noise = learner.config.noise(step) * rng.standard_normal(learner.action_dim)
    return np.clip(learner.act(obs) + noise, -1, 1).astype(np.float32)


def _point(
    step: int, config: Td3Config, updates: int, minutes: float, returns: NDArray[np.float64]
) -> CurvePoint:
    """Return the point of the curve for the returns of one evaluation."""
    frames = step * config.action_repeat
    return CurvePoint(step, frames, updates, round(minutes, 3), *_summary(returns))


def _summary(returns: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return mean, deviation and minimum of returns (episodes,), to two digits."""
    mean, std, least = returns.mean(), returns.std(), returns.min()
    return round(float(mean), 2), round(float(std), 2), round(float(least), 2)


def _info(
    task: str,
    config: Td3Config,
    point: CurvePoint,
    returns: tuple[float, float, float],
    episodes: int,
    chance: float,
    command: str,
) -> ExpertInfo:
    """Return what is stored beside a policy; ``returns`` is mean, deviation and minimum."""
    mean, std, least = returns
    return ExpertInfo(
        task=task,
        action_repeat=config.action_repeat,
        return_mean=mean,
        return_std=std,
        return_min=least,
        episodes=episodes,
        random_return=round(chance, 2),
        steps=point.step,
        minutes=round(point.minutes, 1),
        command=command,
    )


def _table(curve: list[CurvePoint]) -> bytes:
    """Return the learning curve as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(field.name for field in fields(CurvePoint))
    writer.writerows(astuple(point) for point in curve)
    return text.getvalue().encode()
