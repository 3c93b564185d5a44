"""Processes of this machine: how many, on which GPU, ended when asked or when the runner is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from claifo.study.executor import LocalExecutor
from claifo_core.device.runtime import drawing_on, gpus

ECHO = ['sh', '-c', 'echo $CUDA_VISIBLE_DEVICES $MUJOCO_EGL_DEVICE_ID $OMP_NUM_THREADS']


def wait(process) -> int:
    while (code := process.poll()) is None:
        time.sleep(0.02)
    return code


def test_one_run_per_gpu_dealt_out_in_turn(monkeypatch, tmp_path: Path):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '3,7')
    executor = LocalExecutor(0, 1, 'auto')
    assert executor.jobs == 2
    sleeping = executor.start(['sleep', '60'], tmp_path / 'a.log')
    assert wait(executor.start(ECHO, tmp_path / 'b.log')) == 0
    assert wait(executor.start(ECHO, tmp_path / 'b.log')) == 0  # the first GPU is still taken
    sleeping.kill()
    assert sleeping.poll() == -signal.SIGKILL
    assert wait(executor.start(ECHO, tmp_path / 'a.log')) == 0
    assert (tmp_path / 'b.log').read_text() == '7 7 1\n7 7 1\n'
    assert (tmp_path / 'a.log').read_text() == '3 3 1\n'


@pytest.mark.parametrize(
    ('value', 'found'), [('', []), ('-1', []), ('0', ['0']), ('2,0', ['2', '0'])]
)
def test_gpus_are_those_that_may_be_used(monkeypatch, value: str, found: list[str]):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', value)
    assert gpus() == found


@pytest.mark.parametrize(
    ('visible', 'chosen', 'drawn'),
    [('2,0', None, {'MUJOCO_EGL_DEVICE_ID': '2'}), ('2', None, {}), ('2,0', '5', {}),
     ('GPU-ab,2', None, {})],
    ids=['of several', 'the only one', 'the user said', 'no number'],
)  # fmt: skip
def test_simulators_draw_on_the_gpu_of_their_run(monkeypatch, visible, chosen, drawn):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    monkeypatch.delenv('MUJOCO_EGL_DEVICE_ID', raising=False)
    if chosen:
        monkeypatch.setenv('MUJOCO_EGL_DEVICE_ID', chosen)
    assert drawing_on(gpus()[0]) == drawn


def test_without_gpu_as_many_as_the_cores_have_room_for(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(9)))
    assert LocalExecutor(0, 1, 'cpu').jobs == 9
    assert LocalExecutor(0, 4, 'cpu').jobs == 2
    assert LocalExecutor(0, 16, 'cpu').jobs == 1
    assert LocalExecutor(5, 16, 'cpu').jobs == 5


def test_a_command_ends_with_the_process_that_started_it(tmp_path: Path):
    code = (
        'import sys, time; from pathlib import Path\n'
        'from claifo.study.executor import LocalExecutor\n'
        'LocalExecutor(1, 1, "cpu").start(["sh", "-c", "echo $$; exec sleep 60"],'
        ' Path(sys.argv[1]))\ntime.sleep(60)'
    )
    log = tmp_path / 'log'
    with subprocess.Popen([sys.executable, '-c', code, str(log)]) as runner:
        while not log.exists() or not log.read_text().endswith('\n'):
            time.sleep(0.02)
        runner.kill()
    end = time.monotonic() + 20
    while is_alive(int(log.read_text())):
        assert time.monotonic() < end, 'it outlives its runner'
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
