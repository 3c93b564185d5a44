"""What the policy node does, without ROS: stacks of frames, choice of weights, exploration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from claifo_core.policy import Policy

_HELD = 2


class Weights(NamedTuple):
    """A policy with what its learner says about it.

    Attributes:
        policy: The policy.
        session: Learner session; 0: a policy file.
        version: Number in the session; 0: a policy file.
        learner_step: Steps learned from.
        std: Noise for exploration.
        uniform: Explore with uniform random actions.
    """

    policy: Policy
    session: int = 0
    version: int = 0
    learner_step: int = 0
    std: float = 0.0
    uniform: bool = False


class Shelf:
    """The newest weights, and the choice among them."""

    def __init__(self) -> None:
        """Start without any."""
        self._held: tuple[Weights, ...] = ()
        self._refused = (0, 0)

    @property
    def newest(self) -> Weights | None:
        """The weights put down last."""
        return self._held[-1] if self._held else None

    def put(self, weights: Weights) -> None:
        """Hold these, and the ones before them if they are of the same session."""
        same = [w for w in self._held if w.session == weights.session]
        self._held = (*same[1 - _HELD :], weights)

    def refuse(self, session: int, version: int) -> None:
        """Note that these weights will never come: the newest ones stand in for them."""
        self._refused = (session, version)

    def choose(self, session: int, version: int) -> Weights | None:
        """Return the weights to act with, or None while they are still to come.

        Args:
            session: Learner session of the step; 0: any weights will do.
            version: Version asked for; what is older than all held gets the oldest.
        """
        newest = self.newest
        if newest is None or version == 0 or newest.version == 0:
            return newest
        if newest.session != session:
            return None
        if newest.version < version:
            return newest if self._refused == (session, version) else None
        return next(w for w in self._held if w.version >= version)


class Stacks:
    """The newest frames of N environments, as the policy wants to see them.

    Attributes:
        obs: uint8 (N, depth * planes, H, W), oldest frame first.
        shape: N, depth, and planes, three per camera.
    """

    def __init__(self, count: int, depth: int, planes: int, height: int, width: int) -> None:
        """Start with black frames; the first push must be a first frame everywhere."""
        self.obs = np.zeros((count, depth * planes, height, width), np.uint8)
        self.shape = (count, depth, planes)

    def push(self, frames: np.ndarray, first: np.ndarray) -> None:
        """Take in frames uint8 (N, H, W, planes); where ``first`` (N) they fill the stack."""
        planar = frames.transpose(0, 3, 1, 2)
        _, depth, planes = self.shape
        self.obs[:, :-planes] = self.obs[:, planes:].copy()
        self.obs[:, -planes:] = planar
        self.obs[first] = np.tile(planar[first], (1, depth, 1, 1))


def act(
    weights: Weights, obs: np.ndarray, proprio: np.ndarray | None, seed: int | None, step: int
) -> np.ndarray:
    """Return actions in [-1, 1], float32 (N, A).

    Args:
        weights: What acts.
        obs: uint8 (N, depth * planes, H, W).
        proprio: float32 (N, P), where the policy needs it.
        seed: Of the exploration; None: do not explore. The noise of a step follows from it, from
            the step and from ``weights.learner_step`` alone, so a restart changes nothing.
        step: Number of the step.
    """
    if seed is None:
        return weights.policy.act(obs, proprio)
    # A robot has no torch, and does not explore.
    import torch

    from claifo_core.agent.exploration import explore, uniform
    from claifo_core.device.seeding import generator

    rng = generator(seed, 'explore', weights.learner_step, step)
    if weights.uniform:
        return uniform(len(obs), weights.policy.metadata['action_dim'], rng).numpy()
    mean = torch.from_numpy(weights.policy.act(obs, proprio))
    return explore(mean, weights.std, rng).numpy()
