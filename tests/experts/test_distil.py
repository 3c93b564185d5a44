"""Distilling a teacher given as arrays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from claifo.experts import expert_scores, expert_tasks, load_expert
from claifo.experts.config import DistilConfig
from claifo.experts.distil import Teacher, distil
from claifo.experts.policies import load_trained
from claifo_core.errors import ClaifoError

SMALL = DistilConfig(rounds=3, episodes=1, updates=150, hidden=32)


@pytest.fixture
def teacher(tmp_path):
    """A linear feedback on the point mass, behind a nearly linear tanh layer."""
    state = np.eye(4) * 0.01
    arrays = {
        'obs_shift': np.zeros(4), 'obs_scale': np.full(4, 1.0), 'w0': state, 'b0': np.zeros(4),
        'w1': np.hstack([-60 * np.eye(2), -12 * np.eye(2)]) * 100, 'b1': np.zeros(2),
        'act_shift': np.zeros(2), 'act_scale': np.ones(2), 'log_std': np.zeros(2),
    }  # fmt: skip
    np.savez(tmp_path / 'teacher.npz', **arrays)
    return tmp_path / 'teacher.npz'


def test_the_arrays_are_the_network_they_describe(teacher):
    obs = np.array([0.01, -0.02, 0.1, 0.0])
    expected = [-60 * 0.01 - 12 * 0.1, 60 * 0.02]
    np.testing.assert_allclose(Teacher.load(teacher, 4, 2).act(obs), expected, rtol=1e-3)


def test_the_student_plays_as_its_teacher(teacher, tmp_path):
    out = tmp_path / 'expert.safetensors'
    said = []
    info = distil('point_mass_easy', teacher, SMALL, out, 'command', said.append)
    assert info.return_mean > 150  # after three short rounds; random actions give 0
    assert (info.success, info.episodes, len(said)) == (1.0, 100, 3)
    expert = load_trained(out)
    assert dataclasses.asdict(expert.info) == dataclasses.asdict(info)
    again = expert_scores('point_mass_easy', expert, 2, seed=2_000_000)
    assert again.returns.mean() == pytest.approx(info.return_mean, abs=4 * info.return_std + 1)


def test_bad_teachers_are_refused(teacher, tmp_path):
    with pytest.raises(ClaifoError, match='takes 4 observations and gives 2 actions; the task'):
        Teacher.load(teacher, 4, 3)
    with pytest.raises(ClaifoError, match=r'teacher.npz: not a policy in arrays for 5'):
        Teacher.load(teacher, 5, 2)
    (tmp_path / 'words.npz').write_text('words')
    with pytest.raises(ClaifoError, match=r'words.npz: not a policy'):
        Teacher.load(tmp_path / 'words.npz', 4, 2)
    with pytest.raises(ClaifoError, match=r'none.npz: not a policy'):
        Teacher.load(tmp_path / 'none.npz', 4, 2)
    with pytest.raises(ClaifoError, match='exists already'):
        distil('point_mass_easy', teacher, SMALL, teacher, '')


@pytest.mark.parametrize('scene', ['door', 'hammer', 'pen', 'relocate'])
def test_the_experts_of_the_hand_succeed(scene):
    """The dense task has the same expert. A pen may be dropped: three of four are enough."""
    task = f'adroit_{scene}'
    assert {task, f'{task}_dense'} <= set(expert_tasks())
    expert = load_expert(f'{task}_dense')
    claimed = expert.info
    assert claimed.success >= (0.8 if scene == 'pen' else 0.95)
    scores = expert_scores(task, expert, 4, seed=0)
    assert scores.success >= (0.5 if scene == 'pen' else 1.0)
    assert scores.returns.mean() > 0.6 * claimed.return_mean
