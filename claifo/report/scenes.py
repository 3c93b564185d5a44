"""Pictures for the report: the same physics states in the source look and in the target look."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import claifo_sim
from claifo.environments import env_spec
from claifo.experts import StateExpert, expert_tasks, load_expert
from claifo.experts.policies import RandomActions
from claifo_core.data.observations import RENDERED, Observer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from claifo_core.config import EnvConfig
    from claifo_core.policy import Policy
    from claifo_sim.env import SimEnv

    Frames = NDArray[np.uint8]

LARGE_PX = 240
CLIP_S, CLIP_FPS = 10.0, 15.0
SHEET_S = (0.0, 0.15, 0.3, 0.6, 1.0, 1.5, 2.2, 3.0)  # one state of each of eight episodes
PROBE_EPISODES, PROBE_STATES, PROBE_EVERY_S = 10, 25, 0.24
_SEED = 70_000  # of the episodes shown; training and evaluation draw theirs from the whole range


@dataclass(frozen=True)
class Pairs:
    """The same N states in both looks.

    Attributes:
        source: uint8, first axis N.
        target: uint8, of the same shape, row i being the same state.
        episode: int, shape (N,).
    """

    source: Frames
    target: Frames
    episode: NDArray[np.int64]


@dataclass(frozen=True)
class Clip:
    """One episode in pictures.

    Attributes:
        frames: uint8, shape (T, LARGE_PX, LARGE_PX, 3).
        returns: true return up to each frame, length T.
        fps: pictures per second of simulated time.
    """

    frames: Frames
    returns: list[float]
    fps: float


class Stage(ExitStack):
    """One simulator that moves, and cameras that show its state in two looks and two sizes."""

    def __init__(self, config: EnvConfig, source: str) -> None:
        """Build the simulator and its cameras.

        Args:
            config: Task, target domain and frame settings of the run.
            source: Domain in which the expert was filmed.
        """
        super().__init__()
        self._stack, self._kind = config.frame_stack, config.observation
        self.world = self._make(
            task=config.task, action_repeat=config.action_repeat, profile='off'
        )
        cameras = env_spec(config).filmed_by
        self._cameras = {
            (domain, size_px): self._make(
                task=config.task,
                domain=domain,
                size_px=size_px,
                profile=config.profile,
                cameras=cameras if size_px == config.size_px else cameras[:1],
                image=config.observation
                if config.observation in RENDERED and size_px == config.size_px else 'rgb',
            )
            for domain in {source, config.domain}
            for size_px in {config.size_px, LARGE_PX}
        }
        self._source, self._target, self._size_px = source, config.domain, config.size_px
        self.has_expert = config.task in expert_tasks()
        self._expert: StateExpert = (
            load_expert(config.task) if self.has_expert else RandomActions(_SEED)
        )

    def sheet(self) -> Pairs:
        """Return states of several expert episodes in both looks, (N, LARGE_PX, LARGE_PX, 3)."""
        pictures = []
        for number, second in enumerate(SHEET_S):
            steps = round(second * self.world.control_hz)
            for _ in self._play(self._expert, number, steps):
                pass
            pictures.append(self._pair(LARGE_PX))
        source, target = (np.stack(side) for side in zip(*pictures, strict=True))
        return Pairs(source, target, np.arange(len(pictures)))

    def stacks(self) -> Pairs:
        """Return frame stacks (N, stack V 3, H, W) of expert and random episodes in both looks."""
        both: tuple[list[Frames], list[Frames]] = ([], [])
        episode = []
        actors = (self._expert, RandomActions(_SEED))
        stride = max(self._stack, round(PROBE_EVERY_S * self.world.control_hz))
        for number in range(PROBE_EPISODES):
            recent = tuple(self.frame_stack() for _ in both)
            steps = stride * (PROBE_STATES - 1)
            for t, _ in enumerate(self._play(actors[number % 2], number, steps)):
                # In no stack: not worth a picture, unless those to come build upon it.
                if -t % stride >= self._stack and self._kind != 'event':
                    continue
                for stack, frame in zip(recent, self._pair(self._size_px), strict=True):
                    stack.push(frame)
                if t % stride == 0:
                    for kept, stack in zip(both, recent, strict=True):
                        kept.append(stack.array())
                    episode.append(number)
        return Pairs(np.stack(both[0]), np.stack(both[1]), np.array(episode))

    def expert_clip(self) -> Clip:
        """Film the expert in the source look."""
        return self._film(self._expert, self._source)

    def policy_clip(self, policy: Policy) -> Clip:
        """Film the learned policy in the target look, from the expert's initial state."""
        return self._film(_PolicyActor(policy, self), self._target)

    def shoot(self, domain: str, size_px: int) -> Frames:
        """Return the present state of the simulator as (size_px, size_px, 3 V).

        Large pictures are those of the first camera alone.
        """
        camera = self._cameras[domain, size_px]
        camera.set_state(self.world.get_state())
        return camera.pixels()

    def policy_view(self) -> Frames:
        """Return the present state as the policy's camera sees it."""
        return self.shoot(self._target, self._size_px)

    def frame_stack(self) -> _FrameStack:
        """Return an empty stack of what the policy sees."""
        return _FrameStack(self._stack, self._kind)

    def proprio(self) -> NDArray[np.float32]:
        """Return what the robot measures of itself now, float32 (1, P)."""
        return self.world.proprio()[None]

    def _film(self, actor: StateExpert, domain: str) -> Clip:
        stride = max(1, round(self.world.control_hz / CLIP_FPS))
        steps = min(int(CLIP_S * self.world.control_hz), self.world.max_steps)
        frames, returns = [], []
        for t, total in enumerate(self._play(actor, 0, steps)):
            if t % stride == 0:
                frames.append(self.shoot(domain, LARGE_PX))
                returns.append(total)
        return Clip(np.stack(frames), returns, self.world.control_hz / stride)

    def _play(self, actor: StateExpert, number: int, steps: int) -> Iterator[float]:
        """Yield the return so far at the first state and after each of ``steps`` agent steps."""
        observation, _ = self.world.reset(seed=_SEED + number)
        actor.reset(self.world)
        total, over = 0.0, False
        yield total
        for _ in range(steps):
            if over:
                return
            action = actor.act(self.world, observation['state'])
            observation, reward, terminated, truncated, _ = self.world.step(action)
            total, over = total + reward, terminated or truncated
            yield total

    def _pair(self, size_px: int) -> tuple[Frames, Frames]:
        return self.shoot(self._source, size_px), self.shoot(self._target, size_px)

    def _make(self, **settings: object) -> SimEnv:
        env = claifo_sim.make(**settings)  # type: ignore[arg-type]
        self.callback(env.close)
        return env


class _FrameStack:
    """The last frames of an episode; the first one stands for those before it."""

    def __init__(self, length: int, kind: str) -> None:
        self._length, self._observer = length, Observer(kind)
        self._frames: deque[Frames] = deque(maxlen=length)

    def push(self, frame: Frames) -> None:
        """Add a frame (H, W, 3 V)."""
        planes = self._observer(frame).transpose(2, 0, 1)
        self._frames.extend([planes] * (1 if self._frames else self._length))

    def array(self) -> Frames:
        """Return uint8 (length V 3, H, W), oldest frame first."""
        return np.concatenate(self._frames)


class _PolicyActor:
    """A learned policy that sees the stage through its own camera."""

    def __init__(self, policy: Policy, stage: Stage) -> None:
        self._policy, self._stage = policy, stage
        self._frames = stage.frame_stack()

    def reset(self, env: SimEnv) -> None:
        """Forget the last episode."""
        del env
        self._frames = self._stage.frame_stack()

    def act(self, env: SimEnv, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action for what the camera shows; the state stays unseen."""
        del env, state
        self._frames.push(self._stage.policy_view())
        proprio = self._stage.proprio() if self._policy.proprio_dim else None
        return self._policy.act(self._frames.array()[None], proprio)[0]
