"""One run in one folder: learner, metrics, checkpoints, evaluations.

It has no loop of its own: the local trainer and the learner node drive it with time steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claifo_core.config import settings
from claifo_core.data.timestep import TimeStep
from claifo_core.device.devices import spare_processes
from claifo_core.device.seeding import episode_seed
from claifo_core.files import write_atomic
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.evaluator import Evaluator
from claifo_core.training.learner import Learner
from claifo_core.training.metrics import Metrics, read_jsonl
from claifo_core.training.step import Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo_core.config import TrainConfig
    from claifo_core.policy import Policy
    from claifo_core.training.evaluation import Env


_PATIENCE_S = 5.0
"""How long somebody who has stopped a run waits for its last evaluation."""


@dataclass(frozen=True)
class Setting:
    """What a run must know of its world beside the time steps.

    Attributes:
        single: Builds one environment in the evaluation process; must be importable there. None:
            policies are not evaluated.
        control_hz: Agent steps per second, which travels in the policy file.
        compared: Returns the true returns that curves are compared with, expert_return and
            random_return; asked once, when a run starts anew.
        solved_steps: An episode counts as solved with success in more steps than so many.
    """

    single: Callable[[], Env] | None
    control_hz: float
    compared: Callable[[], dict[str, float | None]]
    solved_steps: int


class Run:
    """What is learned, counted, saved and evaluated in one folder.

    Attributes:
        learner: The learner of the run.
        metrics: Where its figures go.
        last: The newest figures, by the names of :data:`claifo_core.training.formulas.FORMULAS`.
    """

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        setting: Setting,
        learner: Learner,
        *,
        console: bool = True,
    ) -> None:
        """Resume where the folder holds a checkpoint, else start the folder anew.

        Raises:
            ClaifoError: the checkpoint is damaged or of another configuration.
        """
        self.config = config
        self.run_dir = run_dir
        self.learner = learner
        self.last: dict[str, Any] = {}
        self._setting = setting
        self._checkpoint = Checkpoint(run_dir / 'checkpoint')
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
            self.metrics.truncate_after(learner.steps)
            self._skip_done_evaluation()
        else:
            self._start_folder()
        self._evaluator = self._start_evaluator()
        self._returns = np.zeros(config.env.num_envs)
        self._lengths = np.zeros(config.env.num_envs, int)
        self._success = np.zeros(config.env.num_envs, bool)
        self._started = self._logged = time.monotonic()
        self._logged_steps, self._logged_updates = learner.steps, learner.updates

    def close(self) -> None:
        """End the evaluator."""
        if self._evaluator:
            self._evaluator.close()
        self.metrics.close()

    @property
    def wall_s(self) -> float:
        """Seconds of training so far, over all sessions of the run."""
        return self._earlier_s + time.monotonic() - self._started

    @property
    def finished(self) -> bool:
        """Whether the steps or the minutes of the configuration are used up."""
        limit_s = 60 * self.config.minutes
        return self.learner.steps >= self.config.steps or 0 < limit_s <= self.wall_s

    def ended(self) -> dict[str, Any] | None:
        """Return the last record of a run that had come to its end before this session."""
        done = self._recorded('end') if self.finished else []
        return done[-1] if done else None

    def policy(self) -> Policy:
        """Return a copy of what has been learned so far, with its description."""
        return self.learner.policy(step=self.learner.steps, control_hz=self._setting.control_hz)

    def next_seed(self, env: int) -> int:
        """Return the seed of the next episode of environment ``env``."""
        self._episode += 1
        env += self.learner.team.rank * self.config.env.num_envs
        return episode_seed(self.config.seed, 'episode', env, self._episode)

    def begin(self, env: int, step: Step) -> None:
        """Take in the first step of an episode of environment ``env``."""
        self._returns[env], self._lengths[env], self._success[env] = 0.0, 0, False
        self.learner.observe(env, TimeStep(step.pixels[env], proprio=step.proprio[env]))

    def observe(
        self, envs: Iterable[int], actions: NDArray[np.float32], step: Step
    ) -> list[int]:
        """Take in where the actions (N, A) have led in the environments ``envs``.

        Returns:
            The environments whose episode is over.
        """
        over = []
        for env in envs:
            terminated, reward = bool(step.terminated[env]), float(step.reward[env])
            self.learner.observe(
                env,
                TimeStep(step.pixels[env], actions[env], reward, terminated, step.proprio[env]),
            )
            self._returns[env] += reward
            self._lengths[env] += 1
            self._success[env] |= step.success[env]
            if terminated or step.truncated[env]:
                over.append(env)
        for env in over:
            self._record_episode(env)
        self._log_if_due()
        return over

    def checkpoint_due(self) -> bool:
        """Return whether it is time to save, once per interval."""
        return self._is_due('checkpoint', self.config.checkpoint_every)

    def save(self) -> None:
        """Write a checkpoint."""
        extra = {
            'episode': self._episode, 'next': self._next, 'best': self._best,
            'final': self._final, 'wall_s': self.wall_s,
        }  # fmt: skip
        self._checkpoint.save(self.learner, extra)

    def evaluate_if_due(self) -> None:
        """Hand a snapshot of the policy to the evaluator, once per interval."""
        if self._is_due('eval', self.config.eval_every):
            self._evaluate()

    def collect(self, wait_s: float | None = 0.0) -> None:
        """Record finished evaluations; keep the newest policy and the best one.

        Args:
            wait_s: Longest wait for all policies handed over, in seconds; None: without end.
        """
        for result in self._evaluator.results(wait_s) if self._evaluator else ():
            path = result.pop('path')
            self._write('eval', **result)
            self._final = result['return_mean']
            data = path.read_bytes()
            if self._best is None or self._final >= self._best:
                self._best = self._final
                write_atomic(self.run_dir / 'policy_best.safetensors', data)
            path.replace(self.run_dir / 'policy.safetensors')

    def end(self, *, stopped: bool = False) -> dict[str, Any]:
        """Save and evaluate for the last time of this session.

        Args:
            stopped: Somebody waits for the end: an evaluation that takes long is left out.

        Returns:
            The last metrics record: step, wall_s, final_return, best_return.
        """
        self.save()  # first: whoever stopped the run may not wait for the evaluation
        self._evaluate()
        self.collect(_PATIENCE_S if stopped else None)
        self._leave_out()
        end = {
            'step': self.learner.steps,
            'updates': self.learner.updates,
            'wall_s': round(self.wall_s, 2),
            'final_return': self._final,
            'best_return': self._best,
        }
        self.metrics.write('end', **end)
        return end

    def _leave_out(self) -> None:
        """Keep the newest of the policies that were not evaluated in time, and say so."""
        late = sorted(self.run_dir.glob('policy_0*.safetensors'))
        for path in late:
            path.replace(self.run_dir / 'policy.safetensors')
        if late:
            print(
                f'{self.run_dir}: the last policy was not evaluated, that would take over '
                f'{_PATIENCE_S:g} s', flush=True,
            )  # fmt: skip

    def _start_folder(self) -> None:
        """Write what stays the same for the whole run."""
        self.metrics.truncate_after(-1)
        write_atomic(self.run_dir / 'config.yaml', settings.dump(self.config).encode())
        self.policy().save(self.run_dir / 'policy_init.safetensors')
        self.metrics.write(
            'start',
            time=time.strftime('%Y-%m-%dT%H:%M:%S%z'),
            task=self.config.env.task,
            domain=self.config.env.domain,
            seed=self.config.seed,
            device=str(self.learner.device),
            threads=torch.get_num_threads(),
            parameters=self.learner.parameters,
            control_hz=self._setting.control_hz,
            **self._setting.compared(),
        )

    def _start_evaluator(self) -> Evaluator | None:
        if self._setting.single is None:
            return None
        count, seed = self.config.eval_episodes, self.config.seed
        seeds = [episode_seed(seed, 'eval', i) for i in range(count)]
        return Evaluator(
            self._setting.single,
            seeds,
            self._setting.solved_steps,
            self.config.eval_processes or spare_processes(self.config.env.num_envs),
        )

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

    def _write(self, kind: str, **values: Any) -> None:  # noqa: ANN401 (JSON values)
        self.metrics.write(kind, **values)
        self.last |= values

    def _record_episode(self, env: int) -> None:
        self._write(
            'episode',
            **self._progress(),
            **{'return': self._returns[env]},
            length=self._lengths[env],
            success=self._success[env],
        )

    def _log_if_due(self) -> None:
        due = self._is_due('log', self.config.log_every)
        if due and self.learner.updates > self._logged_updates:
            self.log()

    def log(self) -> None:
        """Record the figures of the updates since the last time."""
        now, steps = time.monotonic(), self.learner.steps
        rate = (steps - self._logged_steps) / max(now - self._logged, 1e-9)
        self._logged, self._logged_steps, self._logged_updates = now, steps, self.learner.updates
        self._write(
            'train',
            **self._progress(),
            steps_per_s=round(rate, 2),
            **self.learner.take_metrics(),
        )

    def _evaluate(self) -> None:
        """Hand over a snapshot, once per step."""
        if self._evaluated == self.learner.steps:
            return
        self._evaluated = self.learner.steps
        if self._evaluator is None:
            self.policy().save(self.run_dir / 'policy.safetensors')
            return
        path = self.run_dir / f'policy_{self.learner.steps:09d}.safetensors'
        self.policy().save(path)
        self._evaluator.submit(path, **self._progress())

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
