"""Experts that see the state: training, playing, scoring and recording them.

Here live the trainer (TD3) and the distillation of policies of others, the experts as they are
shipped, true returns, and the recording of films. No pictures are learnt from: that is the
agent's, which never sees a state.
"""

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
