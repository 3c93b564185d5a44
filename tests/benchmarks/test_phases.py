"""The stopwatch: every moment is booked once, to the innermost part."""

from __future__ import annotations

import pytest
import torch
from phases import CudaClock, Stopwatch, watch
from synthetic import build

from claifo.cost import Shape
from claifo_core.config import settings


class Ticks:
    """A clock that the test moves."""

    now = 0

    def mark(self):
        return self.now

    def between_ms(self, start, end):
        return end - start


def test_time_of_a_part_inside_another_counts_for_it_alone():
    clock = Ticks()

    def spend(ticks, inside=lambda: None):
        clock.now += ticks
        inside()
        clock.now += ticks

    stopwatch = Stopwatch(clock)
    inner = stopwatch.timed(lambda: spend(5), 'inner')
    outer = stopwatch.timed(spend, lambda ticks, *_: f'outer {ticks}')
    clock.now += 100
    outer(1, inner)
    clock.now += 100
    outer(2, lambda: inner() or inner())
    assert stopwatch.take_ms() == {'outer 1': 2, 'outer 2': 4, 'inner': 30}
    assert stopwatch.take_ms() == {}


def test_a_part_that_fails_is_booked_and_closed():
    clock = Ticks()
    stopwatch = Stopwatch(clock)

    def fail():
        clock.now += 3
        raise KeyError

    with pytest.raises(KeyError):
        stopwatch.timed(fail, 'a')()
    clock.now += 50
    assert stopwatch.take_ms() == {'a': 3}


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_split_of_an_update_on_a_gpu_by_events():
    config = settings.from_dict({'device': 'cuda'})
    stopwatch = Stopwatch(CudaClock())
    update = watch(build(config, Shape(6), 1000), stopwatch)
    update()
    found = stopwatch.take_ms()
    assert {'gather', 'augment', 'encode_without_gradient', 'optimiser', 'other'} <= set(found)
    assert all(spent >= 0 for spent in found.values())
