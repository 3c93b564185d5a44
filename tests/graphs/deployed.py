"""A policy of random weights that keeps a simulated robot moving, its limits, and its world."""

from __future__ import annotations

import torch

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.deploy import contract, export
from claifo_core.policy import Policy

HZ = 10.0
WORLD = EnvConfig(task='cartpole_balance', size_px=24, action_repeat=10)
"""Any policy has some return here."""
ROBOT = {'task': WORLD.task, 'size_px': 24, 'action_repeat': 10, 'robot': 'true'}
LIMITS = """format: claifo-limits-1
on_fault: zero
joints:
- {name: action_0, effort: 1.0, step: 2.0}
"""


def trained() -> Policy:
    network = NetworkConfig(channels=4, strides=(2, 2), latent_dim=8, hidden_dim=16)
    parts = build_networks(network, frame_stack=3, size_px=24, action_dim=1, seed=1)
    with torch.no_grad():
        parts.actor[-1].weight.mul_(3)
        parts.actor[-1].bias.sub_(0.3)
    return Policy.of(parts, TrainConfig(env=WORLD, network=network), {'control_hz': HZ})


def write(folder) -> Policy:
    """Write policy.onnx and limits.yaml."""
    policy = trained()
    data = export.export(policy, contract.of_policy(policy.metadata), 'onnx')
    (folder / 'policy.onnx').write_bytes(data)
    (folder / 'limits.yaml').write_text(LIMITS)
    return policy


def parameters(**named) -> list[str]:
    """Return the words that give a node these parameters."""
    return [word for k, v in named.items() for word in ('-p', f'{k}:={v}')]
