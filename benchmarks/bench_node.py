"""Latency of the policy node's act path, per TimeStep: unpack, stack frames, encode and act.

Prints one JSON object: milliseconds, median and 99th percentile over many calls, of the functions
that the node calls, for an untrained policy of the preset with exploration. The way to and from
the node is in bench_graph.py (TimeSteps) and bench_deploy.py (cameras).
"""

# ruff: noqa: E402 (messages can be imported once rclpy is provided)

from __future__ import annotations

import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

import common
import numpy as np

importlib.import_module('claifo_nodes')  # provides rclpy

import torch

from claifo.cost import shape_of
from claifo_core.agent.networks import build_networks
from claifo_core.policy import Policy
from claifo_nodes import time_steps
from claifo_nodes.acting import Stacks, Weights, act

if TYPE_CHECKING:
    import argparse

    from claifo_msgs.msg import TimeStep

    from claifo.cost import Shape
    from claifo_core.config import TrainConfig

_WARM_UP = 20
_EPISODE_STEPS = 250


def untrained(config: TrainConfig, shape: Shape) -> Policy:
    """Return a policy of the preset's size."""
    networks = build_networks(
        config.network, frame_stack=config.env.frame_stack, size_px=config.env.size_px,
        action_dim=shape.action_dim, seed=0, views=shape.views, proprio_dim=shape.proprio_dim,
    )  # fmt: skip
    return Policy.of(networks, config, {})


def messages(config: TrainConfig, shape: Shape, calls: int) -> list[TimeStep]:
    """Return TimeSteps of random frames."""
    count, size = config.env.num_envs, config.env.size_px
    rng = np.random.default_rng(0)
    shown = time_steps.Batch(
        rng.integers(0, 256, (count, size, size, 3 * shape.views), np.uint8),
        np.zeros((count, shape.action_dim), np.float32),
        np.zeros((count, shape.proprio_dim), np.float32), np.zeros(count, np.float32),
        np.ones(count, np.float32), np.ones(count, np.uint8), np.zeros(count, bool),
    )  # fmt: skip
    return [
        time_steps.pack(shown, task=config.env.task, run=1, session=0, step=step)
        for step in range(calls)
    ]


def measure(args: argparse.Namespace, config: TrainConfig) -> dict[str, Any]:
    """Time every call."""
    torch.set_num_threads(args.threads)
    shape = shape_of(config)
    weights = Weights(untrained(config, shape), std=0.1)
    env = config.env
    stacks = Stacks(env.num_envs, env.frame_stack, 3 * shape.views, env.size_px, env.size_px)
    marks = []
    for step, message in enumerate(messages(config, shape, args.calls + _WARM_UP)):
        start = time.perf_counter()
        batch = time_steps.unpack(message)
        unpacked = time.perf_counter()
        stacks.push(batch.frames, np.full(env.num_envs, step % _EPISODE_STEPS == 0))
        stacked = time.perf_counter()
        proprio = batch.proprio if shape.proprio_dim else None
        act(weights, stacks.obs, proprio, seed=0, step=step)
        marks.append((start, unpacked, stacked, time.perf_counter()))
    spans = 1e3 * np.diff(np.array(marks[_WARM_UP:]), axis=1)
    parts = {'unpack': spans[:, 0], 'stack': spans[:, 1], 'act': spans[:, 2]}
    return {
        'preset': args.preset, 'set': args.set, 'torch_threads': torch.get_num_threads(),
        'num_envs': env.num_envs, 'size_px': env.size_px, 'calls': args.calls,
        'latency_ms': {
            name: {'p50': round(p50, 4), 'p99': round(p99, 4), 'max': round(top, 4)}
            for name, values in {'whole': spans.sum(1), **parts}.items()
            for p50, p99, top in [np.percentile(values, (50, 99, 100)).tolist()]
        },
    }  # fmt: skip


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('node', __doc__, preset='dmc_walker', calls=2000, threads=1)
    args = parser.parse_args()
    config = common.preset(args)
    common.run(lambda: measure(args, config), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
