"""Distil a policy of others into an expert of this project: DAgger (Ross et al., 2011).

The student plays, the teacher says what it would have done, and the student learns from all that
was said so far. The teacher is a network of tanh layers, as arrays in an .npz file.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from claifo.experts.config import DistilConfig
from claifo.experts.networks import Actor, unscaled
from claifo.experts.policies import ExpertInfo, Mlp, TrainedExpert, save_trained
from claifo.experts.state_env import StateEnv, expert_scores, random_return, summary
from claifo_core.errors import ClaifoError

CLAIM_SEED = 2_000_000
CLAIM_EPISODES = 100
_SCALES = ('obs_shift', 'obs_scale', 'act_shift', 'act_scale')


@dataclass(frozen=True)
class Teacher:
    """A policy as arrays, in the form of hand_dapg: tanh layers between fixed scalings.

    Attributes:
        arrays: ``w0``, ``b0`` ... and the shifts and scales of observation and action.
    """

    arrays: dict[str, NDArray[np.float64]]

    @classmethod
    def load(cls, path: Path, obs_dim: int, action_dim: int) -> Teacher:
        """Read a teacher.

        Raises:
            ClaifoError: the file is missing or no such policy, or its sizes are not the task's.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], np.float64) for name in file.files}
            teacher = cls(arrays)
            inputs, outputs = arrays['w0'].shape[1], len(teacher.act(np.zeros(obs_dim)))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ClaifoError(f'{path}: not a policy in arrays for {obs_dim} observations '
                              f'({str(error).splitlines()[0]})') from None
        if (inputs, outputs) != (obs_dim, action_dim):
            raise ClaifoError(f'{path}: takes {inputs} observations and gives {outputs} actions; '
                              f'the task has {obs_dim} and {action_dim}')
        return teacher

    def act(self, obs: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the action float64 (A,), which may lie beyond [-1, 1]."""
        shift, scale, out_shift, out_scale = (self.arrays[name] for name in _SCALES)
        hidden = (obs - shift) / (scale + 1e-8)
        last = sum(name.startswith('w') for name in self.arrays) - 1
        for index in range(last):
            hidden = np.tanh(self.arrays[f'w{index}'] @ hidden + self.arrays[f'b{index}'])
        action = self.arrays[f'w{last}'] @ hidden + self.arrays[f'b{last}']
        found: NDArray[np.float64] = action * out_scale + out_shift
        return found


class Student:
    """The network that becomes the expert, and all that its teacher has said."""

    def __init__(self, obs_dim: int, action_dim: int, config: DistilConfig) -> None:
        """Start with random weights and no data."""
        torch.manual_seed(config.seed)
        self._config = config
        self._actor = Actor((obs_dim, config.hidden, config.hidden, action_dim))
        self._rng = np.random.default_rng([config.seed, 1])
        self._obs: list[NDArray[np.float32]] = []
        self._said: list[NDArray[np.float32]] = []
        self._mean, self._std = np.zeros(obs_dim, np.float32), np.ones(obs_dim, np.float32)

    def hear(self, obs: NDArray[np.float32], action: NDArray[np.float64]) -> None:
        """Take in what the teacher does at ``obs``."""
        self._obs.append(obs)
        self._said.append(np.clip(action, -1, 1).astype(np.float32))

    def learn(self, updates: int, rate: float) -> float:
        """Fit the actions; return the mean absolute error of the last update."""
        obs, said = np.stack(self._obs), np.stack(self._said)
        self._mean, self._std = obs.mean(0), np.maximum(obs.std(0), 1e-3)
        inputs = torch.from_numpy((obs - self._mean) / self._std)
        targets = torch.from_numpy(said)
        optimiser = torch.optim.Adam(self._actor.parameters(), rate)
        error = torch.zeros(())
        for update in range(updates):
            optimiser.param_groups[0]['lr'] = rate * (1 - update / updates)
            rows = torch.from_numpy(self._rng.integers(len(obs), size=self._config.batch))
            error = self._fit(optimiser, inputs[rows], targets[rows])
        return float(error)

    def _fit(self, optimiser: torch.optim.Optimizer, obs: Tensor, action: Tensor) -> Tensor:
        output = self._actor(obs)
        loss = functional.smooth_l1_loss(output, action, beta=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return (output - action).detach().abs().mean()

    def network(self) -> Mlp:
        """Return a copy of the actor that takes unscaled states."""
        return unscaled(self._actor, self._mean, self._std)


def distil(
    task: str,
    teacher_path: Path,
    config: DistilConfig,
    out: Path,
    command: str,
    report: Callable[[str], None] = print,
) -> ExpertInfo:
    """Make an expert of a teacher, and count its success over fresh episodes.

    Args:
        task: name of the task.
        teacher_path: the teacher (.npz).
        config: settings.
        out: policy file (safetensors).
        command: what the user typed, kept in the file.
        report: takes the lines of progress.

    Raises:
        ClaifoError: ``out`` exists or cannot be written, or the teacher does not fit.
        SimError: unknown task.
    """
    if out.exists():
        raise ClaifoError(f'{out}: exists already; delete it or choose another file with --out')
    start, world = time.perf_counter(), StateEnv(task, config.seed, 1)
    teacher = Teacher.load(teacher_path, world.obs_dim, world.action_dim)
    student, steps, episode = Student(world.obs_dim, world.action_dim, config), 0, 0
    rng = np.random.default_rng([config.seed, 2])
    for number in range(config.rounds):
        share = max(0.0, 1 - number / max(1, config.rounds // 3))  # of actions by the teacher
        for _ in range(config.episodes):
            steps += _listen(world, student, teacher, share, config.seed + episode, rng)
            episode += 1
        last = number == config.rounds - 1
        error = student.learn(config.updates * (10 if last else 1), config.learning_rate)
        report(f'{task} round {number + 1}/{config.rounds}  {steps} steps  error {error:.4f}')
    minutes = (time.perf_counter() - start) / 60
    info = _judge(task, student.network(), steps, minutes, command)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_trained(out, student.network(), info)
    return info


def _listen(
    world: StateEnv,
    student: Student,
    teacher: Teacher,
    share: float,
    seed: int,
    rng: np.random.Generator,
) -> int:
    """Play an episode, in part by the teacher, with its word on every state; return its length."""
    network = student.network()
    obs, done, length = world.reset(seed), False, 0
    while not done:
        said = teacher.act(obs)
        student.hear(obs, said)
        action = np.clip(said, -1, 1) if rng.uniform() < share else network(obs)
        obs, _, terminated, truncated = world.step(action.astype(np.float32))
        done, length = terminated or truncated, length + 1
    return length


def _judge(task: str, network: Mlp, steps: int, minutes: float, command: str) -> ExpertInfo:
    unjudged = ExpertInfo(
        task=task, action_repeat=1, return_mean=0.0, return_std=0.0, return_min=0.0,
        episodes=CLAIM_EPISODES, random_return=round(random_return(task), 2), steps=steps,
        minutes=round(minutes, 1), command=command,
    )  # fmt: skip
    expert = TrainedExpert(network, unjudged)
    scores = expert_scores(task, expert, CLAIM_EPISODES, CLAIM_SEED)
    return replace(
        unjudged, **summary(scores.returns), success=scores.success, solved=scores.solved
    )
