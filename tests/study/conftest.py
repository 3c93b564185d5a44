"""Studies in a folder, and run folders such as trainings leave behind, made without training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claifo.study import config, store
from claifo_core.agent.networks import build_networks
from claifo_core.config import settings
from claifo_core.policy import Policy

TINY = Path(__file__).parents[1] / 'tiny.yaml'


@pytest.fixture(scope='session')
def study_file(tmp_path_factory: pytest.TempPathFactory):
    """Return what writes a study file over a tiny preset: ``study_file('methods: [claifo]')``."""

    def write(text: str, name: str = 'tried.yaml') -> Path:
        folder = tmp_path_factory.mktemp('study')
        (folder / name).write_text(f'preset: {TINY}\n{text}\n')
        return folder / name

    return write


def _write_run(folder: Path, study, run, returns, *, commit=None, code=0, step=400, **start):
    """Write a run with evaluations of these returns, the last at ``step`` of 400."""
    run_dir = folder / run.folder
    commit = commit or store.read(folder)['sessions'][-1]['commit']
    store.note(run_dir, **vars(run), command=f'claifo train {run.method}', commits=[commit],
               exit_code=code)  # fmt: skip
    (run_dir / 'config.yaml').write_text(settings.dump(study.config(run)))
    records = [{'kind': 'start', 'expert_return': 900.0, 'random_return': 5.0, **start}]
    for i, value in enumerate(returns):
        at = 100 * i if i < len(returns) - 1 else step
        records.append({'kind': 'eval', 'step': at, 'frames': 10 * at, 'updates': at // 2,
                        'wall_s': 0.9 * at, 'return_mean': value, 'return_std': 1.0})  # fmt: skip
    records.append({'kind': 'end', 'step': step, 'updates': step // 2, 'wall_s': 0.9 * step})
    (run_dir / 'metrics.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in records))


@pytest.fixture(scope='session')
def write_run():
    """Return what writes a run: ``write_run(folder, study, run, [0, 5, 9])``."""
    return _write_run


def _save_policy(folder: Path, study, run):
    """Write the untrained policy of a run."""
    config = study.config(run)
    sizes = {'frame_stack': config.env.frame_stack, 'size_px': config.env.size_px}
    parts = build_networks(config.network, **sizes, action_dim=2, seed=run.seed)
    Policy.of(parts, config, {}).save(folder / run.folder / 'policy.safetensors')


@pytest.fixture(scope='session')
def save_policy():
    """Return what writes a policy beside the figures: ``save_policy(folder, study, run)``."""
    return _save_policy


@pytest.fixture
def begun(study_file, tmp_path: Path):
    """Return a study of two methods and four seeds that has begun, and its folder."""
    study = config.load(study_file(
        'methods: [laifo, {small: {agent.batch_size: 4}}]\nseeds: [0, 1, 2, 3]\nreference: laifo'
    ))  # fmt: skip
    folder = tmp_path / 'out'
    folder.mkdir()
    store.begin(folder, study, 'claifo study tried.yaml')
    return study, folder
