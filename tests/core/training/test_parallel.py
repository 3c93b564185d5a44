"""A team of processes learns one policy from different experience, and resumes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_world import expert_videos, small_config

from claifo_core.errors import ClaifoError
from claifo_core.training.learner import Learner
from claifo_core.training.metrics import read_jsonl
from claifo_core.training.parallel import Team

TOY_TEAM = Path(__file__).parents[1] / 'toy_team.py'


def train(folder: Path, steps: int) -> None:
    """Start two processes as torchrun does, and wait for both."""
    command = [
        sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2',
        '--rdzv-backend=c10d', '--rdzv-endpoint=localhost:0', str(TOY_TEAM), str(folder),
        str(steps),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def tensors(folder: Path, what: str) -> dict[str, torch.Tensor]:
    (path,) = (folder / 'checkpoint').glob(f'{what}-*.safetensors')
    return load_file(path)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """A run of two processes that was stopped at 240 steps and resumed to 360."""
    found = tmp_path_factory.mktemp('team')
    train(found, 240)
    train(found, 360)
    return found


def test_weights_are_the_same_and_experience_is_not(folder):
    first, second = (tensors(folder / f'rank{rank}', 'tensors') for rank in (0, 1))
    same = [name for name in first if not name.startswith('rng.')]
    assert len(same) > 20
    for name in same:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0, msg=name)
    frames = [tensors(folder / f'rank{rank}', 'replay-00000')['frames'] for rank in (0, 1)]
    assert not torch.equal(*frames)


def test_steps_and_updates_are_those_of_one_process(folder):
    end = read_jsonl(folder / 'rank0' / 'metrics.jsonl')[-1]
    assert end['kind'] == 'end' and end['step'] == 360
    config = small_config(update_every=4)
    # The updates that steps k * 4 call for are done in the step after.
    assert end['updates'] == pytest.approx((360 - config.seed_steps) / 4, abs=2)


def test_only_the_first_process_evaluates(folder):
    kinds = [
        {record['kind'] for record in read_jsonl(folder / f'rank{rank}' / 'metrics.jsonl')}
        for rank in (0, 1)
    ]
    assert 'eval' in kinds[0] and 'eval' not in kinds[1]


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ClaifoError, match=r'agent.batch_size is 15; 2 processes cannot'):
        Learner(small_config(agent__batch_size=15), 2, expert_videos(1), team=Team(0, 2))
