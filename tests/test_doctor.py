"""`claifo doctor`: what it finds, what it advises, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from claifo import doctor

GIGA = 10**9
NAMES = [
    'python', 'versions', 'robosuite', 'torch', 'precision', 'rendering', 'memory', 'disk',
]  # fmt: skip


@pytest.mark.parametrize(
    ('version', 'status'),
    [((3, 9), 'fail'), ((3, 10), 'ok'), ((3, 12), 'ok'), ((3, 13), 'fail')],
)
def test_python(version, status):
    check = doctor.check_python(version)
    assert check.status == status
    assert bool(check.advice) == (status == 'fail')


def test_versions_as_pinned():
    assert doctor.check_versions(['# a comment', '', 'numpy>=1.0', 'pytest>=7']).status == 'ok'


def test_a_wrong_version_of_a_simulator_fails_and_names_both():
    check = doctor.check_versions(['mujoco==1.2.3', 'numpy>=1.0'])
    assert check.status == 'fail'
    assert 'mujoco is ' in check.found
    assert '1.2.3' in check.found
    assert check.advice


@pytest.mark.parametrize(
    ('version', 'status'),
    [('2.10.1', 'fail'), ('2.11.0+cu130', 'warn'), ('2.13.0+cpu', 'ok'), ('2.14.0', 'fail')],
)
def test_torch_may_be_of_the_versions_that_were_tested(monkeypatch, version, status):
    monkeypatch.setattr(doctor.metadata, 'version', lambda name: version)
    assert doctor.check_versions(['torch==2.13.0']).status == status


def test_another_wrong_version_is_a_warning():
    assert doctor.check_versions(['pytest==0.1']).status == 'warn'


def test_a_pin_for_another_python_or_an_absent_tool_does_not_matter():
    lines = ["mujoco==1.2.3; python_version < '3'", 'no-such-distribution==1.0']
    assert doctor.check_versions(lines).status == 'ok'


def test_robosuite_is_named_with_its_version(monkeypatch):
    monkeypatch.setattr(doctor.metadata, 'version', {'robosuite': '1.2.3'}.__getitem__)
    check = doctor.check_robosuite()
    assert (check.status, check.found) == ('ok', '1.2.3')


def test_without_robosuite_nothing_fails(monkeypatch):
    def missing(name):
        raise doctor.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, 'version', missing)
    check = doctor.check_robosuite()
    assert check.status == 'ok'
    assert check.found == 'not installed (optional): make robosuite'


def test_memory_for_the_replay():
    # 1000 frames of 64 px are 12 288 000 bytes.
    enough = doctor.PROCESS_BYTES + 12_288_000
    assert doctor.check_memory(enough, 1000, 64).status == 'ok'
    check = doctor.check_memory(enough - 1, 1000, 64)
    assert check.status == 'fail'
    assert 'at most 999' in check.advice


def test_memory_says_how_many_frames_fit_when_none_are_asked_for():
    check = doctor.check_memory(doctor.PROCESS_BYTES + 10 * 84 * 84 * 3, None, 84)
    assert check.status == 'ok'
    assert check.figures['replay_frames_max'] == 10


def test_disk_must_hold_two_checkpoints(tmp_path):
    assert doctor.check_disk(tmp_path, None, 64).status == 'ok'
    check = doctor.check_disk(tmp_path, 10**12, 64)
    assert check.status == 'fail'
    assert check.figures['needed_bytes'] == doctor.RUN_BYTES + 2 * 10**12 * 64 * 64 * 3


def test_available_memory_is_plausible():
    total = doctor.available_memory()
    assert total is None or 10**8 < total < 10**14


def test_rendering_names_back_end_and_time():
    check = doctor.check_rendering(32)
    assert check.status in ('ok', 'warn')
    assert check.figures['backend'] in ('egl', 'osmesa')
    assert 0 < check.figures['frame_ms'] < 10_000


def run(*args: str) -> subprocess.CompletedProcess:
    command = [sys.executable, '-m', 'claifo', 'doctor', *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_bfloat16_is_advised_by_its_measured_time(monkeypatch):
    seconds = {torch.float32: 0.010, torch.bfloat16: 0.005}
    monkeypatch.setattr(doctor, '_encode_seconds', seconds.__getitem__)
    check = doctor.check_precision()
    assert check.found.endswith('take 0.50 of their time in float32: `precision: bfloat16` pays')
    seconds[torch.bfloat16] = 0.020
    assert doctor.check_precision().found.endswith('does not pay')


def test_both_precisions_are_really_timed():
    assert 0.01 < doctor.check_precision().figures['bfloat16_share'] < 100


def test_json_of_a_replay_that_cannot_fit():
    result = run('--json', '--replay-frames', '1000000000000', '--size-px', '84')
    assert result.returncode == 2
    report = json.loads(result.stdout)
    assert report['status'] == 'fail'
    checks = {check['name']: check for check in report['checks']}
    assert list(checks) == NAMES
    assert checks['memory']['status'] == 'fail'
    assert checks['memory']['figures']['replay_bytes'] == 10**12 * 84 * 84 * 3


def test_text_has_a_line_per_check():
    result = run('--replay-frames', '100')
    names = [line.split()[1] for line in result.stdout.splitlines() if '->' not in line]
    assert names == NAMES
    assert result.returncode == (2 if 'FAIL' in result.stdout else 0)


def test_a_back_end_that_does_not_exist_is_a_finding_not_a_crash(monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'glfw')
    check = doctor.check_rendering(32)
    assert check.status == 'fail'
    assert 'MUJOCO_GL' in check.advice


@pytest.mark.parametrize('value', ['0', '-3', 'many', '1.5'])
def test_wrong_numbers_are_refused_in_one_line(value):
    result = run(f'--size-px={value}')
    assert result.returncode == 2
    assert result.stderr.startswith('claifo: error: argument --size-px')
    assert value in result.stderr
    assert result.stderr.count('\n') == 1


def test_resources_are_those_of_the_tree():
    from claifo import resources

    root = Path(__file__).parents[1]
    assert resources.experts_dir() == root / 'experts'
    assert resources.config_dir() == root / 'config'
    assert resources.constraints_file().is_file()
