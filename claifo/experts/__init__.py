"""Experts that see the state: training, playing, scoring and recording them."""

from __future__ import annotations

from claifo.experts.policies import StateExpert, expert_tasks, load_expert
from claifo.experts.state_env import COMPARED_EPISODES, expert_scores, random_return

__all__ = [
    'COMPARED_EPISODES',
    'StateExpert',
    'expert_scores',
    'expert_tasks',
    'load_expert',
    'random_return',
]
