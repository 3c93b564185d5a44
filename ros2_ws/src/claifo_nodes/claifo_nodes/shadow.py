"""Beside another controller, or a human: how far the policy is from what they do."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo_nodes import commands, qos

if TYPE_CHECKING:
    from rclpy.node import Node

    from claifo_core.deploy.contract import Contract
    from claifo_nodes.diagnostics import Diagnostics

_WINDOW = 500


class Shadow:
    """Compares each action with the newest command on the topic of the contract.

    /diagnostics shows the mean and the largest difference of each joint over the last actions, in
    the units of the contract.
    """

    def __init__(self, node: Node, contract: Contract, diagnostics: Diagnostics) -> None:
        """Listen to the commands of others."""
        self._part, self._diagnostics = contract.action, diagnostics
        self._fresh_s = contract.hold_periods * contract.period_ns / 1e9
        self._scale, self._offset = np.array(self._part.scale), np.array(self._part.offset)
        self._others: np.ndarray | None = None
        self._heard_s = 0.0
        self._distances: deque[np.ndarray] = deque(maxlen=_WINDOW)
        self.subscription = node.create_subscription(
            commands.KINDS[self._part.output], self._part.topic, self._on_command, qos.SENSOR
        )
        diagnostics.set('shadow_mean', lambda: self._figures(np.mean))
        diagnostics.set('shadow_max', lambda: self._figures(np.max))

    def _on_command(self, message: Any) -> None:  # noqa: ANN401 (of the contract's kind)
        found = commands.decode(self._part, message)
        if found is None:
            self._diagnostics.warn('shadow', f'a command on {self._part.topic} does not have the '
                                   'joints of the contract')  # fmt: skip
            return
        self._others, self._heard_s = found, time.monotonic()

    def compare(self, action: np.ndarray) -> None:
        """Take an action (A,) in [-1, 1]; without a recent command of others it tells nothing."""
        if self._others is None or time.monotonic() - self._heard_s > self._fresh_s:
            self._diagnostics.count('shadow_alone')
            return
        self._distances.append(np.abs(self._offset + self._scale * action - self._others))

    def _figures(self, summary: Any) -> str:  # noqa: ANN401 (numpy's mean or max)
        if not self._distances:
            return '-'
        values = summary(np.array(self._distances), axis=0)
        pairs = zip(self._part.names, values, strict=True)
        return ', '.join(f'{name} {value:.4g}' for name, value in pairs)
