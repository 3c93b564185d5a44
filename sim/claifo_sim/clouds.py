"""Depth pictures of cameras that were moved, as the cameras would take them where they belong.

Distances are points: each pixel's lies on its ray. Seen from another place they are a picture
again, of what that place would show, as far as the moved cameras saw it.

Each point carries the plane of its surface, since over a plane the inverse of the distance is
linear in column and row: ``1 / distance = plane @ (column, row, 1)``. So a point says how far its
surface is in the centre of the pixel that it falls into, and how it goes on where nothing is seen.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import mujoco

_LEAST = 1e-6  # inverse distance (1/m) of what is out of sight
_STEEP = 0.1  # share of the distance by which a surface may change within a pixel


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
        same = np.array_equal(self.place, other.place) and np.array_equal(self.turn, other.turn)
        return same and self.fovy_deg == other.fovy_deg


def eye_of(model: mujoco.MjModel, data: mujoco.MjData, camera: int) -> Eye:
    """Return where a camera stands now; a copy."""
    return Eye(
        data.cam_xpos[camera].copy(), data.cam_xmat[camera].reshape(3, 3).copy(),
        float(model.cam_fovy[camera]),
    )


def gathered(
    pictures: Sequence[np.ndarray], eyes: Sequence[Eye], homes: Sequence[Eye], step: int
) -> list[np.ndarray]:
    """Return the distances that each camera would measure at home.

    What a camera did not see itself is taken from the others, in their order; what none saw,
    from its surroundings (:func:`_filled`).

    Args:
        pictures: Distances along the view axis in metres, (N, N) each, the top row first.
        eyes: Where each was taken.
        homes: Where each camera belongs.
        step: Return every so-manieth row and column.
    """
    found = []
    for own, (picture, eye, home) in enumerate(zip(pictures, eyes, homes, strict=True)):
        if eye.same_as(home):
            found.append(picture[::step, ::step])
            continue
        planes = seen_from(home, picture, eye, step)
        for other in range(len(pictures)):
            if other != own:
                more = seen_from(home, pictures[other], eyes[other], step)
                planes = np.where(planes.any(0), planes, more)
        found.append(1 / np.maximum(_inverse(_filled(planes, step), step), _LEAST))
    return found


def seen_from(home: Eye, distance: np.ndarray, eye: Eye, step: int = 1) -> np.ndarray:
    """Return what ``home`` sees of the points of a depth picture.

    Args:
        home: Where to look from.
        distance: Distances along the view axis in metres, (N, N), the top row first.
        eye: Where they were measured.
        step: Look into every so-manieth row and column.

    Returns:
        The plane of the nearest point in each pixel, float32 (3, N / step, N / step); 0 where
        there is none.
    """
    side = len(distance)
    lens = _lens(home.fovy_deg, side) @ home.turn.T
    to_home = lens @ eye.turn @ np.linalg.inv(_lens(eye.fovy_deg, side))
    back, shift = np.linalg.inv(to_home), lens @ (eye.place - home.place)
    inverse = (1 / distance).astype(np.float32)
    # The point at distance d of pixel p is seen at to_home @ p + shift / d, times its distance.
    columns, rows, front = (
        to_home.astype(np.float32) @ _centres(side).reshape(3, -1)
        + shift.astype(np.float32)[:, None] * inverse.ravel()
    )
    scale = 1 / (step * np.maximum(front, _LEAST))
    column, right = _place(columns * scale, step, side)
    row, down = _place(rows * scale, step, side)
    hit = np.flatnonzero(right & down & (front > _LEAST))
    pixel = (row[hit] * (side // step) + column[hit]).astype(np.intp)
    planes = _planes(inverse).reshape(3, -1).take(hit, 1)
    facing = 1 + (back @ shift).astype(np.float32) @ planes
    planes = back.T.astype(np.float32) @ planes / np.maximum(facing, _LEAST)
    own = np.where(facing > 0, inverse.ravel()[hit] / front[hit], 0)  # 0: seen from behind
    return _nearest(planes, own, pixel, side, step)


def _place(where: np.ndarray, step: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels that points fall into, in one axis, and whether they fall into one.

    Where pixels are left out there is room: each is made a half wider, so that no cracks open
    where the points of a surface are spread out.
    """
    where = where - 0.5 / step
    pixel = np.rint(where)
    near = np.abs(where - pixel) <= min(0.5, 0.75 / step)
    return pixel, near & (pixel >= 0) & (pixel < side // step)


def _nearest(
    planes: np.ndarray, own: np.ndarray, pixel: np.ndarray, side: int, step: int
) -> np.ndarray:
    """Return the plane that is nearest in each pixel, float32 (3, N / step, N / step).

    A plane that home would see nearly from its edge is turned to face it.

    Args:
        planes: float32 (3, K).
        own: Inverse distances of the points themselves, float32 (K,).
        pixel: The pixel of each, int (K,).
        side: N.
        step: Pixels from one row or column to the next.
    """
    centres = _centres(side)[:, ::step, ::step]
    inverse = (planes * centres.reshape(3, -1).take(pixel, 1)).sum(0)
    steep = np.flatnonzero(np.abs(inverse - own) > _STEEP * own)
    planes[:2, steep] = 0
    planes[2, steep] = inverse[steep] = own[steep]
    best = np.full(centres[0].size, _LEAST, np.float32)
    np.maximum.at(best, pixel, inverse)
    wins = np.flatnonzero(inverse == best[pixel])
    winner = np.zeros(best.size, np.intp)
    winner[pixel[wins]] = wins
    taken = np.flatnonzero(best > _LEAST)
    found = np.zeros((3, best.size), np.float32)
    found[:, taken] = planes.take(winner[taken], 1)
    return found.reshape(centres.shape)


def _planes(inverse: np.ndarray) -> np.ndarray:
    """Return the plane through each pixel of inverse distances (N, N), float32 (3, N, N).

    Its slopes are those to the neighbour that is more alike, so that edges do not bend it.
    """
    columns, rows, _ = _centres(len(inverse))
    across, along = _slope(inverse), _slope(inverse.T).T
    return np.stack([across, along, inverse - across * columns - along * rows])


def _slope(values: np.ndarray) -> np.ndarray:
    """Return the smaller difference to the neighbours in a row."""
    steps = np.pad(np.diff(values), ((0, 0), (1, 1)), 'edge')
    before, after = steps[:, :-1], steps[:, 1:]
    return np.where(np.abs(before) < np.abs(after), before, after)


def _filled(planes: np.ndarray, step: int) -> np.ndarray:
    """Return a picture without holes.

    Every hole goes on with the plane of one of its four neighbours, from its rim inwards: the one
    that is farthest there, as what a moved camera cannot see is mostly background.

    Args:
        planes: float32 (3, N, N).
        step: Pixels from one row or column to the next.
    """
    side = planes.shape[1] + 2
    wide = np.pad(planes, ((0, 0), (1, 1), (1, 1))).reshape(3, -1)
    known = wide.any(0)
    inner = np.pad(np.ones(planes.shape[1:], bool), 1).ravel()
    holes = np.flatnonzero(inner & ~known)
    while len(holes) and known.any():
        beside = holes[:, None] + (-1, 1, -side, side)
        rim = known[beside].any(1)
        here, beside = holes[rim], beside[rim]
        column, row = (here % side - 1) * step + 0.5, (here // side - 1) * step + 0.5
        offers = wide.take(beside, 1)
        inverse = offers[0] * column[:, None] + offers[1] * row[:, None] + offers[2]
        farthest = np.where(known[beside], inverse, np.inf).argmin(1)
        wide[:, here] = wide.take(beside[np.arange(len(here)), farthest], 1)
        known[here] = True
        holes = holes[~rim]
    return wide.reshape(3, side, side)[:, 1:-1, 1:-1]


def _inverse(planes: np.ndarray, step: int) -> np.ndarray:
    """Return the inverse distances of a picture of planes, (N, N)."""
    return (planes * _centres(planes.shape[1] * step)[:, ::step, ::step]).sum(0)


def _lens(fovy_deg: float, side: int) -> np.ndarray:
    """Return what turns (right, up, back) into (column, row, 1) times the distance, (3, 3)."""
    half = side / 2
    scale = half / np.tan(np.radians(fovy_deg) / 2)
    return np.array([[scale, 0, -half], [0, -scale, -half], [0, 0, -1]])


@functools.cache
def _centres(side: int) -> np.ndarray:
    """Return (column, row, 1) of the centre of each pixel, float32 (3, N, N)."""
    rows, columns = np.indices((side, side), np.float32) + np.float32(0.5)
    return np.stack([columns, rows, np.ones_like(rows)])
