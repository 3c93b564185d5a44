"""Limits as they are written down: what cannot be is one line."""

from __future__ import annotations

import math

import pytest

from claifo_core.deploy import limits
from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.limits import JointLimits, Limits, Workspace
from claifo_core.errors import ClaifoError

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
        ('velocity', 'zero', 'step', 'a has no limit of step or acceleration'),
        ('effort', 'zero', 'step', 'a has no limit of step; effort commands need effort, step'),
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


def test_what_was_written_for_an_earlier_version_is_read(tmp_path):
    file = tmp_path / 'limits.yaml'
    file.write_text('format: claifo-limits-1\non_fault: ramp_down\nramp_s: 3.0\n'
                    'joints:\n- {name: a, effort: 1.0, step: 2.0}\n')
    found = limits.load(file)
    limits.check(found, part('effort', 1), 'file')
    assert (found.joints[0].step, found.engage_s, found.estop.heartbeat_s) == (2.0, 0.0, None)
