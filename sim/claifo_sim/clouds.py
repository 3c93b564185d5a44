"""Depth pictures of cameras that were moved, as the cameras would take them where they belong.

Distances are points: each pixel's lies on its ray. Seen from another place they are a picture
again, of what that place would show, as far as the moved cameras saw it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import mujoco

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_NEAREST_M = 1e-6  # what is not in front of a camera has no place in its picture


class Eye(NamedTuple):
    """Where a camera stands in the world, and what it takes in.

    Attributes:
        place: float64 (3,), metres.
        turn: float64 (3, 3); its columns are the camera's right, up and back axes.
        fovy_deg: Vertical field of view; pictures are square.
    """

    place: np.ndarray
    turn: np.ndarray
    fovy_deg: float

    def same_as(self, other: Eye) -> bool:
        """Return whether both see the same picture, to the last bit."""
        return all(map(np.array_equal, self, other))


def eye_of(model: mujoco.MjModel, data: mujoco.MjData, camera: int) -> Eye:
    """Return where a camera stands now; a copy."""
    return Eye(
        data.cam_xpos[camera].copy(), data.cam_xmat[camera].reshape(3, 3).copy(),
        float(model.cam_fovy[camera]),
    )


def gathered(
    pictures: Sequence[np.ndarray], eyes: Sequence[Eye], homes: Sequence[Eye]
) -> list[np.ndarray]:
    """Return the distances that each camera would measure at home.

    What a camera did not see itself is taken from the others, in their order.

    Args:
        pictures: Distances along the view axis in metres, (N, N) each, the top row first.
        eyes: Where each was taken.
        homes: Where each camera belongs.

    Returns:
        Distances as they came in, infinite where no camera saw anything (:func:`filled`).
    """
    found = []
    for own, (picture, eye, home) in enumerate(zip(pictures, eyes, homes, strict=True)):
        if eye.same_as(home):
            found.append(picture)
            continue
        seen = seen_from(home, picture, eye)
        for other in range(len(pictures)):
            if other != own:
                seen = np.where(
                    np.isinf(seen), seen_from(home, pictures[other], eyes[other]), seen
                )
        found.append(_without_cracks(seen))
    return found


def seen_from(home: Eye, distance: np.ndarray, eye: Eye) -> np.ndarray:
    """Return what ``home`` sees of the points of a depth picture.

    Args:
        home: Where to look from.
        distance: Distances along the view axis in metres, (N, N), the top row first.
        eye: Where they were measured.

    Returns:
        float32 (N, N), the nearest point in each pixel; infinite where there is none.
    """
    side = len(distance)
    lens = _lens(home.fovy_deg, side) @ home.turn.T
    to_pixel = (lens @ eye.turn @ np.linalg.inv(_lens(eye.fovy_deg, side))).astype(np.float32)
    shift = (lens @ (eye.place - home.place)).astype(np.float32)
    rays = to_pixel @ _centres(side)
    rays *= distance.astype(np.float32).ravel()
    columns, rows, away = rays + shift[:, None]
    inverse = 1 / np.maximum(away, _NEAREST_M)
    columns *= inverse
    rows *= inverse
    inside = (away > _NEAREST_M) & (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
    pixels = rows[inside].astype(np.intp) * side + columns[inside].astype(np.intp)
    picture = np.full(side * side, np.inf, np.float32)
    np.minimum.at(picture, pixels, away[inside])
    return picture.reshape(side, side)


def filled(distance: np.ndarray) -> np.ndarray:
    """Return a picture without holes.

    Every hole takes the farthest of its four neighbours that are known, from its rim inwards:
    what a moved camera cannot see is mostly background.

    Args:
        distance: In metres, (N, N), infinite where there is a hole.
    """
    if np.isfinite(distance).all():
        return distance
    known = np.where(np.isinf(distance), 0, distance).astype(np.float32)
    while (hole := known == 0).any() and not hole.all():
        np.copyto(known, cv2.dilate(known, _CROSS), where=hole)
    return known


def _without_cracks(distance: np.ndarray) -> np.ndarray:
    """Return a picture in which no pixel is farther than the two beside it.

    A pixel between two nearer ones, left and right or above and below, is a crack that opened in
    one surface when its points were spread out; it takes the farther of the two.
    """
    wide = np.pad(distance, 1, constant_values=np.inf)
    across = np.maximum(wide[1:-1, :-2], wide[1:-1, 2:])
    along = np.maximum(wide[:-2, 1:-1], wide[2:, 1:-1])
    return np.minimum(distance, np.minimum(across, along))


def _lens(fovy_deg: float, side: int) -> np.ndarray:
    """Return what turns (right, up, back) into (column, row, 1) times the distance, (3, 3)."""
    half = side / 2
    scale = half / np.tan(np.radians(fovy_deg) / 2)
    return np.array([[scale, 0, -half], [0, -scale, -half], [0, 0, -1]])


@functools.cache
def _centres(side: int) -> np.ndarray:
    """Return (column, row, 1) of the centre of each pixel, float32 (3, N N)."""
    rows, columns = np.indices((side, side), np.float32).reshape(2, -1) + np.float32(0.5)
    return np.stack([columns, rows, np.ones_like(rows)])
