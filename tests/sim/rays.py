"""What a camera sees, by rays that the physics casts: an oracle for pictures."""

from __future__ import annotations

import mujoco
import numpy as np


def cast(env, camera: int, size_px: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Return shape (-1: none) and distance along the view axis, at a point of each pixel.

    ``offset`` says where in the pixel that is: 0.5 is its centre.
    """
    model, data = env.model, env.data
    half = np.tan(np.radians(model.cam_fovy[camera]) / 2)
    line = ((np.arange(size_px) + offset) / size_px * 2 - 1) * half
    turn = data.cam_xmat[camera].reshape(3, 3)
    shapes, depth = np.full((size_px, size_px), -1), np.full((size_px, size_px), np.inf)
    found = np.zeros(1, np.int32)
    for row, up in enumerate(-line):
        for column, right in enumerate(line):
            ray = np.array((right, up, -1.0))
            distance = mujoco.mj_ray(model, data, data.cam_xpos[camera], turn @ ray, None, 1, -1,
                                     found)
            if found[0] >= 0:
                shapes[row, column], depth[row, column] = found[0], distance
    return shapes, depth


def interior(shapes: np.ndarray) -> np.ndarray:
    """Return the pixels whose neighbours show the same."""
    padded = np.pad(shapes, 1, mode='edge')
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return (windows == shapes[..., None, None]).all((-2, -1))
