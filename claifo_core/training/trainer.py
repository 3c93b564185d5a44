"""The local loop: simulators act, the learner updates, an evaluator watches, side by side.

Resume is running the same command again. At a checkpoint every environment starts a new episode,
in the uninterrupted run as in the resumed one, so both go on in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from claifo_core.device.devices import set_threads
from claifo_core.errors import ClaifoError
from claifo_core.training.learner import Learner
from claifo_core.training.parallel import ALONE, Team
from claifo_core.training.run import Run, Setting
from claifo_core.training.step import Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo_core.config import TrainConfig
    from claifo_core.data import Demonstration

_OFFLINE_PIECE = 1000
"""Updates before the first step from one checkpoint and record to the next."""


class VectorEnv(Protocol):
    """N environments in processes of their own; the caller resets."""

    @property
    def action_dim(self) -> int:
        """Length of an action."""

    @property
    def proprio_dim(self) -> int:
        """Length of the proprioception."""

    @property
    def views(self) -> int:
        """Cameras per frame."""

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
class World(Setting):
    """Where the agent learns and is evaluated.

    Attributes:
        vector: Starts the training environments.
    """

    vector: Callable[[], VectorEnv]


class Trainer:
    """One session of a run, with simulators of its own."""

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        world: World,
        videos: Sequence[NDArray[np.uint8]],
        *,
        demonstrations: Sequence[Demonstration] = (),
        console: bool = True,
        team: Team = ALONE,
        random: Sequence[Sequence[NDArray[np.uint8]]] = (),
    ) -> None:
        """Start the simulators, and resume where the folder holds a checkpoint.

        Args:
            config: The run.
            run_dir: Its folder; every process of a team has one of its own.
            world: Where the agent learns and is evaluated.
            videos: Expert episodes, uint8 (T, H, W, 3 V) each.
            demonstrations: What is known beside the videos; none: they are images alone.
            console: Show progress on standard error.
            team: The processes that learn together.
            random: Videos of random actions, see :class:`claifo_core.training.learner.Learner`.

        Raises:
            ClaifoError: the checkpoint is damaged or of another configuration, or the expert's
                videos do not fit.
        """
        set_threads(config.threads)
        run_dir.mkdir(parents=True, exist_ok=True)
        self._envs = world.vector()
        self._all = range(config.env.num_envs)
        dims = (self._envs.action_dim, self._envs.proprio_dim)
        self.learner = Learner(
            config, dims[0], videos, dims[1], team, demonstrations=demonstrations, random=random
        )
        self._team = team
        _check_views(self.learner, self._envs)
        self._run = Run(config, run_dir, world, self.learner, console=console)

    def close(self) -> None:
        """End simulators and evaluator."""
        self._run.close()
        self._envs.close()

    def run(self, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """Train to the end, or until ``stop`` returns true; a checkpoint is written either way.

        Returns:
            The last metrics record: step, wall_s, final_return, best_return.
        """
        if done := self._run.ended():
            return done
        self._learn_offline(stop)
        self._begin_episodes()
        while not self._team.any(self._run.finished or stop()):
            self._run.evaluate_if_due()
            self._step()
            self._run.collect()
        return self._run.end(stopped=not self._run.finished)

    def _learn_offline(self, stop: Callable[[], bool]) -> None:
        """Do the updates that come before the first step; they may take long."""
        learner = self.learner
        while learner.offline and not self._team.any(self._run.finished or stop()):
            learner.update()
            if learner.updates % _OFFLINE_PIECE == 0 or not learner.offline:
                self._run.save()  # first: what is told is never told again
                self._run.log()

    def _begin_episodes(self) -> None:
        step = self._envs.reset([self._run.next_seed(env) for env in self._all])
        for env in self._all:
            self._run.begin(env, step)

    def _step(self) -> None:
        """Step all environments while the learner does the updates it owes."""
        actions = self.learner.act()
        self._envs.step_async(actions)
        for _ in range(self.learner.owed):
            self.learner.update()
        over = self._run.observe(self._all, actions, self._envs.step_wait())
        if self._team.any(0 in over) and self._run.checkpoint_due():
            self._run.collect(wait_s=None)
            self._run.save()
            self._begin_episodes()
            return
        for env in over:
            step = self._envs.reset_one(env, self._run.next_seed(env))
            self._run.begin(env, step)


def _check_views(learner: Learner, envs: VectorEnv) -> None:
    if learner.views != envs.views:
        raise ClaifoError(
            f'expert: its videos show {learner.views} cameras, the agent sees {envs.views}; '
            'expert.topics and env.cameras must name the same cameras'
        )
