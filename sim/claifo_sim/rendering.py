"""Pictures of a MuJoCo scene without a display: choice of the GL back end, and the camera view."""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import glob
import importlib
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo_sim import clouds, egl, image_kinds
from claifo_sim.errors import SimError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import mujoco

PACKAGES = {'osmesa': 'libosmesa6', 'egl': 'libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri'}
_LIBRARIES = {'osmesa': 'OSMesa', 'egl': 'EGL'}
_SOFTWARE = ('llvmpipe', 'softpipe', 'swrast')


def _loads(library: str) -> bool:
    """Return whether the dynamic linker finds and loads ``library``."""
    path = ctypes.util.find_library(library)
    try:
        return path is not None and ctypes.CDLL(path) is not None
    except OSError:
        return False


def _gpu_present() -> bool:
    return bool(glob.glob('/dev/nvidia[0-9]*') or glob.glob('/dev/dri/renderD*'))


def _install_command(backend: str) -> str:
    sudo = '' if os.geteuid() == 0 else 'sudo '
    return f'{sudo}apt-get install -y {PACKAGES[backend]}'


def _choose() -> str:
    """Return EGL on a GPU, else OSMesa, else EGL in software.

    For small pictures without a GPU OSMesa is as fast as EGL or faster, and scales by process.
    """
    has_egl, has_osmesa = (_loads(_LIBRARIES[name]) for name in ('egl', 'osmesa'))
    if has_egl and _gpu_present():
        drawn = egl.renderer(egl.TOGETHER)
        if drawn and not any(software in drawn for software in _SOFTWARE):
            return 'egl'
        if not drawn:
            instead = 'OSMesa draws' if has_osmesa else f'run: {_install_command("osmesa")}'
            print(f'claifo: rendering: EGL did not draw in {egl.TOGETHER} processes at once '
                  f'within {egl.LIMIT_S:.0f} s; {instead}', file=sys.stderr)
    if has_osmesa:
        return 'osmesa'
    if has_egl and egl.renderer(1):
        return 'egl'
    raise SimError(
        f'rendering: neither OSMesa nor EGL was found on this machine; '
        f'run: {_install_command("osmesa")}'
    )


def probe() -> str:
    """Return the GL back end, ``egl`` or ``osmesa``, and set the environment to it.

    A value of ``MUJOCO_GL`` that is already set is respected. Processes started later inherit it.

    Raises:
        SimError: No back end works; the message names the Debian package that is missing.
    """
    backend = os.environ.get('MUJOCO_GL', '').strip().lower()
    if not backend:
        backend = _choose()
    elif backend not in PACKAGES:
        raise SimError(f'MUJOCO_GL {backend!r}: not supported; use egl or osmesa, or unset it')
    elif not _loads(_LIBRARIES[backend]):
        raise SimError(f'MUJOCO_GL {backend!r}: its library was not found; '
                       f'run: {_install_command(backend)}')
    # PyOpenGL must agree, whatever another program left in the environment.
    os.environ['MUJOCO_GL'] = os.environ['PYOPENGL_PLATFORM'] = backend
    return backend


