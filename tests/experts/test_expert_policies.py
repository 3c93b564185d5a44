"""The shipped experts reach what is claimed for them; broken files are refused in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import claifo_sim
from claifo.experts import expert_scores, expert_tasks, load_expert, random_return
from claifo.experts.policies import (
    ExpertInfo,
    Mlp,
    TrainedExpert,
    load_trained,
    save_trained,
)
from claifo.resources import experts_dir
from claifo_core.errors import ClaifoError

MAX_BYTES = 1_000_000
SHIPPED = sorted(path.stem for path in experts_dir().glob('*.safetensors'))
# Mean return over the episodes of seeds 0 and 1, with a margin for other CPUs.
SCRIPTED = {
    'point_mass_easy': 850,
    'point_mass_easy_big': 850,
    'cartpole_balance': 990,
    'cartpole_balance_sparse': 990,
    'cartpole_swingup': 860,
    'reacher_easy': 950,
    'reacher_hard': 950,
}
INFO = ExpertInfo('walker_walk', 2, 1.0, 0.5, 0.0, 20, 3.0, 1000, 1.5, 'claifo expert train x')


def _network(seed: int = 0) -> Mlp:
    """Return a small random network from 3 states to 2 actions."""
    rng = np.random.default_rng(seed)
    weights = tuple(rng.normal(size=shape).astype(np.float32) for shape in [(4, 3), (2, 4)])
    biases = tuple(rng.normal(size=size).astype(np.float32) for size in (4, 2))
    return Mlp(weights, biases)


@pytest.mark.parametrize('task', SHIPPED)
def test_trained_expert_reaches_its_claim(task: str) -> None:
    """Two fresh episodes are no worse than the worst that was claimed, less 10 %.

    Experts of the hand are judged in test_distil.py, by success.
    """
    path = experts_dir() / f'{task}.safetensors'
    info = load_trained(path).info
    assert info.task == task
    assert info.episodes == (20 if info.success is None else 100)
    assert path.stat().st_size <= MAX_BYTES
    returns = expert_scores(task, load_expert(task), 2, seed=77).returns
    assert returns.mean() >= 0.9 * info.return_min
    assert returns.mean() > 2 * info.random_return or info.success == 1.0


def test_walker_walk_is_an_expert() -> None:
    """The main task's expert is worth at least 900 over 20 episodes."""
    assert load_trained(experts_dir() / 'walker_walk.safetensors').info.return_mean >= 900


@pytest.mark.parametrize('task', SCRIPTED)
def test_scripted_expert_reaches_its_return(task: str) -> None:
    """Scripted controllers solve their tasks, random actions do not."""
    returns = expert_scores(task, load_expert(task), 2, seed=0).returns
    assert returns.mean() >= SCRIPTED[task]
    assert random_return(task, episodes=2) < 0.5 * returns.mean()


def test_expert_needs_no_torch() -> None:
    """Recording plays the networks in NumPy."""
    import subprocess
    import sys

    code = (
        'import sys; from claifo.experts import load_expert; '
        "load_expert('walker_walk'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_unknown_task_lists_those_with_an_expert() -> None:
    """One line that names the value, the nearest task and all others."""
    with pytest.raises(ClaifoError, match=r"'walker_wlak'.*mean walker_walk") as error:
        load_expert('walker_wlak')
    assert all(task in str(error.value) for task in expert_tasks())
    assert '\n' not in str(error.value)


def test_an_expert_file_survives_the_disk(tmp_path: Path) -> None:
    """What was saved is loaded, weights and description."""
    path = tmp_path / 'expert.safetensors'
    save_trained(path, _network(), INFO)
    loaded = load_trained(path)
    state = np.array([0.3, -2, 5], np.float32)
    np.testing.assert_array_equal(loaded.network(state), _network()(state))
    assert loaded.info == INFO


@pytest.mark.parametrize('keep', [0, 7, 300])
def test_a_cut_file_is_refused(tmp_path: Path, keep: int) -> None:
    """A half-copied file gives one line with its name."""
    path = tmp_path / 'expert.safetensors'
    save_trained(path, _network(), INFO)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ClaifoError, match=r'expert\.safetensors'):
        load_trained(path)


def test_a_policy_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Weights that are no expert are told apart from a broken file."""
    path = tmp_path / 'other.safetensors'
    safetensors.numpy.save_file({'a': np.zeros(3)}, path, {'format': 'something else'})
    with pytest.raises(ClaifoError, match=r"other\.safetensors: format is 'something else'"):
        load_trained(path)


def test_an_action_is_held_as_in_training() -> None:
    """At action repeat 2 in training every second control step brings a new action."""
    env = claifo_sim.make('walker_walk', profile='off')
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(6, 24)).astype(np.float32)
    expert = TrainedExpert(Mlp((weight,), (np.zeros(6, np.float32),)), INFO)
    expert.reset(env)
    states = rng.normal(size=(6, 24)).astype(np.float32)
    actions = [expert.act(env, state) for state in states]
    for first, second in ((0, 1), (2, 3), (4, 5)):
        np.testing.assert_allclose(actions[first], np.tanh(weight @ states[first]), rtol=1e-5)
        np.testing.assert_array_equal(actions[first], actions[second])
    assert not np.array_equal(actions[0], actions[2])


def test_an_action_is_not_held_twice() -> None:
    """In an environment that holds actions itself, every step brings a new one."""
    env = claifo_sim.make('walker_walk', profile='off', action_repeat=2)
    rng = np.random.default_rng(0)
    info = dataclasses.replace(INFO, action_repeat=2)
    expert = TrainedExpert(Mlp((np.ones((6, 24), np.float32),), (np.zeros(6),)), info)
    expert.reset(env)
    actions = [expert.act(env, state) for state in rng.normal(size=(2, 24))]
    assert not np.array_equal(actions[0], actions[1])
