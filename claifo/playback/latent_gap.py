"""What separates two sets of latents that show different states, as two bags do.

The report of a run has it simpler: there both looks show the same states, pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BLOCKS = 5  # of time, where a set has a single episode
_MOST_FOLDS = 10  # each costs a fit
_ROUNDING = 1e-6  # of float32 numbers about 1


@dataclass(frozen=True)
class Gap:
    """What separates two sets of latents that show different states.

    Attributes:
        mean_distance: Distance of the two means, over the pooled spread within the sets (root
            mean square distance from the own mean); None where nothing differs within the sets.
        probe_accuracy: Held-out accuracy of a linear classifier that tells the sets apart; 0.5:
            they cannot be told apart.
        held_out: What was held out: ``episodes``, or ``blocks of time`` where a set has only one.
    """

    mean_distance: float | None
    probe_accuracy: float
    held_out: str


def latent_gap(
    first: Sequence[NDArray[np.float64]], second: Sequence[NDArray[np.float64]]
) -> Gap:
    """Measure how far two sets of latents are apart.

    Args:
        first: One array per episode, shape (T, Z).
        second: The same of the other set.
    """
    from claifo.playback.domain_gap import probe_accuracy

    by_episode = min(len(first), len(second)) > 1
    count = min(len(first), len(second), _MOST_FOLDS) if by_episode else _BLOCKS
    parts = [_folds(episodes, count, by_episode) for episodes in (first, second)]
    return Gap(
        mean_distance(np.concatenate(first), np.concatenate(second)),
        probe_accuracy(*_paired(*parts)),
        'episodes' if by_episode else 'blocks of time',
    )


def mean_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Return the distance of the means over the pooled spread within (see :class:`Gap`)."""
    within = [((z - z.mean(0)) ** 2).sum(1) for z in (first, second)]
    spread = float(np.sqrt(np.concatenate(within).mean()))
    distance = float(np.linalg.norm(first.mean(0) - second.mean(0)))
    return distance / spread if spread > _ROUNDING else None


def _folds(
    episodes: Sequence[NDArray[np.float64]], count: int, by_episode: bool
) -> list[NDArray[np.float64]]:
    """Part latents so that near copies in time stay together."""
    if not by_episode:
        return np.array_split(np.concatenate(episodes), count)
    return [np.concatenate(episodes[k::count]) for k in range(count)]


def _paired(
    first: Sequence[NDArray[np.float64]], second: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Take equally many of both sets from each fold, evenly in time: guessing gives 0.5."""
    counts = [min(len(a), len(b)) for a, b in zip(first, second, strict=True)]
    sides = [
        np.concatenate([part[_evenly(len(part), n)] for part, n in zip(s, counts, strict=True)])
        for s in (first, second)
    ]
    return sides[0], sides[1], np.repeat(np.arange(len(counts)), counts)


def _evenly(length: int, count: int) -> NDArray[np.int64]:
    return np.linspace(0, max(length - 1, 0), count).round().astype(np.int64)
