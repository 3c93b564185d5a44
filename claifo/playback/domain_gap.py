"""How much of the visual domain is left in a latent space: linear probe, distances, projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIDGE = 1e-2  # of the mean variance of a feature; keeps nearly constant features harmless


@dataclass(frozen=True)
class DomainGap:
    """What separates the two looks of the same states in a latent space.

    Attributes:
        accuracy: Held-out accuracy of a linear classifier of the domain; 0.5 = invisible.
        distance_ratio: Mean distance between the two looks of one state, over the mean distance
            between different states of one look; 0 = the looks coincide.
        retrieval: Share of latents whose nearest neighbour in the other look is the same state.
        source: float64, shape (N, 2): projection of the source latents.
        target: float64, shape (N, 2): the same states in the target look.
    """

    accuracy: float
    distance_ratio: float
    retrieval: float
    source: NDArray[np.float64]
    target: NDArray[np.float64]


def domain_gap(
    source: NDArray[np.floating], target: NDArray[np.floating], episode: NDArray[np.integer]
) -> DomainGap:
    """Measure the gap between two looks of the same states.

    Args:
        source: shape (N, Z): latents of N states in the source look.
        target: shape (N, Z): latents of the same N states, in the same order, in the target look.
        episode: shape (N,): episode that each state comes from; at least two differ.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    plane = principal_plane(np.concatenate([source, target]))
    return DomainGap(
        probe_accuracy(source, target, episode),
        distance_ratio(source, target),
        retrieval(source, target),
        *np.split(plane, 2),
    )


def probe_accuracy(
    source: NDArray[np.float64], target: NDArray[np.float64], episode: NDArray[np.integer]
) -> float:
    """Return the held-out accuracy of a ridge classifier that tells source from target.

    Each episode is held out once, with both looks of its states: neither a state nor its near
    copies in time are ever in both the training and the test part.

    Args:
        source: shape (N, Z).
        target: shape (N, Z), row i showing the same state as row i of ``source``.
        episode: shape (N,), at least two different values.
    """
    features = np.concatenate([source, target])
    label = np.repeat([-1.0, 1.0], len(source))
    group = np.concatenate([episode, episode])
    right = np.zeros(len(label))  # 1 right, 0 wrong, 0.5 undecided
    for held_out in np.unique(episode):
        test = group == held_out
        weights = _ridge(features[~test], label[~test])
        right[test] = 0.5 + 0.5 * np.sign(_with_bias(features[test]) @ weights) * label[test]
    return float(right.mean())


def distance_ratio(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Return the mean distance between looks over the mean distance between states."""
    rng = np.random.default_rng(0)
    other = (np.arange(len(source)) + rng.integers(1, len(source), len(source))) % len(source)
    between_states = np.linalg.norm(source - source[other], axis=1).mean()
    between_looks = np.linalg.norm(source - target, axis=1).mean()
    return float(between_looks / max(between_states, 1e-12))


def retrieval(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Return the share of latents, of both looks, that are nearest to their own state's other."""
    squares = (source**2).sum(1)[:, None] + (target**2).sum(1) - 2 * source @ target.T
    own = np.arange(len(source))
    return float(np.mean([squares.argmin(1) == own, squares.argmin(0) == own]))


def principal_plane(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project rows of ``features`` (shape (N, Z)) on their first two principal axes, (N, 2)."""
    centred = features - features.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T


def _ridge(features: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve least squares on +-1 labels in closed form; the bias is not shrunk."""
    design = _with_bias(features)
    shrink = np.full(design.shape[1], _RIDGE * max(features.var(axis=0).mean(), 1e-12))
    shrink[-1] = 0.0
    gram = design.T @ design / len(design) + np.diag(shrink)
    return np.linalg.solve(gram, design.T @ label / len(design))


def _with_bias(features: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)
