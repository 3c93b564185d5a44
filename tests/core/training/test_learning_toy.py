"""It learns: from bright videos of a dot that goes to the centre, in a world that is darker."""

from __future__ import annotations

import numpy as np
from toy_world import DotWorld, Session, expert_videos, small_config

from claifo_core.policy import Policy
from claifo_core.training.evaluation import evaluate

SEEDS = range(5000, 5020)

CONFIG = {
    'replay_frames': 5000, 'uniform_steps': 200, 'seed_steps': 200, 'update_every': 1,
    'env__num_envs': 1,
    'augment__apply': 'everywhere', 'augment__draw': 'sample', 'augment__shift_too': True,
    'network__channels': 16, 'network__strides': [2, 2], 'network__latent_dim': 16,
    'network__hidden_dim': 64,
    'agent__batch_size': 32, 'agent__learning_rate': 1e-3,
    'agent__discriminator_learning_rate': 1e-3, 'agent__discount': 0.9,
    'agent__critic_tau': 0.05, 'agent__std_end': 0.3, 'agent__std_steps': 800,
    'agent__encoder_step': 'joint', 'agent__share_views': True, 'agent__contrastive': 'cosine',
    'agent__temperature': 0.2, 'agent__penalty_weight': 1.0, 'agent__imitation_reward': 'softplus',
    'agent__actor_penalty': 0.5,
}  # fmt: skip


class RandomPolicy:
    """Acts like nobody."""

    frame_stack = 2

    def __init__(self):
        self._rng = np.random.default_rng(0)

    proprio_dim = 0

    def act(self, stack: np.ndarray, proprio: None) -> np.ndarray:
        return self._rng.uniform(-1, 1, (len(stack), 2))


def p_value(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return how often chance splits the pooled returns as far in our favour."""
    rng, pooled = np.random.default_rng(0), np.concatenate([ours, theirs])
    difference = ours.mean() - theirs.mean()
    hits = 0
    for _ in range(10_000):
        shuffled = rng.permutation(pooled)
        hits += shuffled[: len(ours)].mean() - shuffled[len(ours) :].mean() >= difference
    return (hits + 1) / 10_001


def test_the_permutation_test_itself():
    rng = np.random.default_rng(1)
    assert p_value(rng.normal(2, 1, 20), rng.normal(0, 1, 20)) < 0.001
    assert p_value(rng.normal(0, 1, 20), rng.normal(0.1, 1, 20)) > 0.1


def train(seed: int) -> Policy:
    """Return the first policy that does well on other episodes than those of the test."""
    session = Session(small_config(seed=seed, **CONFIG), expert_videos(10))
    for steps in range(800, 4001, 400):
        policy = session.run(steps).learner.policy()
        if np.mean(evaluate(policy, DotWorld(), range(6000, 6004)).returns) > 8:
            break
    return policy


def test_it_imitates_across_the_difference_in_light():
    trained = evaluate(train(seed=0), DotWorld(), SEEDS)
    random = evaluate(RandomPolicy(), DotWorld(), SEEDS)
    assert p_value(np.array(trained.returns), np.array(random.returns)) < 0.01
    assert trained.success_rate > random.success_rate
