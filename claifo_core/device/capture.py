"""Updates recorded once as a CUDA graph and replayed without the host.

What is recorded may not depend on data: no value is read back, nothing is selected by a mask,
and no constant is copied from the host. Where a shorter way exists that does, it is taken on a CPU
only, and asks :func:`recordable` first.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_WARM_UP = 3
"""Calls before recording: libraries choose their kernels, optimisers make their state."""

_VARIANTS = 64
"""Of one function that are compiled: each ring, batch and kind of view is one."""

_forced = False


def recordable(tensor: Tensor) -> bool:
    """Return whether the way that can be recorded is to be taken: on a GPU."""
    return tensor.is_cuda or _forced


@contextlib.contextmanager
def forced() -> Iterator[None]:
    """Take that way on a CPU too: to compare both, or to run without data."""
    global _forced  # a plain name, which torch.compile can watch
    _forced = True
    try:
        yield
    finally:
        _forced = False


def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Return the function with its kernels fused; as it is where the compiler fails."""
    torch._dynamo.config.recompile_limit = _VARIANTS
    fast: Callable[..., None] = torch.compile(function, dynamic=False)

    def call(*tensors: Tensor) -> None:
        nonlocal fast
        try:
            fast(*tensors)
        except Exception as error:
            if fast is function:
                raise
            _say(f'torch.compile failed, kernels are not fused ({_line(error)})')
            fast = function
            function(*tensors)

    return call


class Recorded:
    """A function of tensors that stay where they are; on a GPU a CUDA graph after three calls."""

    def __init__(
        self,
        function: Callable[[], None],
        device: torch.device,
        generators: Sequence[torch.Generator],
    ) -> None:
        """Keep the function.

        Args:
            function: What each call does.
            device: Where its tensors are.
            generators: Every generator of that device from which it draws.
        """
        self._function = function
        self._device = device
        self._generators = [g for g in generators if g.device.type == 'cuda']
        self._graph: torch.cuda.CUDAGraph | None = None
        self._to_come = _WARM_UP
        self._eager = device.type != 'cuda'

    def __call__(self) -> None:
        """Do what the function does."""
        if self._eager:
            self._function()
        elif self._graph is not None:
            self._graph.replay()
        elif self._to_come > 0:
            self._to_come -= 1
            self._beside()
        else:
            self._record()

    def forget(self) -> None:
        """Record anew, because a tensor has moved."""
        self._graph = None

    def _beside(self) -> None:
        """Call on a stream of its own, as recording will."""
        stream = torch.cuda.Stream(self._device)
        here = torch.cuda.current_stream(self._device)
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            self._function()
        here.wait_stream(stream)

    def _record(self) -> None:
        here = torch.cuda.current_stream(self._device)
        before = [generator.clone_state() for generator in self._generators]
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        try:
            with torch.cuda.graph(graph, capture_error_mode='thread_local'):
                self._function()
        except RuntimeError as error:
            _say(f'CUDA graphs cannot be used, every kernel is launched ({_line(error)})')
            self._eager = True
            torch.cuda.set_stream(here)  # PyTorch stays where it recorded
            for generator, state in zip(self._generators, before, strict=True):
                generator.graphsafe_set_state(state)  # those of torch 2.11 still record
            self._function()
            return
        graph.replay()
        self._graph = graph


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _say(text: str) -> None:
    print(f'claifo: {text}', file=sys.stderr)
