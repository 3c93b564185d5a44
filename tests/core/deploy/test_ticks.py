"""Live ticks show what a bag of the same stamps would show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.deploy.ticks import Ticks

PERIOD = 50_000_000
START = 10**12


def live(stamps, *, follows=False, hold=2.0):
    """Ticks of one source as its items come, and what is left at the end."""
    ticks = Ticks(PERIOD, 1, hold, follows)
    return ticks, [tick for s in stamps for tick in ticks.add(0, s, s)]


def of_bag(stamps):
    """The rule of bags in plain words: newest stamp up to a tenth of the period after the tick."""
    shown, k = [], 0
    while (end := stamps[0] + k * PERIOD + PERIOD // 10) <= stamps[-1] + PERIOD // 5:
        shown.append(max(s for s in stamps if s <= end))
        k += 1
    return shown


@pytest.mark.parametrize('hz', [20, 40, 60, 10])
@given(jitter=st.lists(st.integers(-PERIOD // 50, PERIOD // 50), min_size=8, max_size=30))
def test_the_same_frames_as_from_a_bag(hz, jitter):
    step = 10**9 // hz
    stamps = [START + k * step + j for k, j in enumerate(jitter)]
    _, ticks = live(stamps, hold=4)
    found, wanted = [tick.items[0] for tick in ticks], of_bag(stamps)
    assert len(found) >= len(stamps) * step // PERIOD - 2
    assert found == wanted[: len(found)]


def test_a_camera_at_the_control_rate_is_acted_on_at_once_whatever_its_clock_does():
    step = int(PERIOD * 1.013)  # it never stays in phase with anybody
    stamps = [START + k * step + (k == 50) * PERIOD // 3 for k in range(300)]
    _, ticks = live(stamps, follows=True)
    assert [tick.items[0] for tick in ticks] == stamps


def test_a_missing_frame_is_filled_in_by_the_one_before_it():
    stamps = [START + k * PERIOD for k in range(6) if k != 3]
    ticks, shown = live(stamps, follows=True)
    assert [(t.items[0] - START) // PERIOD for t in shown] == [0, 1, 2, 2, 4, 5]
    assert [t.held for t in shown] == [False, False, False, True, False, False]
    assert (ticks.late, ticks.dropped, ticks.gaps) == (1, 0, 0)


def test_in_time_a_silent_camera_is_held_and_then_given_up():
    ticks, _ = live([START, START + PERIOD], follows=True)
    assert ticks.expire(START + 2 * PERIOD) is None
    tick = ticks.expire(START + 2 * PERIOD + PERIOD // 2 + 1)
    assert tick.held and tick.items == (START + PERIOD,)
    assert ticks.expire(START + 4 * PERIOD).held
    assert ticks.expire(START + 5 * PERIOD) is None  # older than it may be
    assert ticks.gaps == 1
    assert ticks.expire(START + 50 * PERIOD) is None


@pytest.mark.parametrize('jump', [-10 * PERIOD, 40 * PERIOD])
def test_after_a_loop_or_a_pause_everything_begins_anew(jump):
    first = [START + k * PERIOD for k in range(3)]
    second = [s + jump + 3 * PERIOD for s in first]
    ticks, shown = live([*first, *second], follows=True)
    restarts = [t.items[0] for t in shown if t.restarts]
    assert restarts == [first[0], second[0]]
    assert [t.items[0] for t in shown if not t.held] == [*first, *second]
    assert ticks.jumps_back == (jump < 0)


def test_the_same_stamp_again_is_no_new_tick_and_the_last_of_them_counts():
    ticks = Ticks(PERIOD, 2)
    assert ticks.add(0, START, 'a') == []
    assert ticks.add(0, START, 'b') == []
    (tick,) = ticks.add(1, START, 'c')
    assert tick.items == ('b', 'c')
    assert ticks.add(0, START, 'd') == []


def test_two_swapped_pictures_lose_one_and_begin_nothing_anew():
    stamps = [START + k * PERIOD for k in (0, 1, 3, 2, 4, 5)]
    ticks, shown = live(stamps, follows=True)
    assert [(t.items[0] - START) // PERIOD for t in shown if not t.held] == [0, 1, 3, 4, 5]
    assert [t.restarts for t in shown] == [True] + [False] * (len(shown) - 1)
    assert (ticks.swapped, ticks.jumps_back, ticks.gaps) == (1, 0, 0)


def test_several_sources_are_shown_at_the_same_time():
    ticks = Ticks(PERIOD, 2, follows=True)
    shown = []
    for k in range(5):
        stamp = START + k * PERIOD
        assert not ticks.add(0, stamp, ('left', k))  # the other is still to come
        shown += ticks.add(1, stamp + PERIOD // 20, ('right', k))
    assert [t.items for t in shown] == [(('left', k), ('right', k)) for k in range(5)]


def test_a_fast_source_gives_its_newest():
    ticks = Ticks(PERIOD, 2, follows=True)
    shown = []
    for k in range(50):
        shown += ticks.add(1, START + k * PERIOD // 10, k)
        if k % 10 == 0:
            shown += ticks.add(0, START + k * PERIOD // 10, k)
    assert [t.items for t in shown] == [(k, k) for k in range(0, 50, 10)]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 400)), max_size=60))
def test_whatever_comes_ticks_go_on_in_time_and_show_nothing_older_than_allowed(events):
    ticks, last = Ticks(PERIOD, 2), None
    for source, place in events:
        stamp = START + place * PERIOD // 10
        for tick in ticks.add(source, stamp, stamp):
            assert tick.stamps_ns == tick.items
            assert tick.due_ns - min(tick.items) <= 2 * PERIOD or tick.restarts
            assert tick.restarts or last is None or tick.due_ns > last
            last = tick.due_ns
