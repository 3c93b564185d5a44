"""Train a state-based expert: act, learn, evaluate, keep the best."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from claifo.experts.config import Td3Config
from claifo.experts.learner import Learner
from claifo.experts.networks import unscaled
from claifo.experts.policies import ExpertInfo, Mlp, save_trained
from claifo.experts.replay import Step
from claifo.experts.state_env import StateEnv, episode_returns, random_returns, summary
from claifo_core.errors import ClaifoError
from claifo_core.files import write_csv

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

    make_env = functools.partial(StateEnv, task, action_repeat=config.action_repeat)
    judge = make_env(CLAIM_SEED)
    out.parent.mkdir(parents=True, exist_ok=True)
    chance = float(np.mean(random_returns(judge, config.eval_episodes, CLAIM_SEED)))
    curve: list[CurvePoint] = []
    best: tuple[ExpertInfo, Mlp] | None = None
    for point, network in run(make_env, config):
        curve.append(point)
        if best is None or point.return_mean > best[0].return_mean:
            info = ExpertInfo(
                task, config.action_repeat, point.return_mean, point.return_std,
                point.return_min, config.eval_episodes, round(chance, 2), point.step,
                round(point.minutes, 1), command,
            )  # fmt: skip
            best = info, network
            save_trained(out, network, info)
        write_csv(out.with_suffix('.csv'), [asdict(one) for one in curve])
        report(
            f'{task} step {point.step}/{config.steps}  return {point.return_mean:.0f}  '
            f'best {best[0].return_mean:.0f}  {point.minutes:.1f} min'
        )
    assert best is not None, 'the last step is always evaluated'
    returns = episode_returns(judge, best[1], CLAIM_EPISODES, CLAIM_SEED)
    info = replace(best[0], episodes=CLAIM_EPISODES, **summary(returns))
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
        done = Step(obs, action, *env.step(action))
        learner.observe(done)
        obs = env.reset() if done.terminated or done.truncated else done.next_obs
        if step > config.random_steps:
            learner.update()
        if step % config.eval_every == 0 or step == config.steps:
            network = snapshot(learner)
            returns = episode_returns(judge, network, config.eval_episodes, EVALUATION_SEED)
            minutes = (time.perf_counter() - start) / 60
            frames = step * config.action_repeat
            yield CurvePoint(
                step, frames, learner.updates, round(minutes, 3), **summary(returns)
            ), network


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
