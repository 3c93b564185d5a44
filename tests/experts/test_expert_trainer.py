"""The trainer learns, and what it ships plays the same in NumPy."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from claifo.experts.config import Td3Config
from claifo.experts.learner import Learner
from claifo.experts.networks import Critics
from claifo.experts.policies import load_trained
from claifo.experts.state_env import expert_scores
from claifo.experts.trainer import CLAIM_SEED, run, snapshot, train
from claifo_core.errors import ClaifoError

CONFIG = Td3Config(
    steps=1500,
    action_repeat=1,
    hidden=32,
    batch=64,
    learning_rate=2e-3,
    gamma=0.9,
    random_steps=200,
    noise_steps=800,
    eval_every=1500,
)


class Chase:
    """A point on a line moves by the action; the reward is 1 at 0.5 and falls with distance."""

    obs_dim = 1
    action_dim = 1
    success = False

    def __init__(self, seed: int) -> None:
        """Seed the start positions."""
        self._rng = np.random.default_rng(seed)

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Start somewhere in [-1, 1]."""
        self._rng = self._rng if seed is None else np.random.default_rng(seed)
        self._steps, self._x = 0, self._rng.uniform(-1, 1)
        return np.array([self._x], np.float32)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool]:
        """Move by a fifth of the action."""
        self._steps += 1
        self._x = float(np.clip(self._x + 0.2 * action[0], -1, 1))
        reward = 1 - abs(self._x - 0.5)
        return np.array([self._x], np.float32), reward, False, self._steps == 20


def _best_return(seed: int) -> float:
    """Return what the perfect controller of :class:`Chase` gets."""
    env, total = Chase(0), 0.0
    obs, done = env.reset(seed), False
    while not done:
        obs, reward, _, done = env.step(np.clip((0.5 - obs) / 0.2, -1, 1))
        total += reward
    return total


def test_it_learns_a_toy_task() -> None:
    """The trained policy comes within 5 % of the perfect one, from the same starts."""
    (point, policy), = run(Chase, CONFIG)
    best = np.mean([_best_return(1_000_000 + index) for index in range(10)])
    assert point.step == CONFIG.steps
    assert point.updates == CONFIG.steps - CONFIG.random_steps
    assert point.return_mean > 0.95 * best
    assert policy(np.array([-1], np.float32))[0] > 0.5
    assert policy(np.array([1], np.float32))[0] < -0.5


def test_a_seed_fixes_the_run() -> None:
    """Same seed, same weights; another seed, others."""
    short = replace(CONFIG, steps=300, eval_every=300)
    runs = [next(run(Chase, config))[1] for config in (short, short, replace(short, seed=1))]
    np.testing.assert_array_equal(runs[0].weights[1], runs[1].weights[1])
    assert not np.array_equal(runs[0].weights[1], runs[2].weights[1])


def test_training_writes_policy_and_curve(tmp_path: Path) -> None:
    """The file holds the best policy of the run and its claim, the CSV every evaluation."""
    config = Td3Config(
        steps=600, action_repeat=10, hidden=16, batch=16, random_steps=100, eval_every=300,
        eval_episodes=2,
    )
    out, lines = tmp_path / 'new' / 'expert.safetensors', []
    info = train('cartpole_balance', config, out, 'claifo x', lines.append)
    assert load_trained(out).info == info
    assert (info.task, info.action_repeat, info.episodes) == ('cartpole_balance', 10, 20)
    assert info.command == 'claifo x'
    with out.with_suffix('.csv').open() as file:
        curve = list(csv.DictReader(file))
    assert [int(row['step']) for row in curve] == [300, 600]
    assert [int(row['control_steps']) for row in curve] == [3000, 6000]
    assert len(lines) == 2
    best = max(curve, key=lambda row: float(row['return_mean']))
    assert int(best['step']) == info.steps
    replayed = expert_scores('cartpole_balance', load_trained(out), 20, CLAIM_SEED).returns
    assert replayed.mean() == pytest.approx(info.return_mean, abs=0.1)


def test_an_existing_policy_is_not_overwritten(tmp_path: Path) -> None:
    """One line, and the file stays as it is."""
    out = tmp_path / 'expert.safetensors'
    out.write_bytes(b'mine')
    with pytest.raises(ClaifoError, match=r'expert\.safetensors: exists already'):
        train('cartpole_balance', CONFIG, out, 'claifo x')
    assert out.read_bytes() == b'mine'


def test_numpy_player_equals_torch() -> None:
    """The exported policy, its input scaling folded in, acts as the torch actor does."""
    learner = Learner(5, 2, CONFIG)
    rng = np.random.default_rng(0)
    states = rng.normal([0, 3, -20, 0.1, 1], [1, 5, 0.3, 1, 2], (300, 5)).astype(np.float32)
    for state in states:
        learner.scale.add(state)
    policy = snapshot(learner)
    expected = np.stack([learner.act(state) for state in states])
    found = np.stack([policy(state) for state in states])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_snapshot_is_a_copy() -> None:
    """Training on does not change a policy that was taken before."""
    learner = Learner(3, 1, CONFIG)
    policy = snapshot(learner)
    before = policy.weights[1].copy()
    with torch.no_grad():
        learner.actor.layers[1].weight.add_(1.0)
    np.testing.assert_array_equal(policy.weights[1], before)


def test_critics_equal_separate_networks() -> None:
    """The batched pair computes what two separate networks of nn.Linear would."""
    critics = Critics((4, 8, 8, 1))
    state, action = torch.randn(6, 3), torch.randn(6, 1)
    values = critics(state, action)
    for index in range(2):
        hidden = torch.cat([state, action], 1).double()
        for layer in range(3):
            hidden = hidden @ critics.weights[layer][index].double()
            hidden = hidden + critics.biases[layer][index].double()
            if layer < 2:
                mean, var = hidden.mean(1, keepdim=True), hidden.var(1, False, keepdim=True)
                hidden = ((hidden - mean) / (var + 1e-5).sqrt()).relu()
        torch.testing.assert_close(values[index].double(), hidden[:, 0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('step', 'noise'), [(0, 1.0), (15_000, 0.55), (90_000, 0.1)])
def test_exploration_fades(step: int, noise: float) -> None:
    """The noise falls linearly from 1 to its end and stays there."""
    assert Td3Config().noise(step) == pytest.approx(noise)
