"""Pictures and clips as parts of the page."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from claifo.report.scenes import Clip

_QUALITY = 85  # of WebP, which every browser since 2020 shows
SHEET_COLUMNS = 16


def image_uri(image: NDArray[np.uint8], lossless: bool = False) -> str:
    """Return an RGB image, uint8 (H, W, 3), as a data URI."""
    kind = 'png' if lossless else 'webp'
    settings = [] if lossless else [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
    _, data = cv2.imencode(f'.{kind}', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    return f'data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}'


def stack_uris(stack: NDArray[np.uint8]) -> list[str]:
    """Return the frames of one stack, uint8 (3 * T, H, W), as the network gets them."""
    frames = stack.reshape(-1, 3, *stack.shape[1:]).transpose(0, 2, 3, 1)
    return [image_uri(frame, lossless=True) for frame in frames]


def player(clips: Sequence[Clip]) -> dict[str, object]:
    """Return what the player needs to know of clips that play side by side, at the same rate."""
    return {
        'count': max(len(clip.frames) for clip in clips),
        'columns': SHEET_COLUMNS,
        'size': clips[0].frames.shape[1],
        'fps': clips[0].fps,
        'returns': [[round(value, 1) for value in clip.returns] for clip in clips],
    }


def sheet(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay out frames (T, S, S, 3) row by row in one image."""
    count, size = frames.shape[:2]
    rows = math.ceil(count / SHEET_COLUMNS)
    padded = np.zeros((rows * SHEET_COLUMNS, *frames.shape[1:]), np.uint8)
    padded[:count] = frames
    grid = padded.reshape(rows, SHEET_COLUMNS, size, size, 3).swapaxes(1, 2)
    return grid.reshape(rows * size, SHEET_COLUMNS * size, 3)
