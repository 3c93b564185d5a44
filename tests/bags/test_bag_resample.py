"""The resampler against its rule, written down once more by brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo.bags.resample import Resampler, tick_ns


def run(stamps, rate_hz):
    """Return, for every tick, the number of the frame that it shows."""
    resampler = Resampler(rate_hz)
    shown = []
    for k, stamp in enumerate(stamps):
        shown += [k - 1] * resampler.push(stamp)
    return shown + [len(stamps) - 1] * resampler.finish()


def oracle(stamps, rate_hz):
    """For each tick try all frames; a frame may be a tenth of a period late."""
    late = int(1e8 / rate_hz)
    shown, k = [], 0
    while stamps[0] + round(k * 1e9 / rate_hz) <= stamps[-1] + late:
        tick = stamps[0] + round(k * 1e9 / rate_hz)
        shown.append(max(i for i, stamp in enumerate(stamps) if stamp <= tick + late))
        k += 1
    return shown


@given(
    steps=st.lists(st.integers(0, 300_000_000), max_size=40),
    start=st.integers(0, 2**60),
    rate_hz=st.floats(0.5, 200),
)
def test_equals_the_rule_tried_frame_by_frame(steps, start, rate_hz):
    stamps = [start]
    for step in steps:
        stamps.append(stamps[-1] + step)
    assert run(stamps, rate_hz) == oracle(stamps, rate_hz)


@given(count=st.integers(1, 500), start=st.integers(1, 2**60), rate_hz=st.floats(0.5, 1000))
def test_frames_at_the_control_rate_pass_one_to_one(count, start, rate_hz):
    stamps = [start + tick_ns(k, rate_hz) for k in range(count)]
    assert run(stamps, rate_hz) == list(range(count))


@given(jitter=st.lists(st.integers(-900_000, 900_000), min_size=1, max_size=200))
def test_jitter_below_a_tenth_of_the_period_neither_drops_nor_repeats(jitter):
    # 50 Hz: a tenth is 2 ms; first and later frames may each be off by 0.9 ms
    stamps = [10**9 + k * 20_000_000 + off for k, off in enumerate(jitter)]
    assert run(stamps, 50.0) == list(range(len(jitter)))


@pytest.mark.parametrize(
    ('stamps_ms', 'rate_hz', 'expected'),
    [
        ([0, 10, 20, 30, 40], 50, [0, 2, 4]),  # twice too fast: every second frame
        ([0, 40, 80], 50, [0, 0, 1, 1, 2]),  # half as fast: every frame twice
        ([0, 20, 20, 40], 50, [0, 2, 3]),  # same stamp: the later one
        ([0], 50, [0]),
        ([0, 22, 40], 50, [0, 1, 2]),  # 2 ms late is a tenth of 20 ms: still on time
        ([0, 23, 40], 50, [0, 0, 2]),  # 3 ms late is not
    ],
)
def test_examples(stamps_ms, rate_hz, expected):
    assert run([ms * 1_000_000 for ms in stamps_ms], rate_hz) == expected
