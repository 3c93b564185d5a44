"""The prepared script for a borrowed GPU, tried on a CPU with tiny sizes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import common
import pytest

SCRIPT = common.ROOT / 'benchmarks' / 'gpu_session.sh'
SMALL = '--preset demo --device cpu --seconds 0.2 --set agent.batch_size=8 --set env.size_px=24'


@pytest.mark.slow
def test_every_part_leaves_its_figures(tmp_path: Path):
    env = os.environ | {
        'PYTHON': sys.executable, 'OPTIONS': SMALL, 'RUNS': str(tmp_path / 'runs'),
        'REPRODUCE': '--tiny --device cpu',
    }  # fmt: skip
    out = tmp_path / 'out'
    done = subprocess.run(
        ['bash', str(SCRIPT), str(out), '30'], env=env, capture_output=True, text=True, check=True
    )
    parts = ['egl', 'tests', 'learner_bf16', 'learner_tf32', 'loop', 'reproduce']
    assert [line.rsplit(',')[0] for line in done.stdout.splitlines()] == [
        f'{part}: exit code 0' for part in parts
    ]
    assert 'chosen: ' in (out / 'egl.txt').read_text()
    assert 'skipped' in (out / 'tests.txt').read_text()
    for name, precision in (('bf16', 'bfloat16'), ('tf32', 'tf32')):
        found = json.loads((out / f'learner_{name}.json').read_text())
        assert found['precision'] == precision and found['updates_per_s'] > 0
    assert json.loads((out / 'loop.json').read_text())['num_envs'] == 8
    assert list(csv.DictReader((out / 'curves.csv').open()))


def test_a_part_that_hangs_is_ended_and_the_next_begins(tmp_path: Path):
    (tmp_path / 'python').write_text('#!/bin/sh\necho called\nsleep 600')
    (tmp_path / 'python').chmod(0o755)
    quick = tmp_path / 'benchmarks' / 'gpu_session.sh'
    quick.parent.mkdir()
    quick.write_text(SCRIPT.read_text().replace('$2 * minutes / 8', '1'))
    env = os.environ | {'PYTHON': str(tmp_path / 'python')}
    done = subprocess.run(
        ['bash', str(quick), str(tmp_path / 'out'), '1'], env=env, capture_output=True, text=True
    )
    assert done.stdout.count('exit code 124') == 5
    assert (tmp_path / 'out' / 'loop.txt').read_text() == 'called\n'
