"""Applies a visual domain to a compiled MuJoCo model, in place and without recompiling it."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from claifo_sim import patterns
from claifo_sim.clouds import Eye, eye_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claifo_sim.visual import Rgb, VisualDomain

# Every array of the model that a domain may change; all are small. Textures are kept apart.
_ARRAYS = (
    'light_diffuse', 'light_pos', 'light_pos0', 'light_poscom0', 'light_dir', 'light_dir0',
    'mat_rgba', 'mat_texrepeat', 'geom_rgba',
)
_CAMERA = ('cam_pos', 'cam_pos0', 'cam_poscom0', 'cam_quat', 'cam_mat0', 'cam_fovy')
_HEADLIGHT = ('ambient', 'diffuse', 'specular')


@dataclasses.dataclass(frozen=True)
class Part:
    """What is coloured as one: everything of some materials, and some shapes by themselves.

    Attributes:
        materials: Names of materials.
        geoms: Indices of shapes.
    """

    materials: tuple[str, ...] = ()
    geoms: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class StockLook:
    """What a suite's model consists of, and its stock colours.

    Attributes:
        parts: The parts that a domain may colour, by name.
        floor: Material of the chequered floor; empty: there is none.
        surfaces: Materials of floor, walls and table, whose textures may be painted.
        backdrop: Those of them that are neither robot nor thing.
        sky_rgb: Colours of the sky's gradient, as :attr:`VisualDomain.sky_rgb`.
        sky: The gradient itself, uint8 (H, W, 3), where the stock sky is plain black.
    """

    parts: Mapping[str, Part]
    floor: str
    surfaces: tuple[str, ...]
    backdrop: tuple[str, ...]
    sky_rgb: tuple[Rgb, Rgb] = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    sky: np.ndarray | None = None


class Painter:
    """Gives one model the look of any domain, always starting from the untouched model."""

    def __init__(
        self, model: mujoco.MjModel, stock: StockLook, cameras: tuple[int, ...]
    ) -> None:
        """Remember the untouched look.

        Args:
            model: The compiled model.
            stock: Which parts are what.
            cameras: Indices of the cameras that film the task.
        """
        self._model = model
        self._stock = stock
        self._cameras = cameras
        self._arrays = {name: getattr(model, name).copy() for name in (*_ARRAYS, *_CAMERA)}
        self._headlight = {k: getattr(model.vis.headlight, k).copy() for k in _HEADLIGHT}
        self._shadow_px = int(model.vis.quality.shadowsize)
        self._textures: dict[int, np.ndarray] = {}
        self._painted: dict[int, object] = {}
        # Fields that end in 0 are global; the pose at qpos0 turns an offset in a body's frame.
        self._data0 = mujoco.MjData(model)
        mujoco.mj_kinematics(model, self._data0)

    def apply(self, domain: VisualDomain) -> tuple[int, ...]:
        """Give the model the look of ``domain``.

        Returns:
            The textures whose pixels changed: they must be uploaded to every GL context.
        """
        self._restore()
        self._light(domain)
        self._colours(domain)
        for camera in self._cameras:
            self._move_camera(camera, domain)
        return self._paint_textures(domain)

    def homes(self, data: mujoco.MjData) -> list[Eye]:
        """Return where each camera would be now if no look had moved it; ``data`` stays."""
        model = self._model
        moved = {name: getattr(model, name).copy() for name in _CAMERA}
        self._place_cameras(self._arrays)
        mujoco.mj_camlight(model, data)
        found = [eye_of(model, data, camera) for camera in self._cameras]
        self._place_cameras(moved)
        mujoco.mj_camlight(model, data)
        return found

    def _place_cameras(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name in _CAMERA:
            getattr(self._model, name)[:] = arrays[name]

    def _restore(self) -> None:
        for name, value in self._arrays.items():
            getattr(self._model, name)[:] = value
        for name, value in self._headlight.items():
            getattr(self._model.vis.headlight, name)[:] = value
        self._model.vis.quality.shadowsize = self._shadow_px

    def _light(self, domain: VisualDomain) -> None:
        model = self._model
        if domain.headlight is not None:
            for name, value in zip(_HEADLIGHT, domain.headlight, strict=True):
                getattr(model.vis.headlight, name)[:] = value
        if domain.shadow_map_px is not None:
            model.vis.quality.shadowsize = domain.shadow_map_px
        if domain.lamp_diffuse is not None:
            model.light_diffuse[:] = domain.lamp_diffuse
        for lamp in range(model.nlight):
            if domain.lamp_position is not None:
                self._move_lamp(lamp, np.subtract(domain.lamp_position, model.light_pos[lamp]))
            if domain.lamp_shift is not None:
                self._swing_lamp(lamp, np.array(domain.lamp_shift))

    def _move_lamp(self, lamp: int, offset: np.ndarray) -> None:
        """Move a lamp by ``offset`` in its body's frame; tracking lamps read the global fields."""
        model = self._model
        turn = self._data0.xmat[model.light_bodyid[lamp]].reshape(3, 3)
        model.light_pos[lamp] += offset
        model.light_pos0[lamp] += turn @ offset
        model.light_poscom0[lamp] += turn @ offset

    def _swing_lamp(self, lamp: int, shift: np.ndarray) -> None:
        model = self._model
        height = abs(model.light_pos[lamp, 2])
        aim = model.light_pos[lamp] + height * model.light_dir[lamp]
        self._move_lamp(lamp, height * shift)
        direction = aim - model.light_pos[lamp]
        direction /= np.linalg.norm(direction)
        turn = self._data0.xmat[model.light_bodyid[lamp]].reshape(3, 3)
        model.light_dir[lamp] = direction
        model.light_dir0[lamp] = turn @ direction

    def _colours(self, domain: VisualDomain) -> None:
        model = self._model
        for name, rgba in domain.colours:
            part = self._stock.parts[name]
            for material in map(self._material, part.materials):
                if material >= 0:
                    model.mat_rgba[material] = rgba
            model.geom_rgba[list(part.geoms)] = rgba
        floor = self._material(self._stock.floor)
        if domain.floor_repeat is not None and floor >= 0:
            model.mat_texrepeat[floor] *= domain.floor_repeat

    def _material(self, name: str) -> int:
        return mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_MATERIAL, name)

    def _move_camera(self, camera: int, domain: VisualDomain) -> None:
        model = self._model
        local = _matrix(model.cam_quat[camera])
        world = model.cam_mat0[camera].reshape(3, 3).copy()
        if domain.camera_shift is not None:
            offset = np.array(domain.camera_shift) * model.stat.extent
            model.cam_pos[camera] += local @ offset
            model.cam_pos0[camera] += world @ offset
            model.cam_poscom0[camera] += world @ offset
        if domain.camera_turn_deg is not None:
            turn = _rotation(domain.camera_turn_deg)
            mujoco.mju_mat2Quat(model.cam_quat[camera], (local @ turn).ravel())
            model.cam_mat0[camera] = (world @ turn).ravel()
        if domain.camera_fovy_scale is not None:
            model.cam_fovy[camera] *= domain.camera_fovy_scale

    def _paint_textures(self, domain: VisualDomain) -> tuple[int, ...]:
        wanted = self._wanted(domain)
        changed = tuple(
            index for index in sorted({*wanted, *self._painted})
            if self._painted.get(index) != wanted.get(index, (None,))[0]
        )
        for index in changed:
            pristine = self._textures.setdefault(index, self._texture(index).copy())
            paint = wanted[index][1] if index in wanted else None
            self._texture(index)[:] = pristine if paint is None else paint(pristine)
        self._painted = {index: key for index, (key, _) in wanted.items()}
        return changed

    def _wanted(
        self, domain: VisualDomain
    ) -> dict[int, tuple[object, Callable[[np.ndarray], np.ndarray]]]:
        """Return, for each texture to paint, what identifies the paint and the painting."""
        wanted: dict[int, tuple[object, Callable[[np.ndarray], np.ndarray]]] = {}
        sky, floor = self._sky_texture(), self._texture_of(self._stock.floor)
        for index, rgb, recolour in (
            (floor, domain.floor_rgb, _recolour_checker),
            (sky, domain.sky_rgb, self._recolour_sky),
        ):
            if index >= 0 and rgb is not None:
                wanted[index] = rgb, functools.partial(recolour, rgb=rgb)
        surfaces = set(map(self._texture_of, self._stock.surfaces))
        backdrop = {sky, *map(self._texture_of, self._stock.backdrop)}
        for pattern, painted in ((domain.surfaces, surfaces), (domain.backdrop, backdrop)):
            for index in painted - {-1}:
                if pattern is not None:
                    seed = domain.seed, index
                    paint = functools.partial(patterns.paint, pattern, seed=seed)
                    wanted[index] = (pattern, seed), paint
        return wanted

    def _texture(self, index: int) -> np.ndarray:
        """Return the pixels of texture ``index``, uint8 (H, W, C): a view on the model."""
        model = self._model
        shape = model.tex_height[index], model.tex_width[index], model.tex_nchannel[index]
        start = model.tex_adr[index]
        return model.tex_data[start:start + int(np.prod(shape))].reshape(shape)

    def _texture_of(self, name: str) -> int:
        """Return the texture of a material; -1 if it has none."""
        material = self._material(name)
        return -1 if material < 0 else int(self._model.mat_texid[material].max())

    def _sky_texture(self) -> int:
        skies = np.flatnonzero(self._model.tex_type == mujoco.mjtTexture.mjTEXTURE_SKYBOX)
        return int(skies[0]) if skies.size else -1

    def _recolour_sky(self, texture: np.ndarray, rgb: tuple[Rgb, Rgb]) -> np.ndarray:
        """Return the sky with the ends of its gradient replaced; its stars stay."""
        if self._stock.sky is not None:
            weight = self._stock.sky.astype(np.float32) / 255
            first, last = np.array(rgb, np.float32) * 255
            return (first * weight + last * (1 - weight)).astype(np.uint8)
        first, last = np.array(self._stock.sky_rgb, np.float32) * 255
        axis = (first - last) / np.square(first - last).sum()
        # A built-in texture is truncated to whole levels: half a level is the expected loss.
        weight = np.clip((texture.astype(np.float32) + 0.5 - last) @ axis, 0, 1)[..., None]
        weight[(texture == 0).all(-1)] = 0
        new_first, new_last = np.array(rgb, np.float32) * 255
        painted = (new_first * weight + new_last * (1 - weight)).astype(np.uint8)
        return np.where((texture == 255).all(-1, keepdims=True), texture, painted)


def _recolour_checker(texture: np.ndarray, rgb: tuple[Rgb, Rgb]) -> np.ndarray:
    """Return a two-coloured texture in other colours: the darker first; its edge line stays."""
    painted = texture.copy()
    inner, source = painted[1:-1, 1:-1], texture[1:-1, 1:-1]
    colours = np.unique(source.reshape(-1, source.shape[-1]), axis=0)
    first = colours[colours.sum(1).argmin()]
    is_first = (source == first).all(-1, keepdims=True)
    new_first, new_other = (np.array(rgb) * 255).astype(np.uint8)
    inner[:] = np.where(is_first, new_first, new_other)
    return painted


def _matrix(quaternion: np.ndarray) -> np.ndarray:
    result = np.empty(9)
    mujoco.mju_quat2Mat(result, quaternion)
    return result.reshape(3, 3)


def _rotation(degrees: Rgb) -> np.ndarray:
    """Return the rotation about x, then y, then z of the moving frame, (3, 3)."""
    result = np.eye(3)
    for axis, angle in zip(np.eye(3), np.radians(degrees), strict=True):
        quaternion = np.empty(4)
        mujoco.mju_axisAngle2Quat(quaternion, axis, angle)
        result = result @ _matrix(quaternion)
    return result
