"""A run folder such as a short training leaves behind, made without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from claifo_core.agent.networks import build_networks
from claifo_core.config import TrainConfig, settings
from claifo_core.policy import Policy
from claifo_core.training.metrics import Metrics

CONFIG = {
    'seed': 3,
    'steps': 8000,
    'eval_every': 1000,
    'env': {
        'task': 'point_mass_easy_big',
        'domain': 'dim/target',
        'size_px': 32,
        'action_repeat': 4,
    },
    'network': {'channels': 8, 'strides': [2, 2], 'hidden_dim': 32},
}


def save_policy(path: Path, config: TrainConfig, seed: int) -> None:
    """Write an untrained policy."""
    networks = build_networks(
        config.network,
        frame_stack=config.env.frame_stack,
        size_px=config.env.size_px,
        action_dim=2,
        seed=seed,
        device='cpu',
    )
    Policy.of(networks, config, {}).save(path)


def write_records(folder: Path, evaluations: int) -> None:
    """Write metrics of a run with so many evaluations."""
    rng = np.random.default_rng(0)
    metrics = Metrics(folder, 8000, console=False, tensorboard=False)
    metrics.write('start', task='point_mass_easy_big', expert_return=900.0, random_return=16.0)
    for i in range(1, 40):
        figures = {'step': 200 * i, 'frames': 800 * i, 'wall_s': 12.0 * i, 'updates': 100 * i}
        learned = 1 / (1 + np.exp(15 - i))
        metrics.write(
            'train',
            **figures,
            discriminator_expert=0.5 + 0.3 * learned + 0.02 * rng.normal(),
            discriminator_agent=0.5 - 0.3 * learned + 0.02 * rng.normal(),
            critic_loss=float('nan') if i == 7 else 0.1 + rng.random(),
        )
        if i % 5 == 0 and i // 5 <= evaluations:
            returns = 900 * learned * rng.uniform(0.8, 1, 4)
            mean, std = returns.mean(), returns.std()
            metrics.write('eval', **figures, return_mean=mean, return_std=std, episodes=4)
    metrics.close()


def write_run(folder: Path, evaluations: int = 7, policies: tuple[str, ...] = ('init', 'best')):
    """Write a run folder; returns it."""
    folder.mkdir(parents=True)
    (folder / 'config.yaml').write_text(yaml.safe_dump(CONFIG))
    for seed, name in enumerate(policies):
        save_policy(folder / f'policy_{name}.safetensors', settings.from_dict(CONFIG), seed)
    write_records(folder, evaluations)
    return folder


@pytest.fixture(scope='session')
def make_run():
    """Return what writes a run folder: ``make_run(folder, evaluations=7, policies=(…))``."""
    return write_run


@pytest.fixture(scope='session')
def run_config() -> TrainConfig:
    """Return the configuration of the run folders."""
    return settings.from_dict(CONFIG)
