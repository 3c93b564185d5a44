"""The adapter to submitit, with its local executor: one machine stands for the cluster."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import pytest

from claifo import cli
from claifo.study import config
from claifo.study.cluster import ClusterExecutor
from claifo_core.errors import ClaifoError

submitit = pytest.importorskip('submitit')


@pytest.fixture
def study(study_file):
    return config.load(study_file('methods: [claifo]\njobs: 5\ncluster: {timeout_min: 3}'))


def ended(executor: ClusterExecutor, command: list[str], log: Path) -> int:
    process = executor.start(command, log)
    end = time.monotonic() + 120
    while (code := process.poll()) is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    return code


def test_a_command_runs_with_its_words_as_they_are_and_its_output_in_its_log(study, tmp_path):
    executor = ClusterExecutor(study, tmp_path, 'local', None)
    assert executor.jobs == 5
    log = tmp_path / 'run with spaces' / 'train.log'
    log.parent.mkdir()
    log.write_text('earlier\n')
    program = 'import sys; print(sys.argv[1:]); print("oh", file=sys.stderr); sys.exit(0)'
    words = ['--a=1, 2', "it's", '$HOME']
    assert ended(executor, [sys.executable, '-u', '-c', program, *words], log) == 0
    assert log.read_text() == f'earlier\n{words}\noh\n'
    failing = [sys.executable, '-c', 'import sys; sys.exit("claifo: error: disk full")']
    assert ended(executor, failing, log) == 1
    assert log.read_text().endswith('claifo: error: disk full\n')


def test_what_submitit_refuses_is_one_line(study, tmp_path, monkeypatch):
    wrong = dataclasses.replace(study, cluster={'timeout_minutes': 3})
    with pytest.raises(ClaifoError, match=r'submitit says: .*timeout_minutes'):
        ClusterExecutor(wrong, tmp_path, 'local', None)
    monkeypatch.setitem(sys.modules, 'submitit', None)
    with pytest.raises(ClaifoError, match=r"pip install 'claifo\[cluster\]'"):
        ClusterExecutor(study, tmp_path, 'local', None)


def test_without_slurm_the_command_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert cli.main(['study', 'study_demo', '--cluster', 'slurm']) == 2
    error = capsys.readouterr().err
    assert 'slurm' in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'studies' / 'demo' / 'study.json').exists()
