"""The FLOP of one update of any method: run on tensors that have shapes and no data.

For C-LAIfO and LAIfO :mod:`claifo.cost.flop` has formulas, which also give parts; this counts what
PyTorch is really asked to do, by PyTorch's own formulas for convolutions and products. A test
holds one against the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from claifo_core.agent import (
    Augmenter,
    Networks,
    build_agent,
    build_networks,
    build_optimisers,
)
from claifo_core.data.replay import Batch
from claifo_core.data.stacks import of_frames
from claifo_core.device.capture import forced

if TYPE_CHECKING:
    from claifo.cost.flop import Shape
    from claifo_core.config import TrainConfig


class FlopCounter(TorchDispatchMode):
    """Adds up PyTorch's formulas over every operation that runs.

    Attributes:
        flop: The sum so far.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        super().__init__()
        self.flop = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 (torch's types, here and below)
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Do the operation and count it."""
        found = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flop += formula(*args, **(kwargs or {}), out_val=found)
        return found


def flop_of_update(config: TrainConfig, shape: Shape) -> int:
    """Return the FLOP of one update (a product of (m, k) and (k, n) has 2 m k n).

    Args:
        config: The run.
        shape: What the simulator adds to it.
    """
    # What T does to colours are many small operations, none of which counts.
    augment = dataclasses.replace(config.augment, kind='shift')
    config = dataclasses.replace(config, augment=augment)
    mode, counter, rng = FakeTensorMode(), FlopCounter(), torch.Generator()
    networks = _build(config, shape)
    _without_data(networks, mode)
    with mode, forced():
        agent = build_agent(
            networks, build_optimisers(networks, config.agent),
            Augmenter(config.augment, rng), config, rng,
        )  # fmt: skip
        ours, theirs = (_batch(config, shape) for _ in range(2))
        with counter:
            agent.update(ours, theirs, torch.zeros(()), [ours.obs, theirs.obs])
    return counter.flop


def _build(config: TrainConfig, shape: Shape) -> Networks:
    return build_networks(
        config.network,
        frame_stack=config.env.frame_stack,
        size_px=config.env.size_px,
        action_dim=shape.action_dim,
        seed=0,
        views=shape.views,
        proprio_dim=shape.proprio_dim,
        agent=config.agent,
    )


def _without_data(networks: Networks, mode: FakeTensorMode) -> None:
    """Replace all weights and buffers by shapes."""

    def shape_of(weight: Tensor) -> nn.Parameter:
        shape: Tensor = mode.from_tensor(weight.detach())
        return nn.Parameter(shape, requires_grad=weight.requires_grad)

    networks.similarity = shape_of(networks.similarity)
    for top in networks.modules().values():
        for module in top.modules():
            for name, weight in module.named_parameters(recurse=False):
                setattr(module, name, shape_of(weight))
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, mode.from_tensor(buffer))


def _batch(config: TrainConfig, shape: Shape) -> Batch:
    size, side = config.agent.batch_size, config.env.size_px
    stack, channels = config.env.frame_stack, 3 * shape.views
    frames = torch.zeros((size * stack, side, side, channels), dtype=torch.uint8)
    obs = of_frames(frames, stack)
    number, proprio = torch.zeros(size), torch.zeros(size, shape.proprio_dim)
    action = torch.zeros(size, shape.action_dim)
    return Batch(obs, obs, action, number, number, proprio, proprio)
