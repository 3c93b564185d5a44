"""The render back end is found or its absence is explained; views come and go cleanly."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from claifo_sim import SimError, make, rendering


def test_probe_sets_and_respects_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('MUJOCO_GL', raising=False)
    chosen = rendering.probe()
    assert chosen in ('egl', 'osmesa')
    assert os.environ['MUJOCO_GL'] == chosen
    assert rendering.probe() == chosen


def test_unsupported_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MUJOCO_GL', 'glfw')
    with pytest.raises(SimError, match=r"MUJOCO_GL 'glfw': not supported; use egl or osmesa"):
        rendering.probe()


@pytest.mark.parametrize(
    ('variable', 'package'), [('', 'libosmesa6'), ('osmesa', 'libosmesa6'), ('egl', 'libegl1')]
)
def test_missing_library_names_the_package(
    monkeypatch: pytest.MonkeyPatch, variable: str, package: str
) -> None:
    monkeypatch.setenv('MUJOCO_GL', variable)
    monkeypatch.setattr(rendering.ctypes.util, 'find_library', lambda name: None)
    rendering._egl_renderer.cache_clear()
    with pytest.raises(SimError, match=rf'run: .*apt-get install -y {package}') as raised:
        rendering.probe()
    rendering._egl_renderer.cache_clear()
    assert '\n' not in str(raised.value)


def test_first_use_in_a_bare_process_needs_no_variable() -> None:
    program = ('import claifo_sim, sys; assert "mujoco" not in sys.modules; '
               'env = claifo_sim.make("pendulum_swingup"); print(env.reset()[0]["pixels"].mean())')
    bare = {k: v for k, v in os.environ.items() if k not in ('MUJOCO_GL', 'PYOPENGL_PLATFORM')}
    bare['PYTHONPATH'] = os.pathsep.join(sys.path)
    result = subprocess.run([sys.executable, '-c', program], env=bare, capture_output=True,
                            text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) > 10
    assert result.stderr == ''  # not even an OpenGL complaint when the interpreter ends


def test_close_is_final_and_idempotent() -> None:
    env = make('walker_walk', size_px=32)
    env.reset()
    env.close()
    env.close()
    with pytest.raises(SimError, match='has been closed'):
        env.pixels()


def test_views_live_side_by_side_and_one_after_another() -> None:
    first = make('walker_walk', 'full/source', size_px=48)
    picture = first.reset(seed=0)[0]['pixels']
    second = make('walker_walk', 'full/source', size_px=48)
    np.testing.assert_array_equal(second.reset(seed=0)[0]['pixels'], picture)
    first.close()
    np.testing.assert_array_equal(second.pixels(), picture)
    third = make('cartpole_balance', size_px=48)
    third.reset()
    np.testing.assert_array_equal(second.pixels(), picture)
    second.close()
    third.close()


def test_faithful_view_follows_the_shadow_map() -> None:
    env = make('walker_walk', 'light/source', size_px=48, profile='faithful')
    picture = env.reset(seed=0)[0]['pixels']
    env.set_domain('light/target')
    assert not np.array_equal(env.pixels(), picture)
    env.set_domain('light/source')
    np.testing.assert_array_equal(env.pixels(), picture)
    env.close()


def test_milliseconds_per_frame_is_a_time() -> None:
    assert 0 < rendering.milliseconds_per_frame(64, frames=3) < 10_000
