"""The memory of a fault: it belongs to the robot, and outlasts every gate and every state."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Latch:
    """A fault until it is reset.

    Attributes:
        fault: Its reason; empty: there is none.
        pressed: Whether the emergency stop said last that it is pressed.
        heard_s: When it spoke last, steady time.
    """

    fault: str = ''
    pressed: bool = False
    heard_s: float = -math.inf

    def fail(self, reason: str) -> None:
        """Remember a fault; the first one counts, and an empty reason is none."""
        self.fault = self.fault or reason

    def stop(self) -> None:
        """Somebody calls for a stop."""
        self.fail('emergency stop, by service')

    def press(self, pressed: bool, now_s: float) -> None:
        """Hear the emergency stop."""
        self.pressed, self.heard_s = pressed, now_s
        if pressed:
            self.fail('emergency stop, by topic')

    def reset(self, silent: bool = False) -> str:
        """Forget the fault; returns why that is not possible.

        Args:
            silent: Whether the emergency stop should have spoken, and has not.
        """
        if not self.fault:
            return 'there is no fault'
        if self.pressed:
            return 'the emergency stop is still pressed: estop says true'
        if silent:
            return 'the emergency stop is silent, which counts as pressed'
        self.fault = ''
        return ''
