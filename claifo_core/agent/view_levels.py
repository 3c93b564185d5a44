"""Views on a CPU whose levels change alike: from the frames of a ring to the encoder's input.

A table of 256 says what becomes of each level of a channel; so one pass gathers, changes, shifts
and lays out. The same mathematics as :mod:`claifo_core.agent.photometric`, compiled by numba.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

BRIGHTNESS = 0
"""The changes are numbered as in :mod:`claifo_core.agent.loops`."""
ZERO, ONE, WHITE = np.float32(0), np.float32(1), np.float32(255)

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Pixels = NDArray[np.float32]
Bits = NDArray[np.uint16] | NDArray[np.uint32]


def paint(
    ring: Bytes,
    slots: Numbers,
    changes: Numbers,
    values: Pixels,
    moves: Numbers,
    out: Bits,
) -> None:
    """Write one random view of every stack, changed grey level by grey level.

    Args:
        ring: Frames of V cameras, shape (N, H, W, 3 V).
        slots: Where the T frames of each stack lie, shape (B, T).
        changes: Numbers of the changes, in their order: brightness or other colours, or none.
        values: What the changes take, one after the other, shape (1 or B, 1 or T V, K).
        moves: Rows and columns by which each stack is shifted, its border repeated, shape (B, 2).
        out: Bits of float32, or of bfloat16 rounded to even, shape (B, H, W, 3 T V).
    """
    tables = np.empty((slots.shape[1] * (ring.shape[3] // 3), 3, 256), np.float32)
    for row in range(len(slots)):
        _fill(tables, ring, slots[row], changes, values[row % len(values)])
        as_bits(tables.view(np.uint32), out)
        _look_up(tables.view(np.uint32), ring, slots[row], moves[row], out[row])


@njit(nogil=True)
def as_bits(bits: Bits, out: Bits) -> None:
    """Make bits of float32 those of bfloat16, if ``out`` is of these (in place)."""
    if out.itemsize == 4:
        return
    numbers = bits.reshape(-1)
    for i in range(len(numbers)):
        odd = (numbers[i] >> np.uint32(16)) & np.uint32(1)
        numbers[i] = (numbers[i] + np.uint32(0x7FFF) + odd) >> np.uint32(16)


@njit(nogil=True, inline='always')
def clamped(value: np.float32) -> np.float32:
    """Return a level within 0..255."""
    return min(max(value, ZERO), WHITE)


@njit(nogil=True)
def _fill(
    tables: Pixels, ring: Bytes, slots: Numbers, changes: Numbers, values: Pixels
) -> None:
    """Write what becomes of each grey level, in every channel of every picture of a stack."""
    cameras = ring.shape[3] // 3
    for picture in range(len(tables)):
        mine = values[picture % len(values)]
        frame, first = ring[slots[picture // cameras]], 3 * (picture % cameras)
        for channel in range(3):
            own, factor, other = ZERO, ONE, ZERO
            if len(changes) > 0 and changes[0] == BRIGHTNESS:
                factor = mine[0]
            elif len(changes) > 0:
                own, factor = _style(frame, first + channel, mine[3 + channel])
                other = mine[channel]
            for level in range(256):
                value = (np.float32(level) - own) * factor + other
                tables[picture, channel, level] = clamped(value)


@njit(nogil=True)
def _look_up(tables: Bits, ring: Bytes, slots: Numbers, move: Numbers, out: Bits) -> None:
    """Write a stack row by row."""
    height, width, channels = ring.shape[1:]
    cameras = channels // 3
    for y in range(height):
        from_y = min(max(y + move[0], 0), height - 1)
        target = out[y]
        for picture in range(len(tables)):
            source, table = ring[slots[picture // cameras], from_y], tables[picture]
            first, at = 3 * (picture % cameras), 3 * picture
            for x in range(width):
                from_x = min(max(x + move[1], 0), width - 1)
                target[x, at] = table[0, source[from_x, first]]
                target[x, at + 1] = table[1, source[from_x, first + 1]]
                target[x, at + 2] = table[2, source[from_x, first + 2]]


@njit(nogil=True)
def _style(frame: Bytes, channel: int, spread: np.float32) -> tuple[np.float32, np.float32]:
    """Return the mean of a channel and what its levels are to be multiplied by."""
    total, squares, count = np.int64(0), np.int64(0), frame.shape[0] * frame.shape[1]
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            level = np.int64(frame[y, x, channel])
            total += level
            squares += level * level
    own = np.float32(total / count)
    variance = float(squares / count - (total / count) ** 2)
    return own, gain(spread, np.float32(np.sqrt(max(variance, 0.0))))


@njit(nogil=True, inline='always')
def gain(spread: np.float32, own_spread: np.float32) -> np.float32:
    """Return by what levels must be multiplied to have another spread, within limits."""
    return min(max(spread / max(own_spread, ONE), np.float32(1 / 8)), np.float32(8))
