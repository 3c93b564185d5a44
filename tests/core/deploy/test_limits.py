"""What goes to a robot: no sequence of inputs gets past its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.deploy import limits
from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.limits import JointLimits, Limiter, Limits, Workspace
from claifo_core.errors import ClaifoError

PERIOD_S = 0.05
OUTPUT = {'twist': 'twist_stamped'}
BOX = Workspace('/pose', (-0.2, -0.3, 0.1), (0.4, 0.3, 0.5))


def part(meaning: str, count: int = 2) -> ActionPart:
    names = ('linear.x', 'linear.z', 'angular.z') if meaning == 'twist' else ('a', 'b', 'c')
    return ActionPart(
        OUTPUT.get(meaning, 'float64_multi_array'), '/t', meaning, names[:count],
        (1.0,) * count, (0.0,) * count,
    )  # fmt: skip


def bounds(meaning: str, on_fault: str, count: int = 2) -> Limits:
    joints = tuple(
        JointLimits(name, step=0.03 * (k + 1), position=(-1.0, 0.5 + k), velocity=0.4 + k,
                    effort=2.0 + k)
        for k, name in enumerate(part(meaning, count).names)
    )  # fmt: skip
    return Limits(limits.FORMAT, joints, on_fault, BOX if meaning == 'twist' else None)


NUMBERS = st.floats(-1e6, 1e6)
PAIRS = st.tuples(NUMBERS, NUMBERS)
MEASURED = st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))


@given(start=st.tuples(st.floats(-1, 0.5), st.floats(-1, 1.5)),
       wishes=st.lists(PAIRS, max_size=30), fault=st.sampled_from(['hold', 'ramp_down']))
def test_positions_keep_range_step_and_speed(start, wishes, fault):
    limiter = Limiter(bounds('position', fault), part('position'), PERIOD_S)
    limiter.begin(np.array(start))
    before = np.array(start)
    sent = [limiter.clip(np.array(wish)) for wish in wishes]
    sent += [limiter.safe() for _ in range(20)]
    largest = np.minimum([0.03, 0.06], np.array([0.4, 1.4]) * PERIOD_S)
    for command in sent:
        assert (command >= [-1, -1]).all() and (command <= [0.5, 1.5]).all()
        assert (np.abs(command - before) <= largest + 1e-12).all()
        before = command
    assert np.array_equal(sent[-1], sent[-2])  # it stands


@pytest.mark.parametrize('meaning', ['velocity', 'effort', 'twist'])
@given(wishes=st.lists(st.tuples(PAIRS, MEASURED), max_size=30),
       fault=st.sampled_from(['zero', 'ramp_down']))
def test_other_commands_keep_their_range_and_come_to_rest(meaning, wishes, fault):
    limiter = Limiter(bounds(meaning, fault), part(meaning), PERIOD_S)
    limiter.begin(np.zeros(2))
    before, high = np.zeros(2), np.array([2.0, 3.0] if meaning == 'effort' else [0.4, 1.4])
    for wish, measured in wishes:
        place = np.array(measured[: 3 if meaning == 'twist' else 2])
        command = limiter.clip(np.array(wish), place)
        assert (np.abs(command) <= high).all()
        # Only braking may be quicker than a step.
        faster = np.abs(command) > np.abs(before) + 1e-12
        crossed = np.sign(command) * np.sign(before) < 0
        change = np.abs(command - before)
        assert (change[faster | crossed] <= np.array([0.03, 0.06])[faster | crossed] + 1e-9).all()
        before = command
    for _ in range(int(0.5 / PERIOD_S) + 2):
        command = limiter.safe()
        assert (np.abs(command) <= np.abs(before) + 1e-12).all()
        before = command
    assert not command.any()


@pytest.mark.parametrize(('meaning', 'sign'), [('velocity', 1), ('velocity', -1), ('twist', 1)])
def test_a_robot_that_obeys_stops_at_its_border(meaning, sign):
    limiter = Limiter(bounds(meaning, 'zero'), part(meaning), PERIOD_S)
    limiter.begin(np.zeros(2))
    place = np.array([0.0, 0.0, 0.2])[: 3 if meaning == 'twist' else 2]
    moved = [0, 2] if meaning == 'twist' else [0, 1]
    for _ in range(400):
        command = limiter.clip(np.full(2, sign * 100.0), place)
        place = place.copy()
        place[moved] += command * PERIOD_S
    high, low = ((0.4, 0.5), ()) if meaning == 'twist' else ((0.5, 1.5), (-1.0, -1.0))
    border = np.array(high if sign > 0 else low)
    assert np.allclose(place[moved], border, atol=0.01)
    assert (sign * (place[moved] - border) <= 1e-9).all()


def test_outside_its_limits_a_robot_does_not_begin():
    limiter = Limiter(bounds('position', 'hold'), part('position'), PERIOD_S)
    with pytest.raises(ClaifoError, match=r'joint number 1 is at 9, outside'):
        limiter.begin(np.array([0.0, 9.0]))


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        ('', 'has no limits'),
        ('format: x\njoints: []\non_fault: zero', "format is 'x'"),
        ('joints: []\non_fault: zero', 'key format is missing'),
        ('format: claifo-limits-1\njoints: []\non_fault: zer', 'did you mean zero'),
        ('format: claifo-limits-1\non_fault: zero\njoints:\n- {name: a, step: -1}', 'above 0'),
        ('format: claifo-limits-1\non_fault: zero\njoints:\n- {name: a, step: .nan}', 'above 0'),
        ('format: claifo-limits-1\non_fault: zero\njoints:\n- {name: a, stp: 1}',
         r'unknown key joints\[0\].stp'),
        ('format: claifo-limits-1\non_fault: zero\njoints:\n'
         '- {name: a, step: 1, position: [1, -1]}', r'\[1, -1\]; the first must be below'),
    ],
)  # fmt: skip
def test_wrong_limits_are_one_line(tmp_path, text, line):
    file = tmp_path / 'limits.yaml'
    file.write_text(text)
    with pytest.raises(ClaifoError, match=line) as problem:
        limits.load(file)
    assert str(file) in str(problem.value)


@pytest.mark.parametrize(
    ('meaning', 'fault', 'without', 'line'),
    [
        ('position', 'hold', 'velocity', 'a has no limit of velocity'),
        ('velocity', 'zero', 'position', 'a has no limit of position'),
        ('effort', 'zero', 'effort', 'a has no limit of effort'),
        ('position', 'zero', '', 'driven to 0; choose hold or ramp_down'),
        ('velocity', 'hold', '', 'go on moving; choose zero or ramp_down'),
        ('twist', 'zero', 'workspace', 'need a workspace'),
        ('effort', 'zero', 'joint', 'no limits for a'),
    ],
)
def test_missing_limits_are_named(meaning, fault, without, line):
    import dataclasses

    given = bounds(meaning, fault)
    if without == 'workspace':
        given = dataclasses.replace(given, workspace=None)
    elif without == 'joint':
        given = dataclasses.replace(given, joints=given.joints[1:])
    elif without:
        first = dataclasses.replace(given.joints[0], **{without: None})
        given = dataclasses.replace(given, joints=(first, *given.joints[1:]))
    with pytest.raises(ClaifoError, match=line):
        limits.check(given, part(meaning), 'file')


def test_infinite_limits_are_none():
    with pytest.raises(ClaifoError):
        JointLimits('a', step=math.inf)
