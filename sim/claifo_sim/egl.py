"""Whether EGL draws here, asked in processes of their own: a driver may fail, or hang for good.

Some NVIDIA drivers draw for one process and hang where several read their first picture. So all
of them have a context before the first one draws, and all must come back in time.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import time
from typing import Any

from claifo_sim.errors import SimError

TOGETHER = 4
"""Processes that draw at once before EGL is trusted with several."""

LIMIT_S = 20.0
"""Time for all of them, start of Python and MuJoCo included."""

_DRAW = 'from claifo_sim import egl, rendering; egl.draw_beside_others(*rendering.sample_view(32))'


@functools.cache
def renderer(count: int) -> str:
    """Return what EGL draws with when ``count`` processes draw at once; empty: it does not."""
    ready, given = os.pipe()
    env = os.environ | {
        'MUJOCO_GL': 'egl', 'PYOPENGL_PLATFORM': 'egl', 'PYTHONPATH': os.pathsep.join(sys.path),
    }
    children = [
        subprocess.Popen(
            [sys.executable, '-c', _DRAW, str(ready), str(given)], env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(ready, given),
        )
        for _ in range(count)
    ]
    os.close(ready)
    os.close(given)
    end = time.monotonic() + LIMIT_S
    try:
        said = [c.communicate(timeout=max(0, end - time.monotonic()))[0] for c in children]
    except subprocess.TimeoutExpired:
        said = []
    for child in children:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that the driver holds stays
            child.communicate(timeout=1)
    return said[0].strip() if said and not any(c.returncode for c in children) else ''


def draw_beside_others(view: Any, data: Any) -> None:  # noqa: ANN401 (a view and its state)
    """Draw one picture as soon as every process has its context; say with what."""
    from OpenGL import GL

    ready, given = map(int, sys.argv[1:])
    os.close(given)
    os.read(ready, 1)  # ends when the last one has closed its end
    view.render(data)
    print(GL.glGetString(GL.GL_RENDERER).decode())


def check_device() -> None:
    """Check which GPU shall draw, which MuJoCo answers with a traceback.

    Raises:
        SimError: ``MUJOCO_EGL_DEVICE_ID`` names none.
    """
    wanted = os.environ.get('MUJOCO_EGL_DEVICE_ID')
    if wanted is None:
        return
    from mujoco.egl import egl_ext

    count = len(egl_ext.eglQueryDevicesEXT())
    if not (wanted.isdecimal() and int(wanted) < count):
        raise SimError(
            f'MUJOCO_EGL_DEVICE_ID {wanted!r}: EGL finds {count} devices, the first is 0; '
            'name one of them, or unset it'
        )
