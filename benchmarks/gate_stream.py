"""The gate on streams of actions, in the time of the streams: stops, false ones, and resuming.

A stream is what arrives when, and which capture it answers: made here, with jitter, drops, swaps
and bursts, or taken from a bag of the topic ``action``. The gate is driven as the safety node
drives it, by a look every 4 ms, and a cut is a second without actions.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from claifo.bags.messages import ACTION, read_headed
from claifo.bags.reader import find_bags
from claifo_core.deploy import limits
from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.events import Activate, Asked, Now, Outcome, Reset, State, Tick
from claifo_core.deploy.gate import GRACE_S, Gate
from claifo_core.deploy.limits import JointLimits, Limits

HZ, LOOK_S, CUT_S = 30.0, 0.004, 1.0
LATENCY_S = 0.004
AIM_MS = 2e3 / HZ + 20
KINDS = ('jitter', 'drops', 'swaps', 'bursts')


class Arrival(NamedTuple):
    """An action: when it arrives, and when what it answers was captured, seconds."""

    at_s: float
    captured_s: float


def made(kind: str, seconds: float, seed: int = 0) -> list[Arrival]:
    """Return a stream at 30 Hz whose arrivals jitter by 5 ms, and that fails in one more way.

    Args:
        kind: ``drops``: one in a hundred is lost; ``swaps``: one in fifty changes places with the
            next; ``bursts``: one in fifty waits for the next; ``jitter``: nothing more.
        seconds: Its length.
        seed: Of all chances.
    """
    rng = np.random.default_rng(seed)
    captured = np.arange(int(seconds * HZ)) / HZ
    arrives = captured + LATENCY_S + rng.uniform(0, 0.005, len(captured))
    chosen = rng.random(len(captured))
    if kind == 'drops':
        kept = chosen > 0.01
        captured, arrives = captured[kept], arrives[kept]
    elif kind in ('swaps', 'bursts'):
        late = np.flatnonzero(chosen[:-1] < 0.02)
        arrives[late] = arrives[late + 1] + (1e-3 if kind == 'swaps' else -1e-3)
    order = np.argsort(arrives, kind='stable')
    return [Arrival(float(arrives[k]), float(captured[k])) for k in order]


def recorded(bag: Path) -> list[Arrival]:
    """Return the stream of a bag: actions by their stamps and the ledger of their publication."""
    found = [
        Arrival((stamp_ns + message.published_ns) / 1e9, stamp_ns / 1e9)
        for where in find_bags([bag])
        for stamp_ns, message in read_headed(where, '/action', ACTION, 'record the topic action')
    ]
    return sorted(Arrival(a - found[0].captured_s, c - found[0].captured_s) for a, c in found)


class Driven:
    """A gate in the time of a stream; whoever resets does it with the first action that comes."""

    def __init__(self) -> None:
        """Activate it."""
        joints = (JointLimits('a', step=2.0, effort=1.0),)
        part = ActionPart('float64_multi_array', '/t', 'effort', ('a',), (1.0,), (0.0,))
        self._gate = Gate(Limits(limits.FORMAT, joints, 'zero'), part, 1 / HZ)
        self._looked_s = 0.0
        self.stops: list[float] = []
        self.resumed: list[float] = []
        self._step(0.0, Activate())

    def _step(self, at_s: float, event: Activate | Asked | Reset | Tick) -> Outcome:
        was = self._gate.state
        now = Now(1 + at_s, round(at_s * 1e9) + 10**15)
        outcome = self._gate.step(now, event)
        if was == State.RUNNING and outcome.state == State.FAULT:
            self.stops.append(at_s)
        if was == State.WAITING and outcome.state == State.RUNNING and self.stops:
            self.resumed.append(at_s)
        return outcome

    def follow(self, stream: Iterable[Arrival]) -> None:
        """Let a stream arrive."""
        for at_s, captured_s in stream:
            while self._looked_s + LOOK_S < at_s:
                self._looked_s += LOOK_S
                self._step(self._looked_s, Tick())
            if self._gate.state == State.FAULT:
                self._step(at_s, Reset())
            self._step(at_s, Asked(np.ones(1), 1, round(captured_s * 1e9) + 10**15))


def stops_of(stream: list[Arrival]) -> dict[str, int]:
    """Return how often the gate stops on a stream, and how often without a silence in it."""
    driven = Driven()
    driven.follow(stream)
    newest = np.maximum.accumulate([a.captured_s for a in stream])
    waits = np.array([a.at_s for a in stream])[1:] - newest[:-1]
    silences = int((waits > 2 / HZ + GRACE_S).sum())
    return {'stops': len(driven.stops), 'false': max(len(driven.stops) - silences, 0)}


def cuts_of(stream: list[Arrival], cuts: int) -> dict[str, float]:
    """Cut a stream again and again; returns the times to stop and to resume, milliseconds."""
    times = np.linspace(1.0, stream[-1].at_s - 2 * CUT_S, cuts) + 1e-3 * np.arange(cuts)
    kept, begins, last = [], [], []
    for cut_s, after_s in zip(times, [*times[1:], stream[-1].at_s], strict=True):
        last.append(max(a.captured_s for a in stream if a.at_s <= cut_s))
        back = [a for a in stream if cut_s + CUT_S < a.captured_s and a.at_s <= after_s]
        begins.append(back[0].at_s)
        kept += back
    driven = Driven()
    driven.follow([a for a in stream if a.at_s <= times[0]] + kept)
    to_stop = 1e3 * (np.array(driven.stops) - last)
    to_resume = 1e3 * (np.array(driven.resumed) - begins)
    return {
        'count': cuts, 'stop_max_ms': round(float(to_stop.max()), 1), 'aim_ms': round(AIM_MS, 1),
        'within': int((to_stop <= AIM_MS).sum()),
        'resume_max_ms': round(float(to_resume.max()), 1),
    }  # fmt: skip


def measure(seconds: float, cuts: int, bag: Path | None = None) -> dict[str, object]:
    """Measure all kinds of streams, and a recorded one if there is one; the aim: no false stop.

    Args:
        seconds: Of each stream.
        cuts: Of a stream with jitter.
        bag: With the topic ``action``.
    """
    streams = {kind: made(kind, seconds) for kind in KINDS}
    if bag:
        streams['recorded'] = recorded(bag)
    stops = {name: stops_of(stream) for name, stream in streams.items()}
    return {'seconds': seconds, **stops, 'cuts': cuts_of(made('jitter', 3.0 * cuts), cuts)}
