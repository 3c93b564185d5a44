"""A run that is killed again and again ends as the run that nobody touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_world import DARK, DotWorld

from claifo_core.device.seeding import episode_seed
from claifo_core.policy import Policy
from claifo_core.training.evaluation import evaluate

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]

KILLS = [
    [20, 0],  # before the first checkpoint
    [60, 3],  # in the first checkpoint: weights written, replay half written
    [90, 0],  # after it
    [60, 6],  # about the end of the second one, after resuming from the first
    [20, 0],  # wherever that leads
]


def run(folder: Path, sessions: list) -> Path:
    paths = os.pathsep.join(map(str, (ROOT, ROOT / 'sim', HERE)))
    done = subprocess.run(
        [sys.executable, str(HERE / 'toy_run.py'), str(folder), json.dumps(sessions)],
        env={**os.environ, 'PYTHONPATH': paths}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope='module')
def whole(tmp_path_factory) -> Path:
    return run(tmp_path_factory.mktemp('runs') / 'whole', [None])


@pytest.fixture(scope='module')
def killed(tmp_path_factory) -> Path:
    return run(tmp_path_factory.mktemp('runs') / 'killed', [*KILLS, None, None])


def records(folder: Path) -> list[dict]:
    """Return the metrics without what measures time, in a fixed order."""
    found = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    for record in found:
        for key in ('time', 'wall_s', 'steps_per_s'):
            record.pop(key, None)
    return sorted(found, key=lambda record: (record['kind'], json.dumps(record)))


def test_weights_replay_and_generators_are_the_same(whole, killed):
    """File names carry the checksum of what is inside."""
    ours, theirs = ({p.name for p in (f / 'checkpoint').iterdir()} for f in (killed, whole))
    assert ours == theirs
    states = [json.loads((f / 'checkpoint' / 'state.json').read_text()) for f in (killed, whole)]
    for state in states:
        del state['crc32'], state['extra']['wall_s']
    assert states[0] == states[1]
    for name in ('policy.safetensors', 'policy_best.safetensors', 'policy_init.safetensors'):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_metrics_tell_everything_once(whole, killed):
    ours = records(killed)
    assert ours == records(whole)
    kinds = [record['kind'] for record in ours]
    counts = {kind: kinds.count(kind) for kind in kinds}
    assert counts == {'start': 1, 'train': 6, 'episode': 12, 'eval': 4, 'end': 1}
    assert [r['step'] for r in ours if r['kind'] == 'eval'] == [0, 120, 240, 360]


def test_nothing_else_is_left_in_the_folder(whole, killed):
    for folder in (whole, killed):
        assert {path.name for path in folder.iterdir()} == {
            'config.yaml', 'metrics.jsonl', 'policy.safetensors', 'policy_best.safetensors',
            'policy_init.safetensors', 'checkpoint', 'tensorboard',
        }  # fmt: skip


def test_evaluations_are_those_of_the_saved_policies(whole):
    """What the process beside training measured can be measured again."""
    last = next(r for r in reversed(records(whole)) if r['kind'] == 'eval' and r['step'] == 360)
    assert last['episodes'] == len(last['returns']) == 2
    assert last['return_mean'] == pytest.approx(np.mean(last['returns']))
    policy = Policy.load(whole / 'policy.safetensors')
    assert policy.metadata['step'] == 360
    seeds = [episode_seed(0, 'eval', i) for i in range(2)]
    again = evaluate(policy, DotWorld(DARK), seeds)
    np.testing.assert_allclose(again.returns, last['returns'], rtol=1e-4)
