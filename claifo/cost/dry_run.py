"""FLOP and bytes of one update of any method: run on tensors that have shapes and no data.

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
from torch.utils._pytree import tree_leaves
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

    PyTorch's own counter also follows modules, by hooks that gradients of gradients break.

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


class TrafficCounter(TorchDispatchMode):
    """Adds up what every operation that runs reads and writes in memory.

    Attributes:
        moved: Bytes so far. Views move nothing; a convolution adds its bias in a pass of its own,
            as cuDNN does.
        kernels: Operations so far that move something.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        super().__init__()
        self.moved = self.kernels = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Do the operation and count it."""
        found = func(*args, **(kwargs or {}))
        name = func._overloadpacket.__name__
        if not (func.is_view or func.namespace == 'prim' or name in _UNMOVED):
            read, written = _bytes((args, kwargs)), _bytes(found)
            biased = name == 'convolution' and args[2] is not None
            self.moved += read + written * (3 if biased else 1)
            self.kernels += 1 + biased
        return found


_UNMOVED = ('detach', '_unsafe_view', 'empty', 'empty_like', 'empty_strided', 'new_empty')


def _bytes(values: Any) -> int:  # noqa: ANN401
    """Return the bytes of all tensors; what an expanded one repeats counts once."""
    tensors = (value for value in tree_leaves(values) if isinstance(value, Tensor))
    return sum(min(t.nbytes, t.untyped_storage().nbytes()) for t in tensors)


def flop_of_update(config: TrainConfig, shape: Shape) -> int:
    """Return the FLOP of one update (a product of (m, k) and (k, n) has 2 m k n).

    Args:
        config: The run.
        shape: What the simulator adds to it.
    """
    counter = FlopCounter()
    _update(config, shape, counter, 'shift')
    return counter.flop


def traffic_of_update(config: TrainConfig, shape: Shape) -> dict[str, int]:
    """Return the bytes that one update moves and its operations, each taken for a kernel.

    Counted is what PyTorch dispatches on a GPU if nothing is fused, with T as if it were
    brightness: an upper bound, as :func:`claifo.cost.flop.bytes_moved` is a lower one.

    Args:
        config: The run.
        shape: What the simulator adds to it.
    """
    counter = TrafficCounter()
    _update(config, shape, counter, 'brightness')
    return {'moved': counter.moved, 'kernels': counter.kernels}


def _update(config: TrainConfig, shape: Shape, counter: TorchDispatchMode, look: str) -> None:
    """Do one update; of what T does to colours, ``look`` stands for many small operations."""
    config = dataclasses.replace(config, augment=dataclasses.replace(config.augment, kind=look))
    mode, rng = FakeTensorMode(), torch.Generator()
    networks = _build(config, shape)
    _without_data(networks, mode)
    with mode, forced():
        agent = build_agent(
            networks, build_optimisers(networks, config.agent),
            Augmenter(config.augment, rng), config, rng, half=config.precision == 'bfloat16',
        )  # fmt: skip
        ours, theirs = (_batch(config, shape) for _ in range(2))
        with counter:
            agent.update(ours, theirs, torch.zeros(()), [ours.obs, theirs.obs])


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
