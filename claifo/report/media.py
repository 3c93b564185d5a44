"""Pictures and clips as parts of the page."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from claifo.report.scenes import Clip, Pairs

_QUALITY = 85  # of WebP, which every browser since 2020 shows
_SHEET_COLUMNS = 16


def image_uri(image: NDArray[np.uint8], lossless: bool = False) -> str:
    """Return an RGB image, uint8 (H, W, 3), as a data URI."""
    kind = 'png' if lossless else 'webp'
    settings = [] if lossless else [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
    _, data = cv2.imencode(f'.{kind}', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    return f'data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}'


def contact_sheet(pairs: Pairs) -> str:
    """Return a grid of states, the source look above the target look of each."""
    cells = (
        f'<div><img class="top" alt="source look of state {i}" src="{image_uri(source)}">'
        f'<img class="bottom" alt="target look of state {i}" src="{image_uri(target)}"></div>'
        for i, (source, target) in enumerate(zip(pairs.source, pairs.target, strict=True), 1)
    )
    return f'<div class="sheet">{"".join(cells)}</div>'


def stack_strip(stack: NDArray[np.uint8], caption: str) -> str:
    """Return the frames of one stack, uint8 (3 * T, H, W), as the network gets them."""
    frames = stack.reshape(-1, 3, *stack.shape[1:]).transpose(0, 2, 3, 1)
    images = ''.join(f'<img alt="" src="{image_uri(frame, lossless=True)}">' for frame in frames)
    return f'<figure>{images}<figcaption>{caption}</figcaption></figure>'


def player(clips: Sequence[Clip], captions: Sequence[str]) -> str:
    """Return clips that play side by side, each with its return up to the picture.

    Args:
        clips: One or two clips of the same rate.
        captions: HTML under each; the return so far follows it.
    """
    size = clips[0].frames.shape[1]
    count = max(len(clip.frames) for clip in clips)
    settings = {
        'count': count,
        'columns': _SHEET_COLUMNS,
        'size': size,
        'fps': clips[0].fps,
        'returns': [[round(value, 1) for value in clip.returns] for clip in clips],
    }
    screens = ''.join(
        f'<figure><img hidden alt="" src="{image_uri(_sheet(clip.frames))}">'
        f'<canvas width="{size}" height="{size}"></canvas>'
        f'<figcaption>{caption}: return <output></output></figcaption></figure>'
        for clip, caption in zip(clips, captions, strict=True)
    )
    return (
        f'<div class="player"><script type="application/json">{json.dumps(settings)}</script>'
        f'<div class="two">{screens}</div><div class="controls"><button>Pause</button>'
        f'<input type="range" min="0" max="{count - 1}" value="0" '
        f'aria-label="time"><output></output></div></div>'
    )


def _sheet(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay out frames (T, S, S, 3) row by row in one image."""
    count, size = frames.shape[:2]
    rows = math.ceil(count / _SHEET_COLUMNS)
    padded = np.zeros((rows * _SHEET_COLUMNS, *frames.shape[1:]), np.uint8)
    padded[:count] = frames
    grid = padded.reshape(rows, _SHEET_COLUMNS, size, size, 3).swapaxes(1, 2)
    return grid.reshape(rows * size, _SHEET_COLUMNS * size, 3)
