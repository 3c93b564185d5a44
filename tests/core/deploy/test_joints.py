"""Joint states of several publishers become one, by one rule for gate, policy and bags."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.deploy.joints import TOGETHER_NS, Joints, Told
from claifo_core.deploy.ticks import JUMP_NS
from claifo_core.errors import ClaifoError

MS = 10**6
START = 10**15


def told(at_ms, **positions):
    return Told(list(positions), list(positions.values()), stamp_ns=START + at_ms * MS)


def joints():
    return Joints(('a', 'b', 'b'), ('position', 'position', 'effort'))


MESSAGES = st.lists(
    st.tuples(st.sampled_from([('a',), ('b',), ('a', 'b'), ('gripper',), ('b', 'gripper')]),
              st.integers(-20, 400)),
    max_size=40,
)  # fmt: skip


@given(MESSAGES)
def test_what_is_shown_is_the_newest_of_each_joint(messages):
    """Against a list of all that was told, read from its end."""
    table, heard, at_ms = Joints(('a', 'b'), ('position', 'position')), [], 0
    for k, (names, later_ms) in enumerate(messages):
        at_ms += later_ms
        found = table.together(told(at_ms, **dict.fromkeys(names, k)), 1 + k)
        heard.append((at_ms, k, names))
        newest = {n: max((t, i) for t, i, ns in heard if n in ns) for n in 'ab'
                  if any(n in ns for _, _, ns in heard)}  # fmt: skip
        stamps = [t for t, _ in newest.values()]
        if found is None:
            continue
        assert len(newest) == 2 and (max(stamps) - min(stamps)) * MS <= TOGETHER_NS
        assert found[0] == START + max(stamps) * MS
        for value, name in zip(found[1], 'ab', strict=True):
            assert newest[name][0] == next(t for t, i, _ in heard if i == value)


def test_an_arm_and_a_gripper_are_shown_together():
    table = Joints(('arm', 'gripper'), ('position', 'position'))
    assert table.together(told(0, arm=0.1), 1) is None
    assert table.missing() == 'gripper'
    assert table.lack() == 'there is no position of joint gripper'
    stamp_ns, numbers = table.together(told(5, gripper=0.7), 2)
    assert (stamp_ns, numbers.tolist()) == (START + 5 * MS, pytest.approx([0.1, 0.7]))
    _, numbers = table.together(told(20, arm=0.2, other=9.0), 3)
    assert numbers.tolist() == pytest.approx([0.2, 0.7])
    assert table.together(told(30, other=1.0), 4) is None
    assert table.together(told(900, arm=0.3), 5) is None  # the gripper has been silent too long


def test_a_late_message_is_left_out_and_a_clock_that_was_set_back_is_followed():
    table = Joints(('a',), ('position',))
    table.together(told(1000, a=1.0), 1)
    assert table.together(told(980, a=9.0), 2)[1].tolist() == [1.0]
    stamp_ns, numbers = table.together(told(1000 - JUMP_NS // MS - 1, a=2.0), 3)
    assert numbers.tolist() == [2.0] and stamp_ns < START + 1000 * MS


def test_ages_count_by_stamp_and_by_arrival():
    table = Joints(('a', 'b'), ('position', 'position'))
    table.add(told(0, a=0.0), 1000 * MS)
    now = (1100 * MS, START + 300 * MS)
    assert table.ages_ns(*now).tolist() == [300 * MS, math.inf]
    table.add(Told(('b',), (0.0,)), 1050 * MS)  # without a stamp
    assert table.ages_ns(*now).tolist() == [300 * MS, 50 * MS]
    table.add(told(5000, a=0.0), 1100 * MS)  # from the future
    assert table.ages_ns(*now)[0] == math.inf


@given(st.floats(-3, 3), st.integers(20, 400))
def test_a_speed_is_that_of_two_positions(speed, span_ms):
    table = Joints(('a',), ('position',))
    table.add(told(0, a=0.5), 1)
    assert np.isnan(table.array('velocity')).all()
    table.add(told(span_ms, a=0.5 + speed * span_ms / 1000), 2)
    assert table.array('velocity') == pytest.approx([speed], abs=1e-9)


@pytest.mark.parametrize(
    ('message', 'line'),
    [
        (Told(('a',), ()), 'there is no position of joint a'),
        (Told(('b',), (0.0,)), 'there is no effort of joint b'),
        (Told(('a',), (math.nan,)), 'a number is not finite.*position of joint a'),
        (Told(('a',), (1e308,)), 'none that a joint can have: position of joint a is 1e.308'),
        (Told(('a',), (0.0,), (math.inf,)), 'velocity of joint a'),
        (Told(('x',) * 20000, ()), '20000 joints are more than any robot has'),
    ],
)
def test_damage_is_one_line_and_tells_nothing(message, line):
    table = joints()
    with pytest.raises(ClaifoError, match=line):
        table.add(message, 1)
    assert table.missing() == 'a'


def test_what_is_not_needed_may_be_unknown():
    table = joints()
    assert table.add(Told(('a',), (0.0,), (math.nan,), (math.nan,)), 1)
    assert np.isnan(table.array('effort')).all()
