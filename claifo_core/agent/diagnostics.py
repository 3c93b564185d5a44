"""Figures of an update that every method shows on the same axes; none of them waits for a GPU."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def norm_of(gradients: list[Tensor]) -> Tensor:
    """Return the Euclidean norm of gradients together."""
    norm: Tensor = torch.stack(torch._foreach_norm(gradients)).norm()
    return norm


def judge_metrics(expert_out: Tensor, agent_out: Tensor) -> dict[str, Tensor]:
    """Return how well a discriminator knows the expert, from its logits (any shape)."""
    expert_out, agent_out = expert_out.detach(), agent_out.detach()
    return {
        'discriminator_expert': torch.sigmoid(expert_out).mean(),
        'discriminator_agent': torch.sigmoid(agent_out).mean(),
        'discriminator_expert_accuracy': (expert_out > 0).float().mean(),
        'discriminator_agent_accuracy': (agent_out < 0).float().mean(),
        'discriminator_entropy': (_entropy(expert_out) + _entropy(agent_out)) / 2,
    }


def reward_metrics(reward: Tensor) -> dict[str, Tensor]:
    """Return mean and spread of an imitation reward, shape (B,)."""
    return {'reward_mean': reward.mean(), 'reward_std': reward.std()}


def _entropy(logit: Tensor) -> Tensor:
    """Return the mean entropy of sigma(logit) as a coin, in bits."""
    p = torch.sigmoid(logit)
    nats = p * functional.softplus(-logit) + (1 - p) * functional.softplus(logit)
    return nats.mean() / math.log(2)


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return Spearman's rank correlation of two vectors; 0 where one of them is constant."""
    ranks = torch.stack([_ranks(first), _ranks(second)])
    ranks = ranks - ranks.mean(1, keepdim=True)
    spread = ranks.norm(dim=1).prod().clamp_min(1e-6)
    correlation: Tensor = ranks.prod(0).sum() / spread
    return correlation


def _ranks(values: Tensor) -> Tensor:
    """Return each value's rank; equal values share the mean of theirs."""
    below = values.unsqueeze(1) > values
    not_above = values.unsqueeze(1) >= values
    return (below.float() + not_above.float()).sum(1) / 2


def retrieval(logits: Tensor) -> Tensor:
    """Return the share of rows whose greatest entry is that of the own positive, column i."""
    own = torch.arange(len(logits), device=logits.device)
    return (logits.detach().argmax(1) == own).float().mean()
