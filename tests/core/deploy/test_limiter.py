"""What goes to a robot: no sequence of wishes, at whatever times, gets past its limits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_limits import BOX, part

from claifo_core.deploy import limits
from claifo_core.deploy.limiter import Limiter
from claifo_core.deploy.limits import JointLimits, Limits
from claifo_core.errors import ClaifoError

PERIOD_S = 0.05


def limiter(meaning: str, on_fault: str, **more) -> Limiter:
    joints = tuple(
        JointLimits(name, step=0.03 * (k + 1), position=(-1.0, 0.5 + k), velocity=0.4 + k,
                    effort=2.0 + k, **more)
        for k, name in enumerate(part(meaning).names)
    )  # fmt: skip
    bounds = Limits(limits.FORMAT, joints, on_fault, BOX if meaning == 'twist' else None)
    return Limiter(bounds, part(meaning), PERIOD_S, 2 * PERIOD_S)


NUMBERS = st.floats(-1e6, 1e6)
WISHES = st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.001, 0.12)), max_size=30)
RATE = np.array([0.03, 0.06]) / PERIOD_S


@given(start=st.tuples(st.floats(-1, 0.5), st.floats(-1, 1.5)), wishes=WISHES,
       fault=st.sampled_from(['hold', 'ramp_down']))
def test_positions_keep_range_and_speed_whenever_they_are_asked_for(start, wishes, fault):
    robot = limiter('position', fault)
    robot.begin(np.array(start), np.zeros(2), 0.0)
    before, now_s, sent = np.array(start), 0.0, []
    for *wish, span_s in wishes:
        now_s += span_s
        sent.append((robot.clip(np.array(wish), now_s), span_s))
    robot.react(now_s)
    for _ in range(20):
        now_s += PERIOD_S
        sent.append((robot.safe(now_s), PERIOD_S))
    first = True
    for command, span_s in sent:
        assert (command >= [-1, -1]).all() and (command <= [0.5, 1.5]).all()
        largest = np.minimum(RATE, [0.4, 1.4]) * (PERIOD_S if first else min(span_s, PERIOD_S))
        assert (np.abs(command - before) <= largest + 1e-12).all()
        before, first = command, False
    assert np.array_equal(sent[-1][0], sent[-2][0]) and robot.still


@pytest.mark.parametrize('meaning', ['velocity', 'effort', 'twist'])
@given(wishes=WISHES, fault=st.sampled_from(['zero', 'ramp_down']),
       places=st.lists(st.tuples(*[st.floats(-2, 2)] * 3), min_size=30, max_size=30))
def test_other_commands_keep_their_range_and_come_to_rest(meaning, wishes, fault, places):
    robot = limiter(meaning, fault)
    robot.begin(np.zeros(2), np.zeros(2), 0.0)
    before, high = np.zeros(2), np.array([2.0, 3.0] if meaning == 'effort' else [0.4, 1.4])
    now_s, span_s = 0.0, PERIOD_S
    for (*wish, pause_s), place in zip(wishes, places, strict=False):
        now_s += pause_s
        span_s = PERIOD_S if now_s == pause_s else min(pause_s, PERIOD_S)
        robot.observe(np.array(place[: 3 if meaning == 'twist' else 2]), now_s, 0.0)
        command = robot.clip(np.array(wish), now_s)
        assert (np.abs(command) <= high).all()
        # Only braking may be quicker.
        faster = np.abs(command) > np.abs(before) + 1e-12
        crossed = np.sign(command) * np.sign(before) < 0
        change = np.abs(command - before)
        assert (change[faster | crossed] <= (RATE * span_s)[faster | crossed] + 1e-9).all()
        before = command
    robot.react(now_s)
    for _ in range(int(0.5 / PERIOD_S) + 1):
        now_s += PERIOD_S
        command = robot.safe(now_s)
        assert (np.abs(command) <= np.abs(before) + 1e-12).all()
        before = command
    assert not command.any() and robot.still


@pytest.mark.parametrize(('meaning', 'sign'), [('velocity', 1), ('velocity', -1), ('twist', 1)])
def test_a_robot_that_obeys_stops_at_its_border(meaning, sign):
    robot = limiter(meaning, 'zero')
    place = np.array([0.0, 0.0, 0.2])[: 3 if meaning == 'twist' else 2]
    moved = [0, 2] if meaning == 'twist' else [0, 1]
    robot.observe(place, 0.0, 0.0)
    robot.begin(place, np.zeros(2), 0.0)
    for k in range(1, 400):
        robot.observe(place, k * PERIOD_S, 0.0)
        command = robot.clip(np.full(2, sign * 100.0), k * PERIOD_S)
        place = place.copy()
        place[moved] += command * PERIOD_S
    high, low = ((0.4, 0.5), ()) if meaning == 'twist' else ((0.5, 1.5), (-1.0, -1.0))
    border = np.array(high if sign > 0 else low)
    assert np.allclose(place[moved], border, atol=0.01)
    assert (sign * (place[moved] - border) <= 1e-9).all()


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.03, 0.05)), min_size=1, max_size=60))
def test_positions_keep_an_acceleration_and_a_jerk(wishes):
    """Getting faster is bounded by both, getting slower by the acceleration; the border wins."""
    robot = limiter('position', 'hold', acceleration=2.0, jerk=20.0)
    robot.begin(np.zeros(2), np.zeros(2), 0.0)
    at, speed, gain = np.zeros(2), np.zeros(2), np.zeros(2)
    now_s = 0.0
    for *wish, pause_s in wishes:
        now_s += pause_s
        span_s = PERIOD_S if now_s == pause_s else pause_s
        place = robot.clip(np.array(wish), now_s)
        new = (place - at) / span_s
        free = (place > -0.99) & (place < [0.49, 1.49])
        change = (new - speed) / span_s
        assert (np.abs(change)[free] <= 2.0 + 1e-6).all()
        faster = free & (np.abs(new) > np.abs(speed) + 1e-9) & (new * speed >= 0)
        grown = np.abs(change) - np.maximum(gain * np.sign(new), 0)
        assert (grown[faster] <= 20.0 * span_s + 1e-6).all()
        at, speed, gain = place, new, change


def test_outside_its_limits_a_robot_does_not_begin():
    with pytest.raises(ClaifoError, match=r'joint number 1 is at 9, outside'):
        limiter('position', 'hold').begin(np.array([0.0, 9.0]), np.zeros(2), 0.0)


def test_efforts_end_at_the_border_of_a_position():
    robot = limiter('effort', 'zero')
    robot.begin(np.zeros(2), np.zeros(2), 0.0)
    wish = np.array([2.0, -2.0])
    for k in range(1, 9):
        command = robot.clip(wish, k * PERIOD_S)
    assert command == pytest.approx([0.24, -0.48])  # where the joints are is not known
    robot.observe(np.array([0.5, -1.2]), 9 * PERIOD_S, 0.0)
    assert not robot.clip(wish, 9 * PERIOD_S).any()
    assert robot.clip(-wish, 10 * PERIOD_S) == pytest.approx([-0.03, 0.06])  # back is free


@given(st.floats(0.1, 1.4), st.floats(0.0, 1.4), st.floats(0.02, 0.2))
def test_a_ramp_ends_before_the_border_without_a_new_measurement(speed, place, age_s):
    """A robot that obeys, whose joint states have ended."""
    robot = limiter('velocity', 'ramp_down')
    robot.observe(np.array([0.0, place]), 1.0, 0.0)
    robot.begin(np.zeros(2), np.array([0.0, speed]), 1.0)
    now_s, at = 1.0, place
    safe_speed = robot.clip(np.array([0.0, speed]), now_s)[1]
    now_s += age_s
    at += safe_speed * age_s
    robot.react(now_s)
    for _ in range(15):
        command = robot.safe(now_s)[1]
        now_s += PERIOD_S
        at += command * PERIOD_S
    assert command == 0
    if age_s <= 2 * PERIOD_S:  # no longer than the watchdog lets it be
        assert at <= 1.5 + 1e-9


def test_what_is_not_given_is_no_limit():
    joint = JointLimits('a', position=(-1, 1), velocity=0.4)
    bounds = Limits(limits.FORMAT, (joint, dataclasses.replace(joint, name='b')), 'hold')
    robot = Limiter(bounds, part('position'), PERIOD_S, 2 * PERIOD_S)
    robot.begin(np.zeros(2), np.full(2, np.nan), 0.0)
    assert not robot.needs_speed
    assert robot.clip(np.ones(2), 0.0) == pytest.approx([0.02, 0.02])
