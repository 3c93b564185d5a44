"""What a bad camera does to a picture: blur of the lens, noise of the sensor, JPEG of the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from claifo_sim.visual import VisualDomain


def corrupt(pixels: np.ndarray, look: VisualDomain, seed: tuple[int, ...]) -> np.ndarray:
    """Return pictures as a bad camera gives them.

    Args:
        pixels: uint8 (H, W, 3 V), the pictures of V cameras one behind the other.
        look: How bad it is.
        seed: Of the noise; every moment has its own.
    """
    if look.blur is not None:
        sigma = look.blur * pixels.shape[0]
        views = [cv2.GaussianBlur(view, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
                 for view in _views(pixels)]
        pixels = np.concatenate(views, 2)
    if look.sensor_noise is not None:
        noise = np.random.default_rng(seed).normal(0, look.sensor_noise, pixels.shape)
        pixels = np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)
    if look.jpeg_quality is not None:
        pixels = np.concatenate([_jpeg(view, look.jpeg_quality) for view in _views(pixels)], 2)
    return pixels


def _views(pixels: np.ndarray) -> list[np.ndarray]:
    return np.split(pixels, pixels.shape[2] // 3, 2)


def _jpeg(view: np.ndarray, quality: int) -> np.ndarray:
    """Return a picture, uint8 (H, W, 3) RGB, compressed and read back."""
    done, data = cv2.imencode('.jpg', view[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
