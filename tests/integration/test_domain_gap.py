"""The domain probe on latents whose separability is known."""

from __future__ import annotations

import numpy as np
import pytest

from claifo.playback import domain_gap as probe

EPISODES = np.repeat(np.arange(10), 30)


def latents(seed: int, episode_spread: float = 1.0) -> np.ndarray:
    """Return latents (300, 20) of ten episodes, each scattered about a centre of its own."""
    rng = np.random.default_rng(seed)
    centres = episode_spread * rng.normal(size=(10, 20))
    return centres[EPISODES] + rng.normal(size=(300, 20))


def test_same_distribution_is_invisible():
    rng = np.random.default_rng(1)
    accuracies = []
    for seed in range(5):
        z = latents(seed)
        noise = rng.normal(size=(2, *z.shape))
        gap = probe.domain_gap(z + 0.1 * noise[0], z + 0.1 * noise[1], EPISODES)
        accuracies.append(gap.accuracy)
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.05)


def test_shift_is_seen():
    z = latents(2)
    shift = np.zeros(20)
    shift[3] = 12.0
    gap = probe.domain_gap(z, z + shift, EPISODES)
    assert gap.accuracy > 0.97
    assert gap.source.shape == gap.target.shape == (300, 2)


def test_accuracy_matches_the_optimal_rule():
    """Two normals 2 d apart along one axis: the best rule is right Phi(d) of the time."""
    rng = np.random.default_rng(3)
    episode = np.repeat(np.arange(40), 50)
    source, target = rng.normal(size=(2, 2000, 5))
    target[:, 0] += 2.0
    assert probe.probe_accuracy(source, target, episode) == pytest.approx(0.8413, abs=0.02)


def test_episodes_are_held_out_whole():
    """A clue that differs from episode to episode must not count: frames of one are alike."""
    z = latents(4, episode_spread=0.0)
    clue = 4.0 * np.eye(20)[EPISODES]
    by_episode = probe.probe_accuracy(z - clue, z + clue, EPISODES)
    by_state = probe.probe_accuracy(z - clue, z + clue, np.arange(300))
    assert by_state > 0.8
    assert by_episode < 0.65


def test_collapsed_encoder_is_not_an_error():
    """An encoder that gives every frame the same latent tells nothing apart."""
    z = np.ones((300, 20))
    gap = probe.domain_gap(z, z, EPISODES)
    assert gap.accuracy == 0.5
    assert gap.distance_ratio == 0.0
    assert np.isfinite(gap.source).all()


def test_distance_ratio_is_scale_free_and_zero_for_equal_looks():
    z = latents(5)
    rng = np.random.default_rng(6)
    looks = z + rng.normal(size=z.shape)
    assert probe.distance_ratio(z, z) == 0.0
    assert probe.distance_ratio(7 * z, 7 * looks) == pytest.approx(probe.distance_ratio(z, looks))


def test_a_state_is_found_again_by_its_nearest_latent_in_the_other_look():
    z = latents(5)[:60]
    looks = z + np.random.default_rng(6).normal(size=z.shape)
    found = [
        np.argmin([np.linalg.norm(x - y) for y in other]) == i
        for side, other in ((z, looks), (looks, z))
        for i, x in enumerate(side)
    ]
    assert 0 < np.mean(found) < 1
    assert probe.retrieval(z, looks) == pytest.approx(np.mean(found))
    assert probe.retrieval(z, z) == 1.0
    assert probe.retrieval(z, z[::-1]) == 0.0


def test_plane_keeps_the_two_widest_directions():
    rng = np.random.default_rng(7)
    wide = rng.normal(size=(200, 2)) * [10.0, 5.0]
    rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    plane = probe.principal_plane(wide @ rotation[:2] + 3.0)
    expected = np.sort(np.linalg.svd(wide - wide.mean(axis=0), compute_uv=False))
    assert np.sort(np.linalg.norm(plane, axis=0)) == pytest.approx(expected, rel=1e-6)
