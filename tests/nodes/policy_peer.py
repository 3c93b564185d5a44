"""What a policy node talks to, and policies small enough for tests."""

from __future__ import annotations

import secrets

import numpy as np
import torch
from builtin_interfaces.msg import Time
from claifo_msgs.msg import Action, PolicyWeights, TimeStep
from rclpy.node import Node

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.policy import Policy
from claifo_nodes import qos, time_steps
from claifo_nodes.time_steps import Batch

TASK = 'walker_walk'
SIZE, STACK, ACTIONS, SESSION = 16, 3, 6, 99
SMALL = NetworkConfig(channels=4, strides=(2, 1), latent_dim=8, hidden_dim=16)


def policy(seed: int = 0, *, task=TASK, size_px=SIZE, network=SMALL) -> Policy:
    """A policy of random weights whose actions differ a lot from frame to frame."""
    networks = build_networks(
        network, frame_stack=STACK, size_px=size_px, action_dim=ACTIONS, seed=seed
    )
    with torch.no_grad():
        networks.actor[-1].weight.mul_(3)
    config = TrainConfig(
        env=EnvConfig(task=task, size_px=size_px, frame_stack=STACK),
        network=network,
    )
    return Policy.of(networks, config, {})


def frames(count: int, envs: int = 2, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Random films, uint8 (count, envs, size, size, 3)."""
    shape = (count, envs, size, size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def batch(shown: np.ndarray, kinds) -> Batch:
    count = len(shown)
    return Batch(
        frames=shown,
        action=np.zeros((count, ACTIONS), np.float32),
        proprio=np.zeros((count, 0), np.float32),
        reward=np.zeros(count, np.float32),
        discount=np.ones(count, np.float32),
        step_type=np.broadcast_to(np.array(kinds, np.uint8), count),
        success=np.zeros(count, bool),
    )


def expected(acting: Policy, film: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """What evaluation would do: (steps, envs, A) for frames (steps, envs, ...) and step types."""
    found = np.zeros((*kinds.shape, ACTIONS), np.float32)
    for env in range(kinds.shape[1]):
        stack: list[np.ndarray] = []
        for step in range(len(kinds)):
            planar = film[step, env].transpose(2, 0, 1)
            begins = kinds[step, env] == TimeStep.FIRST
            stack = [planar] * STACK if begins else [*stack[1:], planar]
            found[step, env] = acting.act(np.concatenate(stack)[None])[0]
    return found


class Peer(Node):
    """Simulator and learner in one."""

    def __init__(self, name: str = 'peer', *, listens: bool = True):
        super().__init__(name)
        self.run = secrets.randbits(63) | 1
        self.steps = self.create_publisher(TimeStep, 'time_step', qos.TIME_STEP)
        self.weights = self.create_publisher(PolicyWeights, 'weights', qos.WEIGHTS)
        self.actions: list[Action] = []
        if listens:
            self.listen()

    def listen(self):
        self.create_subscription(Action, 'action', self.actions.append, qos.ACTION)

    def show(self, step: int, shown: np.ndarray, kinds=TimeStep.MID, **changes):
        fields = {'task': TASK, 'run': self.run, 'session': 0, 'step': step} | changes
        message = time_steps.pack(batch(shown, kinds), **fields)
        message.header.stamp = Time(sec=step, nanosec=7)
        self.steps.publish(message)
        return message

    def teach(self, version: int, acting: Policy | bytes, **changes):
        data = acting if isinstance(acting, bytes) else acting.to_bytes()
        fields = {'task': TASK, 'session': SESSION, 'version': version, 'policy': data} | changes
        self.weights.publish(PolicyWeights(**fields))


def rows(action: Action) -> np.ndarray:
    """The actions of a message, (N, A)."""
    return np.frombuffer(action.data, np.float32).reshape(action.num_envs, -1)
