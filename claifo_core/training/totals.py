"""Sums of metrics that stay on the device until somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from claifo_core.data.replay import Batch

EXPLODED = 1e8
"""Nothing sensible follows a loss beyond this."""


class Totals:
    """Adds up the metrics of every update.

    Attributes:
        newest: The metrics of the last update, scalars.
        count: Updates since the last :meth:`take`; a replayed CUDA graph cannot count for itself.
    """

    def __init__(self) -> None:
        """Start empty; the first metrics say which there are."""
        self.newest: dict[str, Tensor] = {}
        self.count = 0
        self._sums = torch.zeros(0)

    def add(self, metrics: dict[str, Tensor]) -> None:
        """Take in the metrics of one update, the same names every time."""
        self.newest = metrics
        values = torch.stack(list(metrics.values()))
        if len(self._sums) == 0:
            self._sums = torch.zeros_like(values)
        self._sums += values

    def take(self) -> dict[str, float]:
        """Return the mean of every metric since the last call."""
        sums = self._sums.tolist() if self.count else []
        means = {name: total / self.count for name, total in zip(self.newest, sums, strict=False)}
        self._sums.zero_()
        self.count = 0
        return means

    def exploded(self) -> str:
        """Return which loss is not finite or too large, and its value, or an empty string."""
        # A sum that is not finite tells of a loss before the newest.
        checked = torch.stack(list(self.newest.values())) + 0 * self._sums
        for name, value in zip(self.newest, checked.tolist(), strict=True):
            if name.endswith('_loss') and not abs(value) < EXPLODED:  # also true for NaN
                return f'{name} is {float(self.newest[name])}'
        return ''

    def circumstances(self, batch: Batch) -> str:
        """Return what may tell why, of the transitions that were learnt from last."""
        obs = batch.obs.pictures().float()
        names = {'reward_mean': 'imitation reward mean', 'q_mean': 'q mean'}
        told = [f'frames mean {obs.mean():.1f} std {obs.std():.1f}']
        told += [f'action max {batch.action.abs().max():.3g}']
        told += [f'{text} {self.newest[k]:.3g}' for k, text in names.items() if k in self.newest]
        return ', '.join(told)
