"""What both a local loop and a ROS node drive: ``observe`` a time step, ``update``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claifo_core.agent import Agent
from claifo_core.augment import Augmenter
from claifo_core.baselines.vrl3 import OFFLINE_STD, mixed
from claifo_core.capture import Recorded
from claifo_core.devices import choose_device, replay_device, use_precision
from claifo_core.errors import ClaifoError
from claifo_core.expert import check_expert
from claifo_core.exploration import uniform
from claifo_core.networks import build_networks
from claifo_core.optimisers import build_optimisers
from claifo_core.parallel import ALONE, Team
from claifo_core.policy import Policy
from claifo_core.replay import Batch, Replay
from claifo_core.seeding import generator, seed_for
from claifo_core.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from claifo_core.config import TrainConfig
    from claifo_core.expert import Demonstration

_LOOK_EVERY = {'cpu': 1, 'cuda': 50}
"""Updates after which losses are looked at; on a GPU each look waits for it."""


@dataclass(frozen=True)
class TimeStep:
    """What one environment shows after one agent step.

    Attributes:
        frame: uint8, shape (H, W, 3 V), RGB, camera after camera.
        action: The action that led here, float32 (A,); None at the start of an episode.
        reward: Environment reward of that action.
        terminated: The task ended the episode (a time limit does not).
        proprio: What the robot measures of itself, float32 (P,); None where it is not used.
    """

    frame: NDArray[np.uint8]
    action: NDArray[np.float32] | None = None
    reward: float = 0.0
    terminated: bool = False
    proprio: NDArray[np.float32] | None = None


class Learner:
    """Replay, networks and schedules of one run; everything random follows from its seed.

    Attributes:
        steps: Agent steps observed, over all environments of all processes.
        updates: Updates done.
        views: Cameras per frame, V: as many as the expert's videos have.
        proprio_dim: Length of the proprioception that is used; 0: none is.
    """

    def __init__(
        self,
        config: TrainConfig,
        action_dim: int,
        videos: Sequence[NDArray[np.uint8]],
        proprio_dim: int = 0,
        team: Team = ALONE,
        *,
        demonstrations: Sequence[Demonstration] = (),
    ) -> None:
        """Build every part.

        Args:
            config: The run.
            action_dim: Length of an action.
            videos: Expert episodes, uint8 (T, H, W, 3 V), at the agent's rate and frame size.
            proprio_dim: Length of the proprioception; used with ``env.proprio`` only.
            team: The processes that learn together, each from a replay of its own.
            demonstrations: What is known beside the videos, one each; none: nothing.

        Raises:
            ClaifoError: no expert video fits the frame size, stack and n-step window; the batch
                cannot be shared by the team.
        """
        self.config = config
        self.action_dim = action_dim
        self.team = team
        self._batch_size = team.share(config.agent.batch_size, 'agent.batch_size')
        self.device = choose_device(config.device)
        half = use_precision(config.precision, self.device)
        self.steps = 0
        self.updates = 0
        env, agent, seed = config.env, config.agent, config.seed
        self.views = videos[0].shape[3] // 3 if videos else 1
        self.proprio_dim = proprio_dim if env.proprio else 0
        frames = config.replay_frames // team.size
        home = replay_device(frames * 3 * self.views * env.size_px**2, self.device)
        self._new_replay = functools.partial(
            Replay,
            size_px=env.size_px,
            stack=env.frame_stack,
            n_step=agent.n_step,
            discount=agent.discount,
            views=self.views,
        )
        self.take_expert(videos, demonstrations)
        self.replay = self._new_replay(
            frames,
            action_dim=action_dim,
            proprio_dim=self.proprio_dim,
            lanes=env.num_envs,
            device=home,
            batches_on=self.device,
        )
        networks = build_networks(
            config.network,
            frame_stack=env.frame_stack,
            size_px=env.size_px,
            action_dim=action_dim,
            views=self.views,
            proprio_dim=self.proprio_dim,
            seed=seed_for(seed, 'networks'),
            agent=agent,
            device=self.device,
        )
        own = (team.rank,) if team.rank else ()
        places = {'explore': torch.device('cpu'), 'replay': home}
        self.rngs = {
            name: generator(seed, name, *own, device=places.get(name, self.device))
            for name in ('agent', 'augment', 'replay', 'expert', 'explore')
        }
        self.agent = Agent(
            networks,
            build_optimisers(networks, config.agent),
            Augmenter(config.augment, self.rngs['augment']),
            config,
            self.rngs['agent'],
            half=half,
        )
        for _name, optimiser in self.agent.optimisers.items():  # noqa: PERF102 (no dictionary)
            team.average_gradients(optimiser)
        self._std = torch.zeros((), device=self.device)
        self._share = torch.zeros((), device=self.device)
        self._begin_stage()
        self._memory: list[int] = []
        self._batch: Batch | None = None
        self._learnt: Batch | None = None

    def _begin_stage(self) -> None:
        """Record updates anew, whose kernels and figures are others than those so far."""
        self._learn = Recorded(self._learn_once, self.device, list(self.rngs.values()))
        self._totals = Totals()

    def take_expert(
        self,
        videos: Sequence[NDArray[np.uint8]],
        demonstrations: Sequence[Demonstration] = (),
    ) -> None:
        """Learn from these videos from now on, uint8 (T, H, W, 3 V) each.

        Args:
            videos: Episodes.
            demonstrations: What is known beside them, one each; none: nothing.

        Raises:
            ClaifoError: something does not fit; what was taken before stays.
        """
        check_expert(self.config, self.views, self.action_dim, videos, demonstrations)
        frames = sum(map(len, videos))
        action_dim = self.action_dim if demonstrations else 0
        self.expert = self._new_replay(frames, action_dim=action_dim, device=self.device)
        for index, video in enumerate(videos):
            shown = demonstrations[index] if demonstrations else None
            self.expert.add_video(video, shown=shown)

    @property
    def std(self) -> float:
        """Exploration noise at the present step (algorithm 1.4)."""
        agent = self.config.agent
        share = min(1.0, self.steps / agent.std_steps)
        return agent.std_start + share * (agent.std_end - agent.std_start)

    @property
    def rate_share(self) -> float:
        """Share of the learning rates that is left at the present step; it falls linearly."""
        done = min(1.0, self.steps / self.config.steps)
        return 1 - (1 - self.config.agent.final_rate) * done

    @property
    def owed(self) -> int:
        """Updates that the update-to-step ratio still asks for."""
        due = (self.steps - self.config.seed_steps) // self.config.update_every + 1
        return max(0, max(0, due) + self.config.agent.offline_updates - self.updates)

    @property
    def offline(self) -> bool:
        """Whether the next update learns from demonstrations alone."""
        return self.updates < self.config.agent.offline_updates

    def observe(self, env: int, step: TimeStep) -> None:
        """Take in what environment ``env`` shows."""
        proprio = step.proprio if self.proprio_dim else None
        if step.action is None:
            self.replay.begin(env, step.frame, proprio)
            return
        self.replay.append(
            env, step.action, step.reward, step.frame, proprio, terminated=step.terminated
        )
        self.steps += self.team.size

    def act(self) -> NDArray[np.float32]:
        """Return an exploring action for every environment's newest observation, (N, A)."""
        count = self.config.env.num_envs
        if self.steps < self.config.uniform_steps:
            actions = uniform(count, self.action_dim, self.rngs['explore'])
        else:
            actions = self.agent.act(*self.replay.latest(), self.std).cpu()
        return actions.numpy()

    def update(self) -> None:
        """Do one update on random transitions.

        Raises:
            ClaifoError: a loss is not finite or has exploded.
        """
        self.agent.optimisers.set_share(self.rate_share)
        if self.updates == self.config.agent.offline_updates:
            self._begin_stage()
        self._std.fill_(OFFLINE_STD if self.offline else self.std)
        self._refresh()
        if not (self.offline or self._at_home):
            self._fetch()
        self._learn()
        self.updates += 1
        self._totals.count += 1
        if self._totals.count % _LOOK_EVERY[self.device.type] == 0:
            self._guard()

    def _refresh(self) -> None:
        """Bring tables and the expert's share up to date; record anew where memory has moved.

        A table that has grown has moved, and so have the frames of another expert; a new table
        may lie where the old one was.
        """
        replays = (self.expert,) if self.offline else (self.expert, self.replay)
        for replay in replays:
            replay.episodes.refresh()
        memory = [r.frames.data_ptr() for r in replays]
        memory += [r.episodes.table.data_ptr() for r in replays]
        memory += [r.action.data_ptr() for r in replays]
        stored = min(self.steps // self.team.size, len(self.replay.frames))
        self._share.fill_(len(self.expert.frames) / (len(self.expert.frames) + stored))
        if memory != self._memory:
            self._memory = memory
            self._learn.forget()

    @property
    def _at_home(self) -> bool:
        """Whether the replay lies where the networks are."""
        return self.replay.frames.device.type == self.device.type

    def _fetch(self) -> None:
        """Put a batch from host memory where the update expects it, while the GPU is busy."""
        batch = self._draw()
        if self._batch is None:
            self._batch = batch
        for ours, theirs in zip(vars(self._batch).values(), vars(batch).values(), strict=True):
            ours.copy_(theirs)

    def _draw(self) -> Batch:
        return self.replay.draw(self._batch_size, self.rngs['replay'])

    def _learn_once(self) -> None:
        """Draw, update, add up the metrics: all that a GPU does without the host."""
        if self._at_home and not self.offline:
            self._batch = self._draw()
        expert = self.expert.draw(self._batch_size, self.rngs['expert'])
        self._learnt = batch = self._chosen(expert)
        self._totals.add(self.agent.update(batch, expert, self._std, offline=self.offline))

    def _chosen(self, expert: Batch) -> Batch:
        """Return the transitions from which actor and critic learn."""
        if self.offline:
            return expert
        assert self._batch is not None
        if not self.config.agent.demonstrations:
            return self._batch
        return mixed(self._batch, expert, self._share, self.rngs['expert'])

    def _guard(self) -> None:
        """Stop on losses that nothing sensible can follow, saying which and on what data."""
        found = self._totals.exploded()
        if not found:
            return
        assert self._learnt is not None
        newest, obs = self._totals.newest, self._learnt.obs.float()
        names = {'reward_mean': 'imitation reward mean', 'q_mean': 'q mean'}
        known = [f'{text} {newest[k]:.3g}' for k, text in names.items() if k in newest]
        raise ClaifoError(
            f'{found} is {float(newest[found])} at step {self.steps}, update {self.updates}; '
            f'batch: frames mean {obs.mean():.1f} std {obs.std():.1f}, '
            f'{", ".join([f"action max {self._learnt.action.abs().max():.3g}", *known])}; lower '
            'the learning rates or resume from the last checkpoint with another seed'
        )

    def take_metrics(self) -> dict[str, float]:
        """Return the mean of every metric since the last call."""
        return self._totals.take() | {'action_std': self.std}

    @property
    def parameters(self) -> int:
        """Trainable numbers in all networks (slow copies are none)."""
        modules = self.agent.networks.modules().values()
        weights = [weight for module in modules for weight in module.parameters()]
        count = sum(weight.numel() for weight in weights if weight.requires_grad)
        return count + self.agent.networks.similarity.numel()

    def policy(self, **metadata: Any) -> Policy:  # noqa: ANN401 (JSON values)
        """Return a copy of encoder and actor that acts alone."""
        return Policy.of(self.agent.networks, self.config, metadata)

    def tensors(self) -> dict[str, Tensor]:
        """Return weights, optimiser moments, generator states by name (not the replay)."""
        networks = self.agent.networks
        found = {'similarity': networks.similarity.detach()}
        for name, module in networks.modules().items():
            found |= {f'{name}.{key}': value for key, value in module.state_dict().items()}
        found |= self.agent.optimisers.moments()
        return found | {f'rng.{name}': rng.get_state() for name, rng in self.rngs.items()}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take over what :meth:`tensors` returned."""
        networks = self.agent.networks
        networks.similarity.data.copy_(tensors['similarity'])
        for name, module in networks.modules().items():
            module.load_state_dict({k: tensors[f'{name}.{k}'] for k in module.state_dict()})
        self.agent.optimisers.load_moments(tensors)
        for name, rng in self.rngs.items():
            rng.set_state(tensors[f'rng.{name}'].cpu())
        self._learn.forget()
