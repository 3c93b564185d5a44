"""Where an update spends its time: a stopwatch around its parts, on a CPU or a GPU."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from claifo_core.training.learner import Learner


class Clock(Protocol):
    """Takes marks, and measures the time between two of them."""

    def mark(self) -> float | torch.cuda.Event:
        """Return a mark for this moment."""

    def between_ms(self, start: object, end: object) -> float:
        """Return milliseconds between two marks."""


class CpuClock:
    """CPU time of the process, which other load on the machine hardly changes."""

    def mark(self) -> float:
        """Return seconds."""
        return time.process_time()

    def between_ms(self, start: float, end: float) -> float:
        """Return milliseconds of CPU time."""
        return 1e3 * (end - start)


class WallClock:
    """Wall time of the host."""

    def mark(self) -> float:
        """Return seconds."""
        return time.perf_counter()

    def between_ms(self, start: float, end: float) -> float:
        """Return milliseconds of wall time."""
        return 1e3 * (end - start)


class CudaClock:
    """CUDA events: when the GPU, not the host, came to a place."""

    def mark(self) -> torch.cuda.Event:
        """Record an event behind what was launched so far."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between_ms(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """Wait for the GPU, and return milliseconds between the events."""
        end.synchronize()
        return start.elapsed_time(end)


def clock_of(device: torch.device) -> Clock:
    """Return the clock that fits a device."""
    return CudaClock() if device.type == 'cuda' else CpuClock()


class Stopwatch:
    """Splits time by part; time inside a nested part counts for that part only."""

    def __init__(self, clock: Clock) -> None:
        """Start with empty accounts."""
        self._clock = clock
        self._open: list[str] = []
        self._spans: list[tuple[str, object, object]] = []
        self._last: object = None

    def _book(self) -> None:
        now = self._clock.mark()
        if self._open:
            self._spans.append((self._open[-1], self._last, now))
        self._last = now

    def around(self, owner: object, method: str, part: str | Callable[..., str]) -> None:
        """Book calls of ``owner.method`` under ``part``, or under what ``part`` makes of them."""
        setattr(owner, method, self.timed(getattr(owner, method), part))

    def timed(
        self, inner: Callable[..., object], part: str | Callable[..., str]
    ) -> Callable[..., object]:
        """Return ``inner`` with its time booked."""

        @functools.wraps(inner)
        def call(*args: object, **keywords: object) -> object:
            self._book()
            self._open.append(part if isinstance(part, str) else part(*args))
            try:
                return inner(*args, **keywords)
            finally:
                self._book()
                self._open.pop()

        return call

    def take_ms(self) -> dict[str, float]:
        """Return milliseconds by part since the last call."""
        found: dict[str, float] = {}
        for part, start, end in self._spans:
            found[part] = found.get(part, 0.0) + self._clock.between_ms(start, end)
        self._spans = []
        return found


def _encode_part(*_: object) -> str:
    return 'encode_with_gradient' if torch.is_grad_enabled() else 'encode_without_gradient'


def _step_part(_: object, *names: str) -> str:
    return 'backward_encoder_critic' if 'encoder' in names else names[0]


def watch(learner: Learner, watch: Stopwatch) -> Callable[[], object]:
    """Attach a stopwatch to the parts of an update.

    Returns:
        One update, kernel by kernel: a recorded CUDA graph has no parts.
    """
    agent = learner.agent
    for replay in learner.replays:
        watch.around(replay, 'draw', 'gather')
    watch.around(agent._sight, 'view', 'augment')
    watch.around(agent._sight, 'encode', _encode_part)
    watch.around(agent._sight, 'latents', 'encode_without_gradient')
    watch.around(agent.optimisers, 'step', _step_part)
    watch.around(agent._judge, 'imitate', 'discriminator')
    watch.around(agent, '_critic_loss', 'critic')
    watch.around(agent, '_actor_step', 'actor')
    for _name, optimiser in agent.optimisers.items():  # noqa: PERF102 (not a dictionary)
        watch.around(optimiser, 'step', 'optimiser')

    return watch.timed(learner.update_unrecorded, 'other')
