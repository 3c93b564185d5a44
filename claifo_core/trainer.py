"""The local loop: simulators act, the learner updates, an evaluator watches, side by side.

Resume is running the same command again. At a checkpoint every environment starts a new episode,
in the uninterrupted run as in the resumed one, so both go on in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from claifo_core import settings
from claifo_core.checkpoint import Checkpoint
from claifo_core.evaluator import Evaluator
from claifo_core.files import write_atomic
from claifo_core.learner import Learner, TimeStep
from claifo_core.metrics import Metrics, read_jsonl
from claifo_core.seeding import episode_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo_core.config import TrainConfig
    from claifo_core.evaluation import Env
    from claifo_core.policy import Policy


class Step(Protocol):
    """What N environments show: pixels uint8 (N, H, W, 3), the rest of shape (N,)."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Frames; valid until the next step."""

    @property
    def reward(self) -> NDArray[np.float32]:
        """True rewards."""

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """Whether the task ended the episode."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the time was up."""

    @property
    def success(self) -> NDArray[np.bool_]:
        """Whether the task is solved in this step."""


class VectorEnv(Protocol):
    """N environments in processes of their own; the caller resets."""

    @property
    def action_dim(self) -> int:
        """Length of an action."""

    def reset(self, seeds: Sequence[int | None]) -> Step:
        """Start an episode in every environment."""

    def reset_one(self, index: int, seed: int | None) -> Step:
        """Start an episode in one environment."""

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Begin a step with actions (N, A)."""

    def step_wait(self) -> Step:
        """Finish the step."""

    def close(self) -> None:
        """End the processes."""


@dataclass(frozen=True)
class World:
    """Where the agent learns and is evaluated.

    Attributes:
        vector: Starts the training environments.
        single: Builds one environment in the evaluation process; must be importable there.
        control_hz: Agent steps per second, which travels in the policy file.
        compared: Returns the true returns that curves are compared with, expert_return and
            random_return; asked once, when a run starts anew.
    """

    vector: Callable[[], VectorEnv]
    single: Callable[[], Env]
    control_hz: float
    compared: Callable[[], dict[str, float | None]]


class Trainer:
    """One run in one folder."""

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        world: World,
        videos: Sequence[NDArray[np.uint8]],
        *,
        console: bool = True,
    ) -> None:
        """Start the simulators, and resume where the folder holds a checkpoint.

        Raises:
            ClaifoError: the checkpoint is damaged or of another configuration, or the expert's
                videos do not fit.
        """
        torch.set_num_threads(config.threads or max(1, torch.get_num_threads() - 1))
        self.config = config
        self.run_dir = run_dir
        self._world = world
        run_dir.mkdir(parents=True, exist_ok=True)
        self._checkpoint = Checkpoint(run_dir / 'checkpoint')
        self._envs = world.vector()
        self.learner = Learner(config, self._envs.action_dim, videos)
        self._episode = 0
        self._next = {'log': 0, 'eval': 0, 'checkpoint': config.checkpoint_every}
        self._best: float | None = None
        self._final: float | None = None
        self._evaluated = -1
        self._earlier_s = 0.0
        resumed = self._checkpoint.exists()
        if resumed:
            self._resume()
        self.metrics = Metrics(run_dir, config.steps, console=console)
        if resumed:
            self.metrics.truncate_after(self.learner.steps)
            self._skip_done_evaluation()
        else:
            self._start_folder()
        count = config.eval_episodes
        self._evaluator = Evaluator(
            world.single, [episode_seed(config.seed, 'eval', i) for i in range(count)]
        )
        self._returns = np.zeros(config.env.num_envs)
        self._lengths = np.zeros(config.env.num_envs, int)
        self._success = np.zeros(config.env.num_envs, bool)
        self._started = self._logged = time.monotonic()
        self._logged_steps = self.learner.steps

    def close(self) -> None:
        """End simulators and evaluator."""
        self._evaluator.close()
        self._envs.close()
        self.metrics.close()

    @property
    def wall_s(self) -> float:
        """Seconds of training so far, over all sessions of the run."""
        return self._earlier_s + time.monotonic() - self._started

    def run(self, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """Train to the end, or until ``stop`` returns true; a checkpoint is written either way.

        Returns:
            The last metrics record: step, wall_s, final_return, best_return.
        """
        if self._finished() and (done := self._recorded('end')):
            return done[-1]
        self._begin_episodes()
        while not self._finished() and not stop():
            self._evaluate_if_due()
            self._step()
            self._collect()
        self._save()  # first: whoever stopped the run may not wait for the evaluation
        self._evaluate()
        self._collect(wait=True)
        end = {
            'step': self.learner.steps,
            'updates': self.learner.updates,
            'wall_s': round(self.wall_s, 2),
            'final_return': self._final,
            'best_return': self._best,
        }
        self.metrics.write('end', **end)
        return end

    def _finished(self) -> bool:
        limit_s = 60 * self.config.minutes
        return self.learner.steps >= self.config.steps or 0 < limit_s <= self.wall_s

    def _start_folder(self) -> None:
        """Write what stays the same for the whole run."""
        self.metrics.truncate_after(-1)
        write_atomic(self.run_dir / 'config.yaml', settings.dump(self.config).encode())
        self._policy().save(self.run_dir / 'policy_init.safetensors')
        self.metrics.write(
            'start',
            time=time.strftime('%Y-%m-%dT%H:%M:%S%z'),
            task=self.config.env.task,
            domain=self.config.env.domain,
            seed=self.config.seed,
            device=str(self.learner.device),
            threads=torch.get_num_threads(),
            parameters=self.learner.parameters,
            control_hz=self._world.control_hz,
            **self._world.compared(),
        )

    def _policy(self) -> Policy:
        return self.learner.policy(
            step=self.learner.steps, control_hz=self._world.control_hz
        )

    def _begin_episodes(self) -> None:
        step = self._envs.reset([self._seed(env) for env in range(self.config.env.num_envs)])
        for env, frame in enumerate(step.pixels):
            self._begin(env, frame)

    def _seed(self, env: int) -> int:
        self._episode += 1
        return episode_seed(self.config.seed, 'episode', env, self._episode)

    def _begin(self, env: int, frame: NDArray[np.uint8]) -> None:
        self._returns[env], self._lengths[env], self._success[env] = 0.0, 0, False
        self.learner.observe(env, TimeStep(frame))

    def _step(self) -> None:
        """Step all environments while the learner does the updates it owes."""
        actions = self.learner.act()
        self._envs.step_async(actions)
        for _ in range(self.learner.owed):
            self.learner.update()
        step = self._envs.step_wait()
        for env, frame in enumerate(step.pixels):
            terminated, reward = bool(step.terminated[env]), float(step.reward[env])
            self.learner.observe(env, TimeStep(frame, actions[env], reward, terminated))
        self._returns += step.reward
        self._lengths += 1
        self._success |= step.success
        over = np.flatnonzero(step.terminated | step.truncated).tolist()
        for env in over:
            self._record_episode(env)
        self._log_if_due()
        if 0 in over and self._is_due('checkpoint', self.config.checkpoint_every):
            self._collect(wait=True)
            self._save()
            self._begin_episodes()
            return
        for env in over:
            self._begin(env, self._envs.reset_one(env, self._seed(env)).pixels[env])

    def _is_due(self, what: str, every: int) -> bool:
        """Return whether the next multiple of ``every`` is reached, and move on to the next."""
        if self.learner.steps < self._next[what]:
            return False
        self._next[what] = (self.learner.steps // every + 1) * every
        return True

    def _progress(self) -> dict[str, Any]:
        steps = self.learner.steps
        return {
            'step': steps,
            'frames': steps * self.config.env.action_repeat,
            'updates': self.learner.updates,
            'wall_s': round(self.wall_s, 2),
        }

    def _record_episode(self, env: int) -> None:
        self.metrics.write(
            'episode',
            **self._progress(),
            **{'return': self._returns[env]},
            length=self._lengths[env],
            success=self._success[env],
        )

    def _log_if_due(self) -> None:
        if not self._is_due('log', self.config.log_every) or self.learner.updates == 0:
            return
        now, steps = time.monotonic(), self.learner.steps
        rate = (steps - self._logged_steps) / max(now - self._logged, 1e-9)
        self._logged, self._logged_steps = now, steps
        self.metrics.write(
            'train',
            **self._progress(),
            steps_per_s=round(rate, 2),
            **self.learner.take_metrics(),
        )

    def _evaluate_if_due(self) -> None:
        if self._is_due('eval', self.config.eval_every):
            self._evaluate()

    def _evaluate(self) -> None:
        """Hand a snapshot of the policy to the evaluator, once per step."""
        if self._evaluated == self.learner.steps:
            return
        self._evaluated = self.learner.steps
        path = self.run_dir / f'policy_{self.learner.steps:09d}.safetensors'
        self._policy().save(path)
        self._evaluator.submit(path, **self._progress())

    def _collect(self, wait: bool = False) -> None:
        """Record finished evaluations; keep the newest policy and the best one."""
        for result in self._evaluator.results(wait):
            path = result.pop('path')
            self.metrics.write('eval', **result)
            self._final = result['return_mean']
            data = path.read_bytes()
            if self._best is None or self._final >= self._best:
                self._best = self._final
                write_atomic(self.run_dir / 'policy_best.safetensors', data)
            path.replace(self.run_dir / 'policy.safetensors')

    def _save(self) -> None:
        extra = {
            'episode': self._episode,
            'next': self._next,
            'best': self._best,
            'final': self._final,
            'wall_s': self.wall_s,
        }
        self._checkpoint.save(self.learner, extra)

    def _resume(self) -> None:
        extra = self._checkpoint.load(self.learner)
        self._episode, self._next = extra['episode'], extra['next']
        self._best, self._final = extra['best'], extra['final']
        self._earlier_s = extra['wall_s']

    def _recorded(self, kind: str) -> list[dict[str, Any]]:
        """Return the records of a kind that the present step has already."""
        records = read_jsonl(self.run_dir / 'metrics.jsonl')
        return [r for r in records if r['kind'] == kind and r['step'] == self.learner.steps]

    def _skip_done_evaluation(self) -> None:
        """Take over an evaluation that was recorded right after the checkpoint."""
        for record in self._recorded('eval'):
            self._evaluated, self._final = record['step'], record['return_mean']
            self._best = max(self._final, self._final if self._best is None else self._best)
