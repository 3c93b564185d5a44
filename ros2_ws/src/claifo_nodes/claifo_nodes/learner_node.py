"""`learner_node`: expert bags and TimeSteps in; weights, step budget and status out.

Its simulator may go on to step k + 1 while the learner does the updates that step k calls for,
as in :class:`claifo_core.training.trainer.Trainer`; never further, so the ratio of updates to
steps holds.
"""

from __future__ import annotations

import array
import dataclasses
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from claifo_msgs.msg import LearnerStatus, PolicyWeights, StepBudget, TimeStep
from claifo_msgs.srv import LoadExpert
from std_srvs.srv import Trigger

from claifo.environments import env_spec
from claifo.presets import default_run_dir
from claifo.training import Expert, read_expert, read_random, setting
from claifo_core.config import TrainConfig
from claifo_core.device.devices import set_threads
from claifo_core.errors import ClaifoError
from claifo_core.training.learner import Learner
from claifo_core.training.run import Run
from claifo_nodes import params, qos, time_steps
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.intake import Intake
from claifo_nodes.lifecycle import ManagedNode
from claifo_nodes.main import Finished, run
from claifo_nodes.services import offer
from claifo_nodes.views import Views
from claifo_sim import task_info
from claifo_sim.rendering import probe

if TYPE_CHECKING:
    from claifo_nodes.time_steps import Batch

_STATUS_FIGURES = (
    'steps_per_s', 'reward_mean', 'discriminator_expert_accuracy',
    'discriminator_agent_accuracy', 'contrastive_accuracy',
)  # fmt: skip


class _Shown(NamedTuple):
    """A batch of time steps, named as :class:`claifo_core.training.run.Step`."""

    pixels: np.ndarray
    proprio: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    success: np.ndarray


def _shown(batch: Batch) -> _Shown:
    terminated = batch.discount == 0
    over = batch.step_type == TimeStep.LAST
    return _Shown(
        batch.frames, batch.proprio, batch.reward, terminated, over & ~terminated, batch.success
    )  # fmt: skip