def _window(backend: str, size_px: int) -> Any:  # noqa: ANN401  either back end's GLContext
    """Return a GL context of ``backend``.

    Raises:
        SimError: The library is there, but cannot draw; no such GPU.
    """
    try:
        if backend == 'egl':
            egl.check_device()
        return importlib.import_module(f'mujoco.{backend}').GLContext(size_px, size_px)
    except (ImportError, AttributeError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SimError(f'rendering: {backend} cannot draw ({reason}); '
                       f'run: {_install_command(backend)}') from error


class View:
    """Pictures of one model by some cameras; owns a GL context that is built once and reused.

    The context belongs to the thread that renders. Close the view before another one of the same
    model is built.
    """

    def __init__(
        self, model: mujoco.MjModel, cameras: tuple[int, ...], size_px: int, *, fast: bool,
        hidden: tuple[int, ...] = (), image: str = 'rgb',
    ) -> None:
        """Build the context.

        Args:
            model: The model; its off-screen buffer and multisampling are set as needed.
            cameras: Indices of the cameras.
            size_px: Width and height of the pictures.
            fast: No shadow, reflection or multisampling, but 2x supersampling; else the model's
                own quality.
            hidden: Groups of shapes that are not drawn, beside those that MuJoCo hides.
            image: ``rgb``, or grey pictures of ``depth``, ``cloud`` or ``segmentation``
                (:mod:`claifo_sim.image_kinds`).

        Raises:
            SimError: No GL back end works.
        """
        self._backend = probe()
        import mujoco  # after the back end has been chosen

        self._mj = mujoco
        self._model = model
        self._fast = fast
        self._step = 2 if fast else 1  # of labels and distances one sample counts, never a mean
        self._drawn_px = size_px * self._step
        self._pixels = np.empty((self._drawn_px, self._drawn_px, 3), np.uint8)
        self._rect = mujoco.MjrRect(0, 0, self._drawn_px, self._drawn_px)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[list(hidden)] = 0
        self._perturb = mujoco.MjvPerturb()
        self._cameras = [_fixed(camera) for camera in cameras]
        self._scene = mujoco.MjvScene(model, maxgeom=2000)
        if fast:
            self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
            self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._context: Any = None
        self._window: Any = None  # the back end's GLContext
        self._image = image
        if image != 'rgb':
            self._scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = 1
            self._scene.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = 1
        self._build()

    def _build(self) -> None:
        model = self._model
        model.vis.global_.offwidth = model.vis.global_.offheight = self._drawn_px
        if self._fast:
            model.vis.quality.offsamples = 0
        self._shadow_px = int(model.vis.quality.shadowsize)
        self._window = _window(self._backend, self._drawn_px)
        self._window.make_current()
        self._context = self._mj.MjrContext(model, self._mj.mjtFontScale.mjFONTSCALE_50.value)
        self._context.readDepthMap = self._mj.mjtDepthMap.mjDEPTH_ZEROFAR
        self._mj.mjr_setBuffer(self._mj.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        if not _open:  # after EGL was first used: so that this comes before it ends
            atexit.register(_close_all)
        _open.add(self)

    def upload(self, textures: Iterable[int]) -> None:
        """Send changed textures of the model to the context.

        Args:
            textures: Indices of the textures whose ``tex_data`` changed.
        """
        self._current()
        for texture in textures:
            self._mj.mjr_uploadTexture(self._model, self._context, texture)

    def _current(self) -> None:
        if self._window is None:
            raise SimError('rendering: the environment has been closed')
        if not self._fast and self._shadow_px != self._model.vis.quality.shadowsize:
            # The size of the shadow map is fixed when the context is built.
            self.close()
            self._build()
        self._window.make_current()
        # The context keeps a copy from when it was built.
        repeat = self._model.mat_texrepeat.ravel()
        self._context.mat_texrepeat[: len(repeat)] = repeat

    def render(self, data: mujoco.MjData, homes: Sequence[clouds.Eye] = ()) -> np.ndarray:
        """Return the pictures of ``data``, upright, uint8 (H, W, 3 V) RGB; a new array.

        Those of V cameras lie one behind the other in the last axis.

        Args:
            data: The state.
            homes: Where each camera belongs, for a picture of kind ``cloud``.
        """
        self._current()
        if self._image in ('depth', 'cloud'):
            views = self._depths(data, homes)
        else:
            views = [self._shoot(data, camera) for camera in self._cameras]
        return views[0] if len(views) == 1 else np.concatenate(views, 2)

    def _draw(self, data: mujoco.MjData, camera: mujoco.MjvCamera) -> None:
        self._mj.mjv_updateScene(
            self._model, data, self._option, self._perturb, camera,
            self._mj.mjtCatBit.mjCAT_ALL.value, self._scene,
        )
        self._mj.mjr_render(self._rect, self._scene, self._context)

    def _shoot(self, data: mujoco.MjData, camera: mujoco.MjvCamera) -> np.ndarray:
        """Return the picture of colours or of segmentation of one camera."""
        self._draw(data, camera)
        self._mj.mjr_readPixels(self._pixels, None, self._rect, self._context)
        if self._image == 'segmentation':
            drawn = self._pixels[::-1][::self._step, ::self._step]
            shapes = image_kinds.shapes_at(drawn, self._scene)
            return image_kinds.segmentation_picture(shapes)
        if not self._fast:
            return self._pixels[::-1].copy()
        return _halve(self._pixels)[::-1].copy()

    def _depths(self, data: mujoco.MjData, homes: Sequence[clouds.Eye]) -> list[np.ndarray]:
        """Return the picture of depth of each camera, seen from its home where that is given."""
        distances = [self._distance(data, camera) for camera in self._cameras]
        eyes = [clouds.eye_of(self._model, data, k.fixedcamid) for k in self._cameras]
        sampled = clouds.gathered(distances, eyes, homes or eyes, self._step)
        return [image_kinds.depth_picture(distance) for distance in sampled]

    def _distance(self, data: mujoco.MjData, camera: mujoco.MjvCamera) -> np.ndarray:
        """Return distances in metres as they are drawn, float64 (H, W)."""
        self._draw(data, camera)
        depth = np.empty(self._pixels.shape[:2], np.float32)
        self._mj.mjr_readPixels(None, depth, self._rect, self._context)
        return image_kinds.metres(depth[::-1], self._model)

    def close(self) -> None:
        """Free the context; more calls do nothing."""
        if self._window is None:
            return
        self._window.make_current()
        self._context.free()
        self._window.free()
        self._context = self._window = None


def _fixed(camera: int) -> mujoco.MjvCamera:
    import mujoco

    found = mujoco.MjvCamera()
    found.type, found.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, camera
    return found


_open: weakref.WeakSet[View] = weakref.WeakSet()


def _close_all() -> None:
    """Free what the program has left open: without its display, EGL would complain."""
    for view in list(_open):
        view.close()


def _halve(image: np.ndarray) -> np.ndarray:
    """Return the rounded mean of each 2x2 block of ``image``, uint8 (2H, 2W, 3)."""
    wide = image.astype(np.uint16)
    rows = wide[0::2] + wide[1::2]
    return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


_SAMPLE_SCENE = """
<mujoco>
  <asset>
    <texture name='sky' type='skybox' builtin='gradient' rgb1='.4 .6 .8' width='800' height='800'/>
    <texture name='grid' type='2d' builtin='checker' rgb1='.1 .2 .3' rgb2='.2 .3 .4'
      width='300' height='300'/>
    <material name='grid' texture='grid' texuniform='true' reflectance='.2'/>
  </asset>
  <worldbody>
    <light pos='0 0 2'/>
    <camera pos='0 -2 2' euler='60 0 0'/>
    <geom type='plane' size='50 .8 .2' material='grid'/>
    <geom type='capsule' fromto='0 0 .4 0 0 1.4' size='.07'/>
    <geom type='capsule' fromto='0 0 .4 .2 0 .05' size='.05'/>
  </worldbody>
</mujoco>
"""


def sample_view(size_px: int) -> tuple[View, mujoco.MjData]:
    """Return a ``fast`` view of a small scene, and the state to render.

    Args:
        size_px: Width and height of the picture.

    Raises:
        SimError: No GL back end works.
    """
    probe()
    import mujoco

    model = mujoco.MjModel.from_xml_string(_SAMPLE_SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return View(model, (0,), size_px, fast=True), data


def milliseconds_per_frame(size_px: int, frames: int = 20) -> float:
    """Return the median time of one ``fast`` picture of a small scene, in milliseconds.

    Args:
        size_px: Width and height of the picture.
        frames: Pictures to time, after one that warms up.

    Raises:
        SimError: No GL back end works.
    """
    view, data = sample_view(size_px)
    times = []
    for _ in range(frames + 1):
        start = time.perf_counter()
        view.render(data)
        times.append(time.perf_counter() - start)
    view.close()
    return float(np.median(times[1:])) * 1000
