"""One pure function per equation of Algorithm 1 (numbers refer to algorithm 1.5 and 1.10).

Latents z have shape (B, Z); logits, rewards and Q values have shape (B,).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable


def bilinear_logits(anchor: Tensor, positive: Tensor, similarity: Tensor) -> Tensor:
    """Return z1 W z2^T, shape (B, B), of two latent views (step 1, the authors' code)."""
    return anchor @ similarity @ positive.T


def cosine_logits(anchor: Tensor, positive: Tensor, temperature: float) -> Tensor:
    """Return cosine similarities over temperature, shape (B, 2B - 1) (the paper's 2N views).

    Column i of row i is the positive; the other columns are the other samples' positives, then
    the other anchors.
    """
    anchor = functional.normalize(anchor, dim=1)
    positive = functional.normalize(positive, dim=1)
    across, within = anchor @ positive.T, anchor @ anchor.T
    # Column j of the others is j before the own one, j + 1 after it.
    rows = torch.arange(len(anchor), device=anchor.device).unsqueeze(1)
    columns = rows[:-1].T
    others = columns + (columns >= rows)
    return torch.cat([across, within.gather(1, others)], 1) / temperature


def info_nce(logits: Tensor) -> Tensor:
    """Return the cross-entropy of recognising the own positive, row i in column i (step 1)."""
    target = torch.arange(len(logits), device=logits.device)
    return functional.cross_entropy(logits, target)


def discriminator_loss(expert_logit: Tensor, agent_logit: Tensor) -> Tensor:
    """Return -log sigma(D(expert)) - log(1 - sigma(D(agent))), averaged (step 2, ``bce``)."""
    return functional.softplus(-expert_logit).mean() + functional.softplus(agent_logit).mean()


def least_squares_loss(expert_output: Tensor, agent_output: Tensor) -> Tensor:
    """Return half the squared distances to +1 (expert) and -1 (agent) (step 2)."""
    return 0.5 * ((expert_output - 1).square().mean() + (agent_output + 1).square().mean())


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], points: Tensor, *, on: str, target: float
) -> Tensor:
    """Return the mean of (|gradient of D at each point| - target)^2 (step 2).

    Args:
        discriminator: Maps points to logits (B, ...), whose sum counts.
        points: Where the gradient is taken, shape (B, ...): one norm per sample.
        on: 'sigmoid' differentiates sigma(D), 'logit' differentiates D.
        target: 1 for the penalty between expert and agent, 0 for the least-squares form.
    """
    points = points.detach().requires_grad_(True)
    output = discriminator(points)
    if on == 'sigmoid':
        output = torch.sigmoid(output)
    (gradient,) = torch.autograd.grad(output.sum(), points, create_graph=True)
    return slope_penalty(gradient, target)


def slope_penalty(gradient: Tensor, target: float) -> Tensor:
    """Return :func:`gradient_penalty` of known gradients, shape (B, ...)."""
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - target).square().mean()
    return penalty


def imitation_reward(output: Tensor, gan_loss: str, form: str) -> Tensor:
    """Return the reward for looking like the expert (step 3 and table 1.10).

    Args:
        output: Discriminator outputs of agent transitions.
        gan_loss: 'bce' takes ``form``; 'least_squares' has one form, 2 max(0, 1 - (D - 1)^2 / 4).
        form: 'hard' 1 where D > 1/2 else 0; 'softplus' -log(1 - D); 'probability' D; 'logit'.
    """
    if gan_loss == 'least_squares':
        return 2 * (1 - 0.25 * (output - 1).square()).clamp_min(0)
    if form == 'hard':
        return (output > 0).float()
    if form == 'softplus':
        return functional.softplus(output)
    return torch.sigmoid(output) if form == 'probability' else output


def critic_target(reward: Tensor, discount: Tensor, q1: Tensor, q2: Tensor) -> Tensor:
    """Return y = r + discount min(Q1', Q2') (step 4); all shape (B,)."""
    return reward + discount * torch.minimum(q1, q2)


def critic_loss(q1: Tensor, q2: Tensor, target: Tensor) -> Tensor:
    """Return the squared errors of both critics, averaged and added (step 4)."""
    return functional.mse_loss(q1, target) + functional.mse_loss(q2, target)


def actor_loss(q1: Tensor, q2: Tensor) -> Tensor:
    """Return -min(Q1, Q2), averaged (step 5)."""
    return -torch.minimum(q1, q2).mean()


def saturation_penalty(pre_tanh: Tensor) -> Tensor:
    """Return the mean of max(0, |u| - 1)^2 of pre-tanh actions u, shape (B, A).

    Ours: a saturated actor has no gradient and was seen to stay at random level.
    """
    return (pre_tanh.abs() - 1).clamp_min(0).square().mean()


def clamp_straight_through(action: Tensor) -> Tensor:
    """Clamp to (-1, 1) while the gradient passes as if unclamped (algorithm 1.4)."""
    limit = 1 - 1e-6
    return action + (action.clamp(-limit, limit) - action).detach()
