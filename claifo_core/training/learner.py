"""What both a local loop and a ROS node drive: ``observe`` a time step, ``update``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claifo_core.agent.augment import Augmenter
from claifo_core.agent.baselines.vrl3 import OFFLINE_STD, mixed
from claifo_core.agent.exploration import uniform
from claifo_core.agent.networks import build_networks
from claifo_core.agent.optimisers import build_optimisers
from claifo_core.agent.parts import build_agent
from claifo_core.data.replay import Batch, Replay
from claifo_core.device.capture import Recorded
from claifo_core.device.devices import choose_device, replay_device, use_precision
from claifo_core.device.seeding import generator, resume, seed_for
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.films import check_demonstrations, check_videos, random_films
from claifo_core.training.parallel import ALONE, Team
from claifo_core.training.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from claifo_core.config import TrainConfig
    from claifo_core.data import Demonstration
    from claifo_core.data.timestep import TimeStep

_LOOK_EVERY = {'cpu': 1, 'cuda': 50}
"""Updates after which losses are looked at; on a GPU each look waits for it."""


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
        random: Sequence[Sequence[NDArray[np.uint8]]] = (),
    ) -> None:
        """Build every part.

        Args:
            config: The run.
            action_dim: Length of an action.
            videos: Expert episodes, uint8 (T, H, W, 3 V), at the agent's rate and frame size.
            proprio_dim: Length of the proprioception; used with ``env.proprio`` only.
            team: The processes that learn together, each from a replay of its own.
            demonstrations: What is known beside the videos, one each; none: nothing.
            random: Videos of random actions in the agent's world and in the expert's, where
                ``config.agent.needs_random``.

        Raises:
            ClaifoError: no expert video fits the frame size, stack and n-step window; the batch
                cannot be shared by the team; videos of random actions are missing.
        """
        self.config = config
        self.action_dim = action_dim
        self.team = team
        self._batch_size = team.share(config.agent.batch_size, 'agent.batch_size')
        self.device = choose_device(config.device)
        half = use_precision(config.precision, self.device)
        self.steps = self.updates = 0
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
        self._random = [self._film(*film) for film in random_films(random, config)]
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
        own, more = (team.rank,) * bool(team.rank), ('random',) * agent.needs_random
        places = {'explore': torch.device('cpu'), 'replay': home}
        self.rngs = {
            name: generator(seed, name, *own, device=places.get(name, self.device))
            for name in ('agent', 'augment', 'replay', 'expert', 'explore', *more)
        }
        build = functools.partial(
            build_agent,
            networks,
            build_optimisers(networks, config.agent, team.average),
            Augmenter(config.augment, self.rngs['augment']),
            config,
            self.rngs['agent'],
            half=half,
        )
        self.agent, self._offline_agent = build(), build(offline=True)
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
        check_demonstrations(demonstrations, videos, self.config, self.action_dim)
        self.expert = self._film('expert', videos, demonstrations)

    def _film(
        self,
        whose: str,
        videos: Sequence[NDArray[np.uint8]],
        demonstrations: Sequence[Demonstration] = (),
    ) -> Replay:
        check_videos(whose, videos, self.config, self.views)
        frames = sum(map(len, videos))
        action_dim = self.action_dim if demonstrations else 0
        film = self._new_replay(frames, action_dim=action_dim, device=self.device)
        film.add_videos(videos, demonstrations)
        return film

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
        self._prepare()
        self._learn()
        self.updates += 1
        self._totals.count += 1
        if self._totals.count % _LOOK_EVERY[self.device.type] == 0:
            self._guard()

    def update_unrecorded(self) -> None:
        """Do one update kernel by kernel, to be watched; it is not counted."""
        self._prepare()
        self._learn_once()

    def _prepare(self) -> None:
        self._refresh()
        if not (self.offline or self._at_home):
            self._fetch()

    def _refresh(self) -> None:
        """Bring tables and the expert's share up to date; record anew where memory has moved."""
        replays = self.replays
        for replay in replays:
            replay.episodes.refresh()
        memory = [replay.episodes.serial for replay in replays]
        if self.config.agent.demonstrations:
            shown, seen = len(self.expert.frames), self.steps // self.team.size
            self._share.fill_(shown / (shown + min(seen, len(self.replay.frames))))
        if memory != self._memory:
            self._memory = memory
            self._learn.forget()

    @property
    def replays(self) -> list[Replay]:
        """What the next update learns from."""
        films = [self.expert, *self._random]
        return films if self.offline else [*films, self.replay]

    @property
    def _at_home(self) -> bool:
        """Whether the replay lies where the networks are."""
        return self.replay.frames.device.type == self.device.type

    def _fetch(self) -> None:
        """Put a batch from host memory where the update expects it, while the GPU is busy."""
        batch = self.replay.draw(self._batch_size, self.rngs['replay'])
        if self._batch is None:
            self._batch = batch
        for ours, theirs in zip(vars(self._batch).values(), vars(batch).values(), strict=True):
            ours.copy_(theirs)

    def _learn_once(self) -> None:
        """Draw, update, add up the metrics: all that a GPU does without the host."""
        if self._at_home and not self.offline:
            self._batch = self.replay.draw(self._batch_size, self.rngs['replay'])
        expert = self.expert.draw(self._batch_size, self.rngs['expert'])
        random = [film.draw(self._batch_size, self.rngs['random']).obs for film in self._random]
        self._learnt = batch = self._chosen(expert)
        agent = self._offline_agent if self.offline else self.agent
        self._totals.add(agent.update(batch, expert, self._std, random))

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
        if found and self._learnt:
            raise ClaifoError(
                f'{found} at step {self.steps}, update {self.updates}; batch: '
                f'{self._totals.circumstances(self._learnt)}; lower the learning rates or resume '
                'from the last checkpoint with another seed'
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
        resume(self.rngs, tensors, self.config.seed, self.team.rank, self.updates)
        self._learn.forget()
