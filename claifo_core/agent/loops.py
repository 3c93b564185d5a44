"""Who writes views on a CPU: loops compiled while a run starts up.

Where numba is missing, :mod:`claifo_core.agent.photometric` makes the same views in more passes.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from claifo_core.agent import photometric
from claifo_core.device.capture import recordable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo_core.agent.look import Look, Plan
    from claifo_core.data.stacks import Stacks

Loop = Callable[..., None]

# Numbered as in view_frames.
_CHANGES = (
    photometric.brightness_, photometric.jitter_, photometric.grayscale_, photometric.blur_,
    photometric.invert_, photometric.permute_, photometric.flip_horizontally_,
    photometric.flip_vertically_, photometric.resized_crop_, photometric.warp_,
    photometric.restyle_,
)  # fmt: skip
_NUMBERS: dict[photometric.Change, int] = {change: k for k, change in enumerate(_CHANGES)}
_OF_LEVELS = ((), (photometric.brightness_,), (photometric.restyle_,))
_BITS = {torch.float32: torch.uint32, torch.bfloat16: torch.uint16}
_beside = ThreadPoolExecutor(1, 'claifo-compile')


def prepare(dtype: torch.dtype, *, levels_alone: bool) -> None:
    """Begin to compile what views need, beside whatever else starts up.

    Args:
        dtype: Of the views.
        levels_alone: Whether T changes equal levels of a channel equally.
    """
    _compiled('view_levels', dtype)
    if not levels_alone:
        _compiled('view_frames', dtype)


def paint(stacks: Stacks, look: Look, out: Tensor) -> bool:
    """Write the view that was drawn, if that can be done in one pass.

    Args:
        stacks: uint8.
        look: See :class:`claifo_core.agent.look.Look`.
        out: float32 or bfloat16, shape (B, 3 T V, H, W), channels last.

    Returns:
        Whether it was written.
    """
    if recordable(out) or stacks.frames.dtype != torch.uint8:
        return False
    changes = tuple(change for change, _ in look.plans[0])
    name = 'view_levels' if changes in _OF_LEVELS else 'view_frames'
    loop = _compiled(name, out.dtype).result()
    if loop is None:
        return False
    moves = torch.zeros(len(out), 2, dtype=torch.int64) if look.moves is None else look.moves.T
    _run(
        loop, stacks.frames.numpy(), stacks.slots.contiguous().numpy(),
        np.array([_NUMBERS[change] for change in changes], np.int64), _table(look.plans),
        moves.contiguous().numpy(), out.permute(0, 2, 3, 1).view(_BITS[out.dtype]).numpy(),
    )  # fmt: skip
    return True


def _table(plans: list[Plan]) -> NDArray[np.float32]:
    """Return the values of all changes side by side, shape (1 or B, plans, K)."""
    rows = max((len(v) for _, v in plans[0]), default=1)
    columns = [
        [v.float().reshape(len(v), -1).expand(rows, -1) for _, v in plan] for plan in plans
    ]
    if not columns[0]:
        return np.zeros((1, 1, 0), np.float32)
    table: NDArray[np.float32] = torch.stack([torch.cat(c, 1) for c in columns], 1).numpy()
    return table


def _run(loop: Loop, *arguments: Any) -> None:  # noqa: ANN401 (as the loop takes them)
    """Paint, each thread of torch a part of the samples."""
    ring, slots, changes, values, moves, out = arguments
    threads = min(torch.get_num_threads(), len(slots))
    if threads == 1:
        loop(*arguments)
        return
    ends = np.linspace(0, len(slots), threads + 1).astype(int)
    parts = [slice(a, b) for a, b in itertools.pairwise(ends)]
    mine = [values if len(values) == 1 else values[part] for part in parts]
    list(_pool(threads).map(
        lambda part, own: loop(ring, slots[part], changes, own, moves[part], out[part]),
        parts, mine,
    ))  # fmt: skip


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, 'claifo-paint')


@functools.cache
def _compiled(name: str, dtype: torch.dtype) -> Future[Loop | None]:
    return _beside.submit(_compile, name, dtype)


def _compile(name: str, dtype: torch.dtype) -> Loop | None:
    """Return a loop that has run once; None: there is no numba."""
    try:
        loop = _loop(name)
    except ImportError as error:
        _say(f'views are made in several passes, some times slower (no numba: {error})')
        return None
    ring, slots = np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 1), np.int64)
    bits = torch.zeros(1, 4, 4, 3, dtype=_BITS[dtype]).numpy()
    no_change, no_values = np.zeros(0, np.int64), np.zeros((1, 1, 0), np.float32)
    loop(ring, slots, no_change, no_values, np.zeros((1, 2), np.int64), bits)
    return loop


@functools.cache
def _loop(name: str) -> Loop:
    """Return a loop that compiles at its first call, or is found compiled on the disk."""
    import numba

    function = importlib.import_module(f'claifo_core.agent.{name}').paint
    try:
        loop: Loop = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba finds no folder that it may write to
        _say('loops are compiled at every start: NUMBA_CACHE_DIR should name a folder to write to')
        loop = numba.njit(nogil=True)(function)
    return loop


@functools.cache
def _say(text: str) -> None:
    print(f'claifo: {text}', file=sys.stderr)