class LearnerNode(ManagedNode):
    """Trains one run. Configured: bag read, checkpoint loaded. Active: it trains."""

    def __init__(self) -> None:
        """Declare the parameters: all options of a run, and what only the node has."""
        super().__init__('learner')
        self._config: TrainConfig = params.declare_config(self, TrainConfig)
        self._run_dir: str = params.declare(
            self, 'run_dir', '', 'folder of the run; empty: runs/TASK_DOMAIN_seedN'
        )
        self._evaluates: bool = params.declare(
            self, 'evaluate', True, 'play snapshots of the policy in a simulator beside training'
        )
        self._weights_every: int = params.declare(
            self, 'weights_every', 10, 'time steps from one publication of weights to the next',
            low=1,
        )
        self._run: Run | None = None
        self._intake: Intake | None = None
        self._version = 0
        self._paused = False
        self._diagnostics = Diagnostics(self)
        self._connect()

    def _connect(self) -> None:
        self._status = self.create_publisher(LearnerStatus, 'learner_status', qos.STATUS)
        self._weights = self.create_publisher(PolicyWeights, 'weights', qos.WEIGHTS)
        self._budget = self.create_publisher(StepBudget, 'step_budget', qos.BUDGET)
        self._views = Views(self)
        self.create_subscription(TimeStep, 'time_step', self._on_step, qos.TIME_STEP)
        for name, answer in (
            ('pause', self._on_pause), ('resume', self._on_resume), ('checkpoint', self._on_save)
        ):  # fmt: skip
            offer(self, Trigger, f'~/{name}', answer)
        offer(self, LoadExpert, '~/load_expert', self._on_load_expert)
        self.create_timer(1.0, self._tick)

    def configure(self) -> None:
        """Read the expert's bag; build the learner, or resume it."""
        config = self._config
        if config.agent.offline_updates:
            raise ClaifoError(
                f'agent.offline_updates is {config.agent.offline_updates}; the learner node '
                'learns from the first step on: use `claifo train`, or set it to 0'
            )
        set_threads(config.threads)
        expert = self._read_expert(config)
        run_dir = Path(self._run_dir) if self._run_dir else default_run_dir(config, None)
        run_dir.mkdir(parents=True, exist_ok=True)
        info = task_info(config.env.task)
        learner = Learner(
            config, info.action_dim, expert.videos, info.proprio_dim,
            demonstrations=expert.demonstrations, random=read_random(config),
        )  # fmt: skip
        where = setting(config)
        if self._evaluates:
            probe()  # once, here: processes that evaluate inherit the answer
        else:
            where = dataclasses.replace(where, single=None)
        self._run = Run(config, run_dir, where, learner)
        self._views.show(learner)
        self.get_logger().info(f'{run_dir}: {learner.steps} of {config.steps} steps so far')

    def activate(self) -> None:
        """Ask the simulator for new episodes."""
        self._begin_session()

    def deactivate(self) -> None:
        """Let the simulator wait; write a checkpoint."""
        if self._run and self._intake:
            self._run.save()
        self._intake = None

    def cleanup(self) -> None:
        """Let go of the run."""
        self._close()

    def destroy_node(self) -> None:
        """End the session with a checkpoint, whatever ended the node."""
        if self._run and self._intake:
            end = self._run.end(stopped=True)
            if end['step'] < self._config.steps:
                print(f'stopped after {end["step"]} of {self._config.steps} steps; the same '
                      'command goes on', flush=True)  # fmt: skip
        self._close()
        super().destroy_node()

    def _close(self) -> None:
        if self._run:
            self._run.close()
        self._run = self._intake = None

    def _read_expert(self, config: TrainConfig) -> Expert:
        expert = read_expert(config)
        for line in expert.report.lost:
            self.get_logger().warning(f'expert: {line}')
        return expert

    def _begin_session(self) -> None:
        self._intake, self._version = Intake(self._config.env.task), 0
        self._begun = np.zeros(self._config.env.num_envs, bool)
        self._publish_weights()
        self._allow_next(self._version)

    def _on_step(self, message: TimeStep) -> None:
        """Learn from one step; the simulator does the next one meanwhile."""
        if self._intake is None or self._run is None:
            return
        if refusal := self._intake.refuse(message):
            self._diagnostics.warn(refusal.key, refusal.text)
            return
        try:
            batch = self._checked(message)
        except ClaifoError as error:
            self._diagnostics.warn('wrong_shape', str(error))
            return
        self._intake.take(message)
        self._observe(self._run, batch)
        if self._run.finished:
            self._finish(self._run)
        self._learn(self._run, message.step % self._weights_every == 0)

    def _checked(self, message: TimeStep) -> Batch:
        batch = time_steps.unpack(message)
        # torch wants memory that it may write to.
        batch = batch._replace(
            frames=batch.frames.copy(), action=batch.action.copy(), proprio=batch.proprio.copy()
        )
        env = self._config.env
        info, views = task_info(env.task), len(env_spec(env).filmed_by)
        shapes = {
            'frames': (env.num_envs, env.size_px, env.size_px, 3 * views),
            'action': (env.num_envs, info.action_dim),
        }
        if env.proprio:
            shapes['proprio'] = (env.num_envs, info.proprio_dim)
        for name, expected in shapes.items():
            found = getattr(batch, name).shape
            if found != expected:
                raise ClaifoError(
                    f'TimeStep.{name} has shape {found}; the learner needs {expected}: start '
                    'simulator and learner with the same env.num_envs, env.size_px, env.cameras '
                    'and env.task'
                )
        return batch

    def _observe(self, run: Run, batch: Batch) -> None:
        first = batch.step_type == TimeStep.FIRST
        lost = ~first & (self._intake is not None and self._intake.lost | ~self._begun)
        if lost.any():
            self._diagnostics.warn('lost', 'steps were lost on the way; episodes begin anew')
            first = first | lost
        self._begun = (self._begun | first) & (batch.step_type != TimeStep.LAST)
        shown = _shown(batch)
        for env in np.flatnonzero(first).tolist():
            run.begin(env, shown)
        run.observe(np.flatnonzero(~first).tolist(), batch.action, shown)

    def _learn(self, run: Run, weights_due: bool) -> None:
        run.evaluate_if_due()
        if run.checkpoint_due():
            run.save()
        self._allow_next(self._version + weights_due)
        for _ in range(run.learner.owed):
            run.learner.update()
        if weights_due:
            self._publish_weights()
        run.collect()

    def _allow_next(self, version: int) -> None:
        """Let the simulator publish the next step, to be acted on with weights ``version``."""
        if self._intake is None or self._paused:
            return
        self._intake.grant(time.monotonic())
        budget = StepBudget(
            session=self._intake.session, step=self._intake.next_step, weights_version=version
        )
        budget.header.stamp = self.get_clock().now().to_msg()
        self._budget.publish(budget)

    def _publish_weights(self) -> None:
        if self._run is None or self._intake is None:
            return
        learner = self._run.learner
        self._version += 1
        message = PolicyWeights(
            task=self._config.env.task,
            session=self._intake.session,
            version=self._version,
            learner_step=learner.steps,
            exploration_std=learner.std,
            uniform=learner.steps < self._config.uniform_steps,
            policy=array.array('B', self._run.policy().to_bytes()),
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._weights.publish(message)

    def _finish(self, run: Run) -> None:
        """End the run.

        Raises:
            Finished: always; the graph ends with the training.
        """
        end = run.ended() or run.end()
        self._publish_status(LearnerStatus.FINISHED)
        self._close()
        result = '' if end['final_return'] is None else f', return {end["final_return"]:.1f}'
        print(f'{run.run_dir}: {end["step"]} of {self._config.steps} steps{result}', flush=True)
        raise Finished

    def _tick(self) -> None:
        if self._run is None or self._intake is None:
            return
        if self._run.finished:
            self._finish(self._run)
        if self._intake.replaced(time.monotonic()):
            self.get_logger().info('the simulator was replaced: new episodes')
            self._begin_session()
        self._run.collect()
        self._publish_status(self._state())
        self._views.publish()

    def _state(self) -> str:
        if self._paused:
            return LearnerStatus.PAUSED
        waiting = self._intake is None or self._intake.waiting
        return LearnerStatus.WAITING if waiting else LearnerStatus.TRAINING

    def _publish_status(self, state: str) -> None:
        if self._run is None:
            return
        last, learner = self._run.last, self._run.learner
        status = LearnerStatus(
            state=state,
            run_dir=str(self._run.run_dir),
            step=learner.steps,
            total_steps=self._config.steps,
            updates=learner.updates,
            exploration_std=learner.std,
            episode_return=float(last.get('return', math.nan)),
            eval_return=float(last.get('return_mean', math.nan)),
            **{name: float(last.get(name, math.nan)) for name in _STATUS_FIGURES},
        )
        status.header.stamp = self.get_clock().now().to_msg()
        self._status.publish(status)

    def _active_run(self) -> Run:
        if self._run is None or self._intake is None:
            raise ClaifoError('the learner is not active; activate it first')
        return self._run

    def _on_pause(self, _: Trigger.Request) -> str:
        self._active_run()
        self._paused = True
        return 'paused; ~/resume goes on'

    def _on_resume(self, _: Trigger.Request) -> str:
        self._active_run()
        self._paused = False
        self._allow_next(self._version)
        return 'training goes on'

    def _on_save(self, _: Trigger.Request) -> str:
        run = self._active_run()
        run.save()
        return f'{run.run_dir / "checkpoint"}: step {run.learner.steps}'

    def _on_load_expert(self, request: LoadExpert.Request) -> str:
        run = self._active_run()
        films = dataclasses.replace(self._config.expert, bag=request.bag)
        expert = self._read_expert(dataclasses.replace(self._config, expert=films))
        run.learner.take_expert(expert.videos, expert.demonstrations)
        return f'{request.bag}: {len(expert.videos)} episodes'


def main() -> int:
    """Run the node; returns its exit code."""
    return run(LearnerNode)


if __name__ == '__main__':
    sys.exit(main())
