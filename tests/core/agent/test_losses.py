"""Each loss against loops over plain Python numbers, written from the paper's formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from claifo_core.agent import losses
from claifo_core.agent.diagnostics import rank_correlation

RNG = np.random.default_rng(7)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def latents(rows: int, columns: int = 5) -> np.ndarray:
    return np.tanh(RNG.normal(size=(rows, columns)))


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float64)


def cross_entropy(logits: np.ndarray) -> float:
    """Return the mean over rows i of -log softmax(row)[i]."""
    total = 0.0
    for i, row in enumerate(logits):
        total -= math.log(math.exp(row[i]) / sum(math.exp(x) for x in row))
    return total / len(logits)


def test_bilinear_info_nce():
    anchor, positive, weight = latents(6), latents(6), RNG.uniform(size=(5, 5))
    wanted = np.array([
        [sum(a[p] * weight[p, q] * b[q] for p in range(5) for q in range(5)) for b in positive]
        for a in anchor
    ])
    logits = losses.bilinear_logits(*map(as_tensor, (anchor, positive, weight)))
    np.testing.assert_allclose(logits, wanted, rtol=1e-10)
    assert float(losses.info_nce(logits)) == pytest.approx(cross_entropy(wanted), rel=1e-10)


def test_cosine_info_nce_has_the_2n_minus_1_other_views():
    """The sum over the denominators of NT-Xent for the first N of the 2N views."""
    anchor, positive, temperature = latents(5), latents(5), 0.3

    def similar(a: np.ndarray, b: np.ndarray) -> float:
        return math.exp(a @ b / np.linalg.norm(a) / np.linalg.norm(b) / temperature)

    total = 0.0
    for i in range(5):
        others = [similar(anchor[i], positive[j]) for j in range(5)]
        others += [similar(anchor[i], anchor[j]) for j in range(5) if j != i]
        total -= math.log(others[i] / sum(others))
    logits = losses.cosine_logits(as_tensor(anchor), as_tensor(positive), temperature)
    assert logits.shape == (5, 9)
    assert float(losses.info_nce(logits)) == pytest.approx(total / 5, rel=1e-10)


def test_info_nce_of_equal_logits_is_the_log_of_their_number():
    assert float(losses.info_nce(torch.zeros(64, 64))) == pytest.approx(math.log(64))


def test_discriminator_loss():
    expert, agent = RNG.normal(size=4), RNG.normal(size=4)
    wanted = -sum(math.log(sigmoid(x)) for x in expert) / 4
    wanted -= sum(math.log(1 - sigmoid(x)) for x in agent) / 4
    loss = losses.discriminator_loss(as_tensor(expert), as_tensor(agent))
    assert float(loss) == pytest.approx(wanted, rel=1e-10)


def test_discriminator_loss_stays_finite_at_large_logits():
    far = torch.tensor([-1e4, 1e4])
    assert math.isfinite(float(losses.discriminator_loss(far, far)))


def test_least_squares_loss():
    expert, agent = RNG.normal(size=4), RNG.normal(size=4)
    wanted = 0.5 * (np.mean((expert - 1) ** 2) + np.mean((agent + 1) ** 2))
    loss = losses.least_squares_loss(as_tensor(expert), as_tensor(agent))
    assert float(loss) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize('on', ['sigmoid', 'logit'])
@pytest.mark.parametrize('target', [0.0, 1.0])
def test_gradient_penalty_against_finite_differences(on, target):
    first, second = RNG.normal(size=(7, 6)), RNG.normal(size=7)
    points = RNG.normal(size=(3, 6))

    def output(x: np.ndarray) -> float:
        logit = float(second @ np.tanh(first @ x))
        return sigmoid(logit) if on == 'sigmoid' else logit

    total = 0.0
    for x in points:
        gradient = [
            (output(x + step) - output(x - step)) / 2e-6 for step in 1e-6 * np.eye(len(x))
        ]
        total += (np.linalg.norm(gradient) - target) ** 2
    weights = as_tensor(first).requires_grad_(True)
    penalty = losses.gradient_penalty(
        lambda x: torch.tanh(x @ weights.T) @ as_tensor(second)[:, None],
        as_tensor(points), on=on, target=target,
    )
    assert float(penalty.detach()) == pytest.approx(total / 3, rel=1e-6)
    penalty.backward()
    assert weights.grad is not None and float(weights.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ('form', 'wanted'),
    [
        ('hard', lambda d: 1.0 if d > 0.5 else 0.0),
        ('softplus', lambda d: -math.log(1 - d)),
        ('probability', lambda d: d),
        ('logit', lambda d: math.log(d) - math.log(1 - d)),
    ],
)
def test_rewards_are_functions_of_the_probability_of_expert(form, wanted):
    logits = np.array([-3.0, -0.2, 0.1, 2.5])
    reward = losses.imitation_reward(as_tensor(logits), 'bce', form)
    np.testing.assert_allclose(reward, [wanted(sigmoid(x)) for x in logits], rtol=1e-7)


@pytest.mark.parametrize('form', ['hard', 'softplus'])
def test_the_least_squares_reward_has_one_form(form):
    outputs = np.array([-2.0, -1.0, 0.0, 1.0, 3.5])
    reward = losses.imitation_reward(as_tensor(outputs), 'least_squares', form)
    np.testing.assert_allclose(reward, [0.0, 0.0, 1.5, 2.0, 0.0], atol=1e-12)


def test_critic_target_and_losses():
    reward, discount = np.array([1.0, 0.0, 0.5]), np.array([0.9, 0.9, 0.0])
    q1, q2, target = RNG.normal(size=(3, 3))
    got = losses.critic_target(*map(as_tensor, (reward, discount, q1, q2)))
    wanted = [r + d * min(a, b) for r, d, a, b in zip(reward, discount, q1, q2, strict=True)]
    np.testing.assert_allclose(got, wanted)
    loss = losses.critic_loss(*map(as_tensor, (q1, q2, target)))
    assert float(loss) == pytest.approx(np.mean((q1 - target) ** 2) + np.mean((q2 - target) ** 2))
    loss = losses.actor_loss(as_tensor(q1), as_tensor(q2))
    assert float(loss) == pytest.approx(-np.mean([min(a, b) for a, b in zip(q1, q2, strict=True)]))


def test_saturation_is_free_within_one():
    inside, outside = torch.tensor([[0.9, -1.0]]), torch.tensor([[3.0, -1.5]])
    assert float(losses.saturation_penalty(inside)) == 0
    assert float(losses.saturation_penalty(outside)) == pytest.approx((4 + 0.25) / 2)


def test_the_clamp_lets_the_gradient_through():
    action = torch.tensor([-2.0, 0.3, 1.7], requires_grad=True)
    clamped = losses.clamp_straight_through(action)
    torch.testing.assert_close(clamped, torch.tensor([-1 + 1e-6, 0.3, 1 - 1e-6]))
    (clamped * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert action.grad is not None and action.grad.tolist() == [1.0, 2.0, 3.0]


def test_rank_correlation_is_spearman_s_with_ties_too():
    first = RNG.normal(size=40)
    second = first.round() + RNG.integers(0, 2, 40)
    for a, b in ((first, second), (second, first.round()), (first, -first), (first, first**3)):
        found = rank_correlation(torch.tensor(a), torch.tensor(b))
        assert float(found) == pytest.approx(spearmanr(a, b).statistic, abs=1e-6)
    assert float(rank_correlation(torch.tensor(first), torch.zeros(40))) == 0
