"""Pictures that a texture can be painted with: each is made of a seed alone, without any file.

Each function takes the untouched faces of a texture, uint8 (F, H, W, C), of which a sky has six,
and a random generator, and returns new faces of the same shape.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Pattern = Callable[[np.ndarray, np.random.Generator], np.ndarray]

_NOISE_CELLS = 16
_CHECKER_CELLS = 6
_OCTAVES = (4, 8, 16, 32)
_VEINS = 5.0
_SHAPES = 14


def paint(name: str, texture: np.ndarray, seed: tuple[int, ...]) -> np.ndarray:
    """Return ``texture``, uint8 (H, W, C), painted with a pattern; it may hold several faces."""
    height, width, channels = texture.shape
    faces = height // width if height % width == 0 else 1
    shape = faces, height // faces, width, channels
    painted = PATTERNS[name](texture.reshape(shape), np.random.default_rng(seed))
    return painted.reshape(texture.shape).astype(np.uint8)


def noise(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return smooth coloured noise."""
    return _smooth(faces.shape, _NOISE_CELLS, rng) * 255


def checker(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a chequered pattern of two colours that differ clearly."""
    _, height, width, _ = faces.shape
    rows, columns = (np.arange(n) * _CHECKER_CELLS // n for n in (height, width))
    odd = (rows[:, None] + columns) % 2
    hue = rng.uniform()
    colours = np.stack([_colour(hue, 0.9, 0.85), _colour(hue + 0.45, 0.9, 0.35)])
    return np.broadcast_to(colours[odd], faces.shape)


def marble(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return veins of one colour in another."""
    _, height, width, _ = faces.shape
    one_channel = (*faces.shape[:3], 1)
    swirl = sum(_smooth(one_channel, cells, rng) / cells * 16 for cells in _OCTAVES)
    across = np.linspace(0, 1, width)[None, :, None] + np.linspace(0, 1, height)[:, None, None]
    weight = np.abs(np.sin(np.pi * (_VEINS * across + swirl)))
    hue = rng.uniform()
    light, dark = _colour(hue, 0.25, 0.95), _colour(hue + 0.1, 0.8, 0.25)
    return light * weight + dark * (1 - weight)


def photo(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return noise with the spectrum of photographs: amplitude falls as 1/f, colours go along."""
    count, height, width, channels = faces.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height,
                         np.fft.rfftfreq(width)[None] * width)
    amplitude = 1 / np.maximum(frequency, 1)
    white = np.fft.rfft2(rng.standard_normal((count, channels + 1, height, width)))
    image = np.fft.irfft2(white * amplitude, (height, width))
    image /= image.std((-2, -1), keepdims=True)
    # What all channels share makes light and shade, the rest of each the colour.
    mixed = 0.5 + 0.22 * image[:, :1] + 0.12 * image[:, 1:]
    return np.clip(mixed, 0, 1).transpose(0, 2, 3, 1) * 255


def shapes(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the untouched faces with discs, bars and triangles of bright colours on them."""
    painted = faces.copy()
    for face in painted:
        height, width = face.shape[:2]
        for number in range(_SHAPES):
            centre = rng.uniform((0, 0), (width, height))
            corners = (3, 4, 24)[number % 3]
            angles = rng.uniform(0, 2 * np.pi) + np.arange(corners) * 2 * np.pi / corners
            radius = rng.uniform(0.04, 0.11) * width
            outline = centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
            colour = _colour(rng.uniform(), 0.95, 0.95)
            cv2.fillPoly(face, [outline.round().astype(np.int32)], colour.tolist())
    return painted


def _colour(hue: float, saturation: float, value: float) -> np.ndarray:
    """Return a colour, float (3,) in 0..255."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value)) * 255


def _smooth(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise in 0..1, float32 of ``shape``, interpolated between ``cells`` x ``cells``."""
    faces, height, width, channels = shape
    grid = rng.uniform(0, 1, (faces, channels, cells, cells)).astype(np.float32)
    smooth = _hats(height, cells) @ grid @ _hats(width, cells).T
    return smooth.transpose(0, 2, 3, 1)


def _hats(length: int, cells: int) -> np.ndarray:
    """Return the weights, float32 (length, cells), that interpolate cells along a line."""
    place = np.linspace(0, cells - 1, length, dtype=np.float32)[:, None]
    return np.maximum(0, 1 - np.abs(place - np.arange(cells, dtype=np.float32)))


PATTERNS: dict[str, Pattern] = {
    'noise': noise, 'checker': checker, 'marble': marble, 'photo': photo, 'shapes': shapes,
}
