"""From host memory to a GPU without waiting for it. On a CPU the same calls are plain copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def put(target: Tensor, array: NDArray[Any]) -> None:
    """Copy an array into a tensor of the same shape.

    Torch keeps the page-locked copy until the GPU has read it.
    """
    source = torch.from_numpy(array)
    if target.is_cuda:
        source = source.contiguous().pin_memory()
    target.copy_(source, non_blocking=True)


class Uplink:
    """Brings batches from page-locked memory to a GPU while it computes something else."""

    def __init__(self, device: torch.device) -> None:
        """Open a stream of its own on ``device``; a CPU needs none."""
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == 'cuda' else None

    def bring(self, tensor: Tensor) -> Tensor:
        """Return the tensor on the device; what follows on its stream waits, the host does not."""
        if self._stream is None or tensor.is_cuda:
            return tensor
        with torch.cuda.stream(self._stream):
            there = tensor.pin_memory().to(self._device, non_blocking=True)
        used_by = torch.cuda.current_stream(self._device)
        used_by.wait_stream(self._stream)
        there.record_stream(used_by)
        return there
