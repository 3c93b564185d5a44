"""What both a local loop and a ROS node drive: ``observe`` a time step, ``update``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claifo_core.agent import Agent, build_optimisers
from claifo_core.augment import Augmenter
from claifo_core.errors import ClaifoError
from claifo_core.exploration import uniform
from claifo_core.networks import build_networks
from claifo_core.policy import Policy
from claifo_core.replay import Batch, Replay
from claifo_core.seeding import generator, seed_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from claifo_core.config import TrainConfig

EXPLODED = 1e8
"""A loss beyond this stops the run: nothing sensible follows."""


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
        steps: Agent steps observed, over all environments.
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
    ) -> None:
        """Build every part.

        Args:
            config: The run.
            action_dim: Length of an action.
            videos: Expert episodes, uint8 (T, H, W, 3 V), at the agent's rate and frame size.
            proprio_dim: Length of the proprioception; used with ``env.proprio`` only.

        Raises:
            ClaifoError: no expert video fits the frame size, stack and n-step window.
        """
        self.config = config
        self.action_dim = action_dim
        self.device = choose_device(config.device)
        self.steps = 0
        self.updates = 0
        env, agent, seed = config.env, config.agent, config.seed
        self._new_replay = functools.partial(
            Replay,
            size_px=env.size_px,
            stack=env.frame_stack,
            n_step=agent.n_step,
            discount=agent.discount,
            device=self.device,
        )
        self.views = videos[0].shape[3] // 3 if videos else 1
        self.proprio_dim = proprio_dim if env.proprio else 0
        self.take_expert(videos)
        self.replay = self._new_replay(
            config.replay_frames,
            action_dim=action_dim,
            views=self.views,
            proprio_dim=self.proprio_dim,
            lanes=env.num_envs,
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
        self.rngs = {
            name: generator(seed, name, device='cpu' if name == 'explore' else self.device)
            for name in ('agent', 'augment', 'replay', 'expert', 'explore')
        }
        self.agent = Agent(
            networks,
            build_optimisers(networks, config),
            Augmenter(config.augment, self.rngs['augment']),
            config,
            self.rngs['agent'],
        )
        self._sums: dict[str, Tensor] = {}
        self._summed = 0

    def take_expert(self, videos: Sequence[NDArray[np.uint8]]) -> None:
        """Learn from these videos from now on, uint8 (T, H, W, 3 V) each.

        Raises:
            ClaifoError: a video does not fit; those taken before stay.
        """
        self._check_videos(videos)
        self.expert = self._new_replay(
            sum(map(len, videos)), action_dim=0, views=self.views
        )
        for video in videos:
            self.expert.add_video(video)

    def _check_videos(self, videos: Sequence[NDArray[np.uint8]]) -> None:
        size = self.config.env.size_px
        needed = self.config.agent.n_step + 1
        if not videos:
            raise ClaifoError('expert: no episode; at least one is needed')
        for number, video in enumerate(videos):
            wanted = (size, size, 3 * self.views)
            if video.shape[1:] != wanted:
                raise ClaifoError(
                    f'expert: frames of episode {number} are {video.shape[1:]}; the agent sees '
                    f'{wanted} (env.size_px, env.cameras)'
                )
            if len(video) < needed:
                raise ClaifoError(
                    f'expert: episode {number} has {len(video)} frames; at least {needed} are '
                    'needed (agent.n_step + 1)'
                )

    @property
    def std(self) -> float:
        """Exploration noise at the present step (algorithm 1.4)."""
        agent = self.config.agent
        share = min(1.0, self.steps / agent.std_steps)
        return agent.std_start + share * (agent.std_end - agent.std_start)

    @property
    def owed(self) -> int:
        """Updates that the update-to-step ratio still asks for."""
        due = (self.steps - self.config.seed_steps) // self.config.update_every + 1
        return max(0, due - self.updates)

    def observe(self, env: int, step: TimeStep) -> None:
        """Take in what environment ``env`` shows."""
        proprio = step.proprio if self.proprio_dim else None
        if step.action is None:
            self.replay.begin(env, step.frame, proprio)
            return
        self.replay.append(
            env, step.action, step.reward, step.frame, proprio, terminated=step.terminated
        )
        self.steps += 1

    def act(self) -> NDArray[np.float32]:
        """Return an exploring action for every environment's newest observation, (N, A)."""
        count = self.config.env.num_envs
        if self.steps < self.config.uniform_steps:
            actions = uniform(count, self.action_dim, self.rngs['explore'])
        else:
            newest = [self.replay.latest(env) for env in range(count)]
            obs, proprio = (torch.stack(parts) for parts in zip(*newest, strict=True))
            actions = self.agent.act(obs, proprio, self.std).cpu()
        return actions.numpy()

    def update(self) -> None:
        """Do one update on random transitions.

        Raises:
            ClaifoError: a loss is not finite or has exploded.
        """
        size = self.config.agent.batch_size
        self._set_rates()
        batch = self.replay.sample(size, self.rngs['replay'])
        metrics = self.agent.update(
            batch, self.expert.sample(size, self.rngs['expert']), self.std
        )
        self.updates += 1
        self._guard(metrics, batch)
        for name, value in metrics.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._summed += 1

    def _set_rates(self) -> None:
        """Let the learning rates fall linearly over the run."""
        agent = self.config.agent
        if agent.final_rate == 1:
            return
        share = 1 - (1 - agent.final_rate) * min(1.0, self.steps / self.config.steps)
        for name, optimiser in self.agent.optimisers.items():
            rate = (
                agent.discriminator_learning_rate
                if name == 'discriminator'
                else agent.learning_rate
            )
            optimiser.param_groups[0]['lr'] = share * rate

    def _guard(self, metrics: dict[str, Tensor], batch: Batch) -> None:
        """Stop on losses that nothing sensible can follow, saying which and on what data."""
        names = [name for name in metrics if name.endswith('_loss')]
        values = torch.stack([metrics[name] for name in names]).tolist()
        for name, value in zip(names, values, strict=True):
            if not abs(value) < EXPLODED:  # also true for NaN
                obs = batch.obs.float()
                raise ClaifoError(
                    f'{name} is {value} at step {self.steps}, update {self.updates}; batch: '
                    f'frames mean {obs.mean():.1f} std {obs.std():.1f}, action max '
                    f'{batch.action.abs().max():.3g}, imitation reward mean '
                    f'{metrics["reward_mean"]:.3g}, q mean {metrics["q_mean"]:.3g}; lower the '
                    'learning rates or resume from the last checkpoint with another seed'
                )

    def take_metrics(self) -> dict[str, float]:
        """Return the mean of every metric since the last call."""
        means = {name: float(total) / self._summed for name, total in self._sums.items()}
        self._sums, self._summed = {}, 0
        return means | {'action_std': self.std}

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
        for name, optimiser in self.agent.optimisers.items():
            for index, moments in optimiser.state_dict()['state'].items():
                found |= {f'adam.{name}.{index}.{key}': v for key, v in moments.items()}
        return found | {f'rng.{name}': rng.get_state() for name, rng in self.rngs.items()}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take over what :meth:`tensors` returned."""
        networks = self.agent.networks
        networks.similarity.data.copy_(tensors['similarity'])
        for name, module in networks.modules().items():
            module.load_state_dict({k: tensors[f'{name}.{k}'] for k in module.state_dict()})
        for name, optimiser in self.agent.optimisers.items():
            state = optimiser.state_dict()
            state['state'] = _moments(tensors, f'adam.{name}.')
            optimiser.load_state_dict(state)
            _match_layout(optimiser)
        for name, rng in self.rngs.items():
            rng.set_state(tensors[f'rng.{name}'].cpu())


def _moments(tensors: dict[str, Tensor], prefix: str) -> dict[int, dict[str, Tensor]]:
    found: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix):
            index, moment = key.removeprefix(prefix).split('.')
            found.setdefault(int(index), {})[moment] = value
    return found


def _match_layout(optimiser: torch.optim.Adam) -> None:
    """Lay moments out in memory as their weights are: fused Adam on a CPU ignores strides."""
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if value.shape == parameter.shape:
                state[key] = torch.empty_like(parameter).copy_(value)


def set_threads(count: int) -> None:
    """Let torch use ``count`` threads; 0: all cores but one, at least one."""
    torch.set_num_threads(count or max(1, torch.get_num_threads() - 1))


def choose_device(name: str) -> torch.device:
    """Return the torch device for 'auto', 'cpu' or 'cuda'.

    Raises:
        ClaifoError: CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == 'cuda' and not available:
        raise ClaifoError('device is cuda, but torch finds no GPU; use --device cpu or auto')
    return torch.device('cuda' if available and name != 'cpu' else 'cpu')
