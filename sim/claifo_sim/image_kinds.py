"""Pictures of distance and of what is where, as grey pictures that a network can see.

Both follow the authors' code, without its early rounding to whole numbers. A picture of kind
``cloud`` is that of depth as the camera would take it where it belongs (:mod:`claifo_sim.clouds`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import mujoco

KINDS = ('rgb', 'depth', 'segmentation', 'cloud')


def metres(buffer: np.ndarray, model: mujoco.MjModel) -> np.ndarray:
    """Return distances along the view axis, float64 (H, W), of a reversed depth buffer.

    Args:
        buffer: 0 at the far clipping plane, 1 at the near one.
        model: Says where these are.
    """
    near, far = (float(z) * model.stat.extent for z in (model.vis.map.znear, model.vis.map.zfar))
    return near * far / (near + buffer.astype(np.float64) * (far - near))


def depth_picture(distance: np.ndarray) -> np.ndarray:
    """Return distances in metres, (H, W), as uint8 (H, W, 3): the nearest black.

    The scale is twice the mean of what lies within a metre behind the nearest point.
    """
    behind = distance - distance.min()
    scale = 2 * behind[behind <= 1].mean()
    grey = np.clip(behind / scale, 0, 1) if scale > 0 else np.zeros_like(behind)
    return _grey(grey)


def segmentation_picture(geoms: np.ndarray) -> np.ndarray:
    """Return the index of the shape in each pixel, (H, W), -1 for none, as uint8 (H, W, 3)."""
    numbers = geoms + 1
    return _grey(numbers / max(1, numbers.max()))


def shapes_at(pixels: np.ndarray, scene: mujoco.MjvScene) -> np.ndarray:
    """Return the index of the shape in each pixel, int (H, W), -1 for none.

    Args:
        pixels: uint8 (H, W, 3), drawn in the colours of identity.
        scene: What was drawn.
    """
    import mujoco

    drawn = pixels.astype(np.int64) @ (1, 1 << 8, 1 << 16)
    known = np.full(scene.ngeom + 1, -1)
    for shape in scene.geoms[:scene.ngeom]:
        if shape.objtype == mujoco.mjtObj.mjOBJ_GEOM:
            known[shape.segid + 1] = shape.objid
    return known[drawn]


def _grey(share: np.ndarray) -> np.ndarray:
    """Return numbers in 0..1, (H, W), as uint8 (H, W, 3)."""
    return np.repeat((share * 255).astype(np.uint8)[..., None], 3, 2)
