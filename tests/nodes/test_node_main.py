"""Nodes as programs: how they start, what they say, with which code they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ('.', 'sim', 'ros2_ws/src/ros2_embedded', 'ros2_ws/src/claifo_nodes')
PATIENCE_S = 60


def environment() -> dict[str, str]:
    return os.environ | {'PYTHONPATH': os.pathsep.join(str(ROOT / room) for room in ROOMS)}


def start(*words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *words], env=environment(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def sample(name: str, *words: str) -> subprocess.Popen:
    return start(str(Path(__file__).with_name('node_samples.py')), name, *words)


def end(process: subprocess.Popen) -> tuple[int, str]:
    _, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, errors


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_node_cleanly(number, tmp_path):
    process = sample('Quiet', '--ros-args', '-p', f'left:={tmp_path / "left"}')
    assert process.stdout.readline() == 'up\n'
    process.send_signal(number)
    assert end(process) == (0, '')
    assert (tmp_path / 'left').read_text() == 'left'


def test_a_node_that_moves_something_is_brought_to_rest_after_our_error():
    process = sample('Moving')
    told, errors = process.communicate(timeout=PATIENCE_S)
    assert told == 'up\nslows down\nlooks 60, works on True\n'
    assert process.returncode == 1 and 'ZeroDivisionError: our bug' in errors


def test_a_node_that_is_done_ends_with_its_code(tmp_path):
    assert end(sample('Done', '--ros-args', '-p', f'left:={tmp_path / "left"}')) == (7, '')
    assert (tmp_path / 'left').exists()


def test_what_fails_while_a_signal_shuts_down_is_the_shutdown():
    assert end(sample('Raced')) == (0, '')


def test_a_second_ctrl_c_does_not_cut_the_end_short(tmp_path):
    process = sample('Slow', '--ros-args', '-p', f'left:={tmp_path / "left"}')
    assert process.stdout.readline() == 'up\n'
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == 'ending\n'
    process.send_signal(signal.SIGINT)
    assert end(process) == (0, '')
    assert (tmp_path / 'left').read_text() == 'left'


def test_errors_of_the_user_are_one_line():
    assert end(sample('Refusing')) == (2, 'claifo: error: no such bag\n')


def test_our_errors_keep_their_traceback():
    code, errors = end(sample('Broken'))
    assert code == 1
    assert 'ZeroDivisionError: our bug' in errors


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (['-p', 'rate:=0.1'], 'parameter rate of strict is 0.1; it must be at least 0.5'),
        (['-p', 'rate:=fast'], "parameter rate of strict is 'fast'; a number is needed"),
    ],
)
def test_parameters_are_refused_with_a_reason(words, reason):
    assert end(sample('Strict', '--ros-args', *words)) == (2, f'claifo: error: {reason}\n')


def test_a_whole_number_is_a_number():
    assert end(sample('Strict', '--ros-args', '-p', 'rate:=2')) == (0, '')


def test_words_that_are_no_ros_arguments():
    code, errors = end(sample('Quiet', 'rate:=1'))
    assert code == 2
    assert errors.startswith('claifo: error: unknown argument rate:=1; nodes take ROS arguments')
    code, errors = end(sample('Quiet', '--ros-args', '--log-levle', 'info'))
    assert code == 2
    assert 'log-levle' in errors and len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ('how', 'code', 'last'),
    [
        ('refused', 2, 'claifo: error: no such policy file'),
        ('broken', 1, 'ZeroDivisionError: our bug'),
        ('not at all', 3, ''),
    ],
)
def test_a_managed_node_that_cannot_start_ends(how, code, last):
    found, errors = end(sample('Managed', '--ros-args', '-p', f'fails:={how}'))
    assert found == code
    assert (errors.splitlines() or [''])[-1] == last
    assert errors.count('Traceback') == (how == 'broken')


def test_the_policy_node_as_a_program(tmp_path):
    module = ('-m', 'claifo_nodes.policy_node', '--ros-args', '-p')
    processes = {
        'no such policy file': start(*module, f'policy:={tmp_path / "none"}'),
        'parameter threads of policy is 0; it must be at least 1': start(*module, 'threads:=0'),
        "parameter input of policy is 'img'": start(*module, 'input:=img'),
    }
    for reason, process in processes.items():
        code, errors = end(process)
        assert (code, len(errors.splitlines())) == (2, 1)
        assert reason in errors
