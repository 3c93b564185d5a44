"""The render back end is found or its absence is explained; views come and go cleanly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from claifo_sim import SimError, egl, make, rendering


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
    with pytest.raises(SimError, match=rf'run: .*apt-get install -y {package}') as raised:
        rendering.probe()
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


@pytest.fixture
def slow_mujoco(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let a process that asks EGL hang as on such a driver: for good, whatever it is sent."""
    (tmp_path / 'mujoco.py').write_text('import time; time.sleep(600)')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(egl, 'LIMIT_S', 1.0)
    egl.renderer.cache_clear()
    yield
    egl.renderer.cache_clear()


@pytest.mark.skipif(not rendering._loads('EGL'), reason='no EGL')
def test_egl_draws_in_several_processes_that_wait_for_each_other() -> None:
    egl.renderer.cache_clear()
    assert egl.renderer(3) == egl.renderer(1) != ''


@pytest.mark.usefixtures('slow_mujoco')
def test_egl_that_hangs_is_told_in_one_line_and_osmesa_draws(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv('MUJOCO_GL', raising=False)
    monkeypatch.setattr(rendering, '_gpu_present', lambda: True)
    monkeypatch.setattr(rendering, '_loads', lambda library: True)
    assert [rendering.probe(), rendering.probe()] == ['osmesa'] * 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1 and 'did not draw in 4 processes' in said[0]


@pytest.mark.skipif(not rendering._loads('EGL'), reason='no EGL')
@pytest.mark.parametrize('number', ['99', '-1', 'first'])
def test_a_gpu_that_is_not_there_is_refused_in_one_line(number: str) -> None:
    program = 'from claifo_sim.rendering import sample_view; sample_view(16)'
    env = os.environ | {'PYTHONPATH': os.pathsep.join(sys.path), 'MUJOCO_GL': 'egl',
                        'PYOPENGL_PLATFORM': 'egl', 'MUJOCO_EGL_DEVICE_ID': number}
    result = subprocess.run([sys.executable, '-c', program], env=env, capture_output=True,
                            text=True, timeout=120, check=False)
    *trace, last = result.stderr.splitlines()
    assert last.startswith(f"claifo_sim.errors.SimError: MUJOCO_EGL_DEVICE_ID '{number}': EGL")
    assert 'ignored' not in ''.join(trace)  # as MuJoCo's half-built context would complain


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
