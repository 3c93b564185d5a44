"""The fastest matrix product that this device shows: what achieved FLOP/s are held against."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from claifo_core.agent.layers import Linear

if TYPE_CHECKING:
    from collections.abc import Callable

SIDES = {'cpu': (512, 1024, 2048), 'cuda': (2048, 4096, 8192, 16384)}
_MIN_S = 0.2


@torch.no_grad()
def ceiling(device: torch.device, dtype: torch.dtype) -> dict[str, float | int | str]:
    """Multiply square matrices of several sizes, by torch.mm and as the networks do.

    Args:
        device: Where.
        dtype: Of the factors. float32 on a GPU uses what the process has set (TF32 or not).

    Returns:
        The highest rate in GFLOP/s, with the side and the way that reached it.
    """
    best: dict[str, float | int | str] = {'gflop_per_s': 0.0}
    for side in SIDES[device.type]:
        left, right = torch.randn(2, side, side, device=device).to(dtype)
        linear = Linear(side, side, device=device, dtype=dtype)
        ways = {'torch.mm': lambda a=left, b=right: a @ b, 'linear': lambda a=left, m=linear: m(a)}
        for way, product in ways.items():
            rate = 2e-9 * side**3 / _seconds(product, device)
            if rate > best['gflop_per_s']:
                best = {'gflop_per_s': round(rate, 1), 'side': side, 'by': way}
    return best | {'dtype': str(dtype).removeprefix('torch.')}


def _seconds(action: Callable[[], object], device: torch.device) -> float:
    """Return the shortest time of several calls, seconds."""
    action()
    best, end = float('inf'), time.perf_counter() + _MIN_S
    while time.perf_counter() < end:
        synchronise(device)
        start = time.perf_counter()
        action()
        synchronise(device)
        best = min(best, time.perf_counter() - start)
    return best


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done what it was given; a CPU has."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
