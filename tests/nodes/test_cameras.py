"""Several cameras and proprioception over real DDS: simulator, policy, recorded films."""

from __future__ import annotations

import numpy as np
import pytest
from policy_peer import ACTIONS, SIZE, STACK, TASK, Peer, rows
from rclpy.node import Node
from sensor_msgs.msg import Image

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.policy import Policy
from claifo_nodes import images, qos, time_steps
from claifo_nodes.policy_node import PolicyNode
from claifo_nodes.sim_node import SimNode
from claifo_nodes.time_steps import Batch

VIEWS, PROPRIO, COUNT = 2, 3, 2


def policy(mode: str) -> Policy:
    network = NetworkConfig(channels=4, strides=(2, 1), latent_dim=8, hidden_dim=16, views=mode)
    networks = build_networks(
        network, frame_stack=STACK, size_px=SIZE, action_dim=ACTIONS, views=VIEWS,
        proprio_dim=PROPRIO, seed=0,
    )  # fmt: skip
    env = EnvConfig(task=TASK, size_px=SIZE, frame_stack=STACK, proprio=True)
    return Policy.of(networks, TrainConfig(env=env, network=network), {})


def batch(frames: np.ndarray, proprio: np.ndarray, kind: int) -> Batch:
    zeros = np.zeros(COUNT, np.float32)
    return Batch(
        frames, np.zeros((COUNT, ACTIONS), np.float32), proprio, zeros, zeros + 1,
        np.full(COUNT, kind, np.uint8), zeros.astype(bool),
    )  # fmt: skip


@pytest.mark.parametrize('mode', ['stacked', 'shared'])
def test_the_policy_node_acts_on_all_cameras_and_on_the_joints(ros, spin, tmp_path, mode):
    acting = policy(mode)
    acting.save(tmp_path / 'policy.safetensors')
    ros({'policy': str(tmp_path / 'policy.safetensors')})
    node, peer = PolicyNode(), Peer()
    spinner = spin(node, peer)
    spinner.until(lambda: node.active and peer.steps.get_subscription_count())
    rng = np.random.default_rng(0)
    film = rng.integers(0, 256, (5, COUNT, SIZE, SIZE, 3 * VIEWS), np.uint8)
    felt = rng.uniform(-1, 1, (5, COUNT, PROPRIO)).astype(np.float32)
    for step in range(5):
        shown = batch(film[step], felt[step], min(step, 1))
        peer.steps.publish(time_steps.pack(shown, task=TASK, run=peer.run, step=step))
        spinner.until(lambda step=step: len(peer.actions) > step)
        seen = [film[max(0, t)] for t in range(step - STACK + 1, step + 1)]
        stack = np.concatenate([frame.transpose(0, 3, 1, 2) for frame in seen], 1)
        wanted = acting.act(stack, felt[step])
        np.testing.assert_allclose(rows(peer.actions[-1]), wanted, atol=1e-6)
    one_camera = batch(film[0][..., :3].copy(), felt[0], 1)
    peer.steps.publish(time_steps.pack(one_camera, task=TASK, run=peer.run, step=5))
    spinner.until(lambda: node._diagnostics.counts['wrong_shape'] == 1)
    nothing_felt = batch(film[0], felt[0][:, :0], 1)
    peer.steps.publish(time_steps.pack(nothing_felt, task=TASK, run=peer.run, step=6))
    spinner.until(lambda: node._diagnostics.counts['wrong_shape'] == 2)
    assert len(peer.actions) == 5


class Watcher(Node):
    """Sees the cameras of a simulator."""

    def __init__(self):
        super().__init__('watcher')
        self.seen: dict[str, list[Image]] = {'cam1': [], 'cam3': []}
        self.steps = []
        self.create_subscription(
            time_steps.TimeStep, 'time_step', self.steps.append, qos.TIME_STEP
        )
        for name, found in self.seen.items():
            self.create_subscription(Image, f'camera/{name}/image_raw', found.append, qos.FILM)


def test_the_simulator_films_with_a_topic_per_camera(ros, spin):
    """The expert plays, so that the film has many steps; both cameras have the same stamps."""
    options = {'task': 'adroit_relocate', 'size_px': 24, 'expert': True, 'rate': 1.0,
               'domain': 'stock', 'cameras': ['cam1', 'cam3']}
    ros(options)
    watcher, sim = Watcher(), SimNode()
    spinner = spin(watcher, sim)
    found: dict[int, tuple] = {}

    def complete():
        """Match what has the same stamp; a busy machine loses some."""
        sources = (*watcher.seen.values(), watcher.steps)
        by_stamp = [{(m.header.stamp.sec, m.header.stamp.nanosec): m for m in s} for s in sources]
        common = set.intersection(*map(set, by_stamp))
        found.update({stamp: tuple(s[stamp] for s in by_stamp) for stamp in common})
        return len(found) >= 3

    spinner.until(complete)
    for left, right, step in found.values():
        shown = time_steps.unpack(step)
        assert shown.frames.shape == (1, 24, 24, 6)
        assert shown.proprio.shape == (1, 24)
        np.testing.assert_array_equal(images.to_rgb(left), shown.frames[0, ..., :3])
        np.testing.assert_array_equal(images.to_rgb(right), shown.frames[0, ..., 3:])
