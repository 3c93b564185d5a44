"""Views on a CPU with any changes: picture after picture, each planar in a core's first caches.

The same mathematics as :mod:`claifo_core.agent.photometric`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from claifo_core.agent.view_levels import (
    BRIGHTNESS,
    ONE,
    WHITE,
    ZERO,
    Bits,
    Bytes,
    Numbers,
    Pixels,
    as_bits,
    clamped,
    gain,
)  # fmt: skip

JITTER, GRAYSCALE, BLUR, INVERT, PERMUTE, MIRROR, OVERTURN, CROP, WARP = range(1, 10)

_WIDTHS = np.array([1, 8, 1, 1, 1, 3, 1, 1, 4, 8, 6])
_RED, _GREEN, _BLUE = (np.float32(share) for share in (0.2989, 0.587, 0.114))
_TWO, _THREE, _SIX = (np.float32(number) for number in (2, 3, 6))


def paint(
    ring: Bytes,
    slots: Numbers,
    changes: Numbers,
    values: Pixels,
    moves: Numbers,
    out: Bits,
) -> None:
    """Do what :func:`claifo_core.agent.view_levels.paint` does, with any changes."""
    cameras = ring.shape[3] // 3
    frame = np.empty((2, 3, ring.shape[1], ring.shape[2]), np.float32)
    for row in range(len(slots)):
        mine = values[row % len(values)]
        for picture in range(slots.shape[1] * cameras):
            _load(ring[slots[row, picture // cameras]], 3 * (picture % cameras), frame[0])
            _change(changes, mine[picture % len(mine)], frame[0], frame[1])
            as_bits(frame[0].view(np.uint32), out)
            _write(frame[0].view(np.uint32), moves[row], out[row], 3 * picture)


@njit(nogil=True)
def _load(source: Bytes, first: int, now: Pixels) -> None:
    for y in range(source.shape[0]):
        for x in range(source.shape[1]):
            for channel in range(3):
                now[channel, y, x] = source[y, x, first + channel]


@njit(nogil=True)
def _write(bits: Bits, move: Numbers, out: Bits, at: int) -> None:
    _, height, width = bits.shape
    for y in range(height):
        from_y = min(max(y + move[0], 0), height - 1)
        for x in range(width):
            from_x = min(max(x + move[1], 0), width - 1)
            for channel in range(3):
                out[y, x, at + channel] = bits[channel, from_y, from_x]


@njit(nogil=True)
def _change(changes: Numbers, values: Pixels, now: Pixels, spare: Pixels) -> None:
    """Do what the numbers of the changes say to one frame, (3, H, W), in place."""
    at = 0
    for change in changes:
        mine = values[at : at + _WIDTHS[change]]
        at += _WIDTHS[change]
        if change == BRIGHTNESS:
            _brighten(now, mine[0])
        elif change == JITTER:
            for number in mine[4:]:
                if number == 0:
                    _brighten(now, mine[0])
                elif number == 1:
                    _contrast(now, mine[1])
                elif number == 2:
                    _saturate(now, mine[2])
                else:
                    _turn_hue(now, mine[3])
        elif change == GRAYSCALE:
            if mine[0] != 0:
                _grey(now)
        elif change == BLUR:
            if mine[0] > 0:
                _blur(now, mine[0], spare)
        elif change == INVERT:
            if mine[0] != 0:
                _invert(now)
        elif change == PERMUTE:
            _permute(now, mine)
        elif change == MIRROR:
            if mine[0] != 0:
                _mirror(now)
        elif change == OVERTURN:
            if mine[0] != 0:
                _overturn(now)
        elif change == CROP:
            _warp(now, _corners(mine), spare)
        elif change == WARP:
            _warp(now, mine, spare)
        else:
            _restyle(now, mine)


@njit(nogil=True)
def _brighten(now: Pixels, factor: np.float32) -> None:
    pixels = now.reshape(-1)
    for i in range(len(pixels)):
        pixels[i] = clamped(pixels[i] * factor)


@njit(nogil=True, inline='always')
def _luma(red: np.float32, green: np.float32, blue: np.float32) -> np.float32:
    return red * _RED + green * _GREEN + blue * _BLUE


@njit(nogil=True)
def _mean(pixels: Pixels) -> np.float32:
    total = np.float64(0)
    for row in range(pixels.shape[0]):
        part = ZERO
        for x in range(pixels.shape[1]):
            part += pixels[row, x]
        total += part
    return np.float32(total / pixels.size)


@njit(nogil=True)
def _contrast(now: Pixels, ratio: np.float32) -> None:
    grey = (ONE - ratio) * _luma(_mean(now[0]), _mean(now[1]), _mean(now[2]))
    pixels = now.reshape(-1)
    for i in range(len(pixels)):
        pixels[i] = clamped(pixels[i] * ratio + grey)


@njit(nogil=True)
def _saturate(now: Pixels, ratio: np.float32) -> None:
    planes = now.reshape(3, -1)
    red, green, blue = planes[0], planes[1], planes[2]
    for i in range(planes.shape[1]):
        grey = (ONE - ratio) * _luma(red[i], green[i], blue[i])
        red[i] = clamped(red[i] * ratio + grey)
        green[i] = clamped(green[i] * ratio + grey)
        blue[i] = clamped(blue[i] * ratio + grey)


@njit(nogil=True, inline='always')
def _share(angle: np.float32, offset: np.float32) -> np.float32:
    """Return how full a channel is, so far from its place on the circle of 6 units."""
    return min(max(abs(abs(angle + offset) - _THREE) - ONE, ZERO), ONE)


@njit(nogil=True, inline='always')
def _around(offset: np.float32) -> np.float32:
    """Return an offset as one within half a circle."""
    return np.float32((offset + _THREE) % _SIX - _THREE)


@njit(nogil=True)
def _turn_hue(now: Pixels, turn: np.float32) -> None:
    """See :func:`claifo_core.agent.photometric.hue_`, which explains the circle."""
    planes = now.reshape(3, -1)
    red, green, blue = planes[0], planes[1], planes[2]
    to_red, to_green = _around(_SIX * turn), _around(_SIX * turn - _TWO)
    to_blue = _around(_SIX * turn + _TWO)
    for i in range(planes.shape[1]):
        r, g, b = red[i], green[i], blue[i]
        low = min(r, g, b)
        chroma = max(r, g, b) - low
        angle = (g - r + (b - low) + chroma) / max(chroma, np.float32(1e-6))
        angle = abs(angle) if g >= b else -abs(angle)
        red[i] = _share(angle, to_red) * chroma + low
        green[i] = _share(angle, to_green) * chroma + low
        blue[i] = _share(angle, to_blue) * chroma + low


@njit(nogil=True)
def _grey(now: Pixels) -> None:
    planes = now.reshape(3, -1)
    for i in range(planes.shape[1]):
        planes[:, i] = _luma(planes[0, i], planes[1, i], planes[2, i])


@njit(nogil=True)
def _invert(now: Pixels) -> None:
    pixels = now.reshape(-1)
    for i in range(len(pixels)):
        pixels[i] = WHITE - pixels[i]


@njit(nogil=True)
def _permute(now: Pixels, order: Pixels) -> None:
    planes = now.reshape(3, -1)
    first, second, third = np.int64(order[0]), np.int64(order[1]), np.int64(order[2])
    for i in range(planes.shape[1]):
        pixel = planes[first, i], planes[second, i], planes[third, i]
        for channel in range(3):
            planes[channel, i] = pixel[channel]


@njit(nogil=True)
def _mirror(now: Pixels) -> None:
    _, height, width = now.shape
    for channel in range(3):
        for y in range(height):
            for x in range(width // 2):
                left, right = now[channel, y, x], now[channel, y, width - 1 - x]
                now[channel, y, x], now[channel, y, width - 1 - x] = right, left


@njit(nogil=True)
def _overturn(now: Pixels) -> None:
    _, height, width = now.shape
    for channel in range(3):
        for y in range(height // 2):
            for x in range(width):
                top, bottom = now[channel, y, x], now[channel, height - 1 - y, x]
                now[channel, y, x], now[channel, height - 1 - y, x] = bottom, top


@njit(nogil=True)
def _blur(now: Pixels, sigma: np.float32, spare: Pixels) -> None:
    """Take a share of each pixel from its neighbours, down, then across; border reflected."""
    side = np.float32(np.exp(np.float32(-0.5) / (sigma * sigma)))
    share = side / (ONE + _TWO * side)
    keep = ONE - _TWO * share
    _, height, width = now.shape
    for channel in range(3):
        for y in range(height):
            above, below = abs(y - 1), height - 1 - abs(height - 2 - y)
            for x in range(width):
                near = now[channel, above, x] + now[channel, below, x]
                spare[channel, y, x] = now[channel, y, x] * keep + near * share
    for channel in range(3):
        for y in range(height):
            row, blurred = spare[channel, y], now[channel, y]
            for x in range(1, width - 1):
                blurred[x] = row[x] * keep + (row[x - 1] + row[x + 1]) * share
            blurred[0] = row[0] * keep + _TWO * row[1] * share
            blurred[-1] = row[-1] * keep + _TWO * row[-2] * share


@njit(nogil=True)
def _restyle(now: Pixels, style: Pixels) -> None:
    for channel in range(3):
        pixels, own = now[channel], _mean(now[channel])
        total = np.float64(0)
        for y in range(pixels.shape[0]):
            part = ZERO
            for x in range(pixels.shape[1]):
                part += (pixels[y, x] - own) * (pixels[y, x] - own)
            total += part
        factor = gain(style[3 + channel], np.float32(np.sqrt(np.float32(total / pixels.size))))
        for y in range(pixels.shape[0]):
            for x in range(pixels.shape[1]):
                pixels[y, x] = clamped((pixels[y, x] - own) * factor + style[channel])


@njit(nogil=True)
def _corners(box: Pixels) -> Pixels:
    """Return a crop as displacements of the corners: area share, aspect, position (x, y)."""
    width = min(np.sqrt(box[0] * box[1]), ONE)
    height = min(np.sqrt(box[0] / box[1]), ONE)
    left, right = (ONE + box[2]) * (ONE - width), (box[2] - ONE) * (ONE - width)
    top, bottom = (ONE + box[3]) * (ONE - height), (box[3] - ONE) * (ONE - height)
    return np.array([left, top, right, top, left, bottom, right, bottom], np.float32)


@njit(nogil=True)
def _copy(source: Pixels, target: Pixels) -> None:
    before, after = source.reshape(-1), target.reshape(-1)
    for i in range(len(before)):
        after[i] = before[i]


@njit(nogil=True)
def _warp(now: Pixels, corners: Pixels, spare: Pixels) -> None:
    """Pull the corners of the frame to other places (bilinear, border repeated)."""
    _copy(now, spare)
    _, height, width = now.shape
    for y in range(height):
        straight_y = np.float32(2 * y + 1) / np.float32(height) - ONE
        down = (ONE + straight_y) / _TWO
        for x in range(width):
            straight_x = np.float32(2 * x + 1) / np.float32(width) - ONE
            across = (ONE + straight_x) / _TWO
            shares = (
                (ONE - down) * (ONE - across), (ONE - down) * across,
                down * (ONE - across), down * across,
            )  # fmt: skip
            to_x, to_y = straight_x, straight_y
            for corner in range(4):
                to_x += shares[corner] * corners[2 * corner]
                to_y += shares[corner] * corners[2 * corner + 1]
            _sample(now, spare, y, x, _place(to_y, height), _place(to_x, width))


@njit(nogil=True, inline='always')
def _place(share: np.float32, size: int) -> np.float32:
    """Return a place in -1..1 in pixels, within the frame."""
    return min(max(((share + ONE) * np.float32(size) - ONE) / _TWO, ZERO), np.float32(size - 1))


@njit(nogil=True, inline='always')
def _sample(
    now: Pixels, source: Pixels, y: int, x: int, from_y: np.float32, from_x: np.float32
) -> None:
    """Write the mean of the four pixels around a place."""
    top, left = np.int64(from_y), np.int64(from_x)
    bottom, right = min(top + 1, source.shape[1] - 1), min(left + 1, source.shape[2] - 1)
    down, across = from_y - np.float32(top), from_x - np.float32(left)
    for channel in range(3):
        plane = source[channel]
        upper = (ONE - across) * plane[top, left] + across * plane[top, right]
        lower = (ONE - across) * plane[bottom, left] + across * plane[bottom, right]
        now[channel, y, x] = (ONE - down) * upper + down * lower
