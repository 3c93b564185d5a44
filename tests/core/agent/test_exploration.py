"""Exploration noise: its size, its bounds, and that it follows from its generator."""

from __future__ import annotations

import pytest
import torch

from claifo_core.agent.exploration import explore, uniform


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_noise_has_the_deviation_asked_for():
    noise = explore(torch.zeros(5000, 4), 0.2, rng())
    assert noise.std().item() == pytest.approx(0.2, rel=0.03)
    assert abs(noise.mean().item()) < 0.01


def test_actions_stay_inside_their_bounds():
    assert explore(torch.full((500, 4), 0.9), 1.0, rng()).abs().max() <= 1


def test_without_noise_nothing_is_drawn():
    source, mean = rng(), torch.rand(3, 2)
    before = source.get_state()
    assert explore(mean, 0.0, source) is mean
    assert torch.equal(source.get_state(), before)


def test_the_same_generator_gives_the_same_actions():
    mean = torch.zeros(3, 2)
    assert torch.equal(explore(mean, 0.5, rng()), explore(mean, 0.5, rng()))
    assert torch.equal(uniform(3, 2, rng()), uniform(3, 2, rng()))


def test_uniform_actions_fill_their_range():
    drawn = uniform(5000, 4, rng())
    assert drawn.shape == (5000, 4) and drawn.dtype == torch.float32
    assert -1 <= drawn.min() < -0.99 and 0.99 < drawn.max() <= 1
    assert drawn.var().item() == pytest.approx(1 / 3, rel=0.03)
