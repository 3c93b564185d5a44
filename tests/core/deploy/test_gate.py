"""What each state of the gate does with what can come."""

from __future__ import annotations

import numpy as np
import pytest
from gated import FASTEST, GRACE_S, HIGH, PERIOD_S, RAMP_S, SILENCE_S, STEP, Bench

from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.events import (
    MEANS,
    TRANSITIONS,
    Activate,
    Button,
    Cause,
    Deactivate,
    Now,
    Posed,
    Reset,
    State,
    Stop,
    Tick,
)
from claifo_core.deploy.joints import Told
from claifo_core.deploy.senses import Body


def running(meaning='velocity', on_fault='ramp_down', wish=0.3, **given):
    bench = Bench(meaning, on_fault, **given)
    bench.start()
    bench.drive(wish, wish)
    assert bench.gate.state == State.RUNNING
    return bench


def test_a_flood_moves_a_position_no_faster_than_its_limit():
    bench = running('position', 'hold', wish=0.0)
    begun_s, count = bench.now_s, len(bench.sent)
    for k in range(800):
        bench.wait(1 / 800, feels=k % 8 == 0)
        bench.ask(9, -9)
    span_s = bench.now_s - begun_s
    assert bench.place == pytest.approx([FASTEST, -FASTEST], rel=0.1)
    assert len(bench.sent) - count <= span_s / PERIOD_S + 1


def test_an_image_is_answered_once():
    bench = running(wish=0.0)
    stamp_age_s = 0.0
    bench.ask(0.4, 0.4)
    bench.wait(PERIOD_S, feels=True)
    stamp_age_s = PERIOD_S
    assert 'answered already' in bench.ask(0.4, 0.4, age_s=stamp_age_s).refused
    count = len(bench.sent)
    bench.wait(0.04, feels=True)
    assert len(bench.sent) == count


def test_two_swapped_images_are_no_fault():
    bench = running()
    for age_s in (0.0, 0.02, 0.0, 0.03):
        bench.ask(0.3, 0.3, age_s=age_s)
        bench.wait(PERIOD_S, feels=True)
    assert bench.gate.state == State.RUNNING


def test_after_a_pause_the_next_command_is_one_step_away():
    bench = running(wish=0.0)
    bench.wait(0.04, feels=True)
    bench.ask(9, 9)
    assert bench.sent[-1][1] == pytest.approx([STEP, STEP])


@pytest.mark.parametrize('when', ['before', 'inactive', 'running', 'ending', 'waiting'])
@pytest.mark.parametrize('event', [Button(True), Stop()])
def test_a_stop_counts_in_every_state_until_it_is_reset(when, event):
    bench = Bench() if when in ('before', 'waiting') else running()
    if when == 'waiting':
        bench.start()
    if when in ('inactive', 'ending'):
        bench.step(Deactivate())
    if when == 'inactive':
        bench.wait(1.0)
    bench.step(event)
    bench.step(Deactivate())
    bench.wait(1.0)
    count = len(bench.sent)
    bench.start()
    bench.drive(0.3, 0.3)
    assert (bench.gate.state, len(bench.sent)) == (State.FAULT, count)
    assert 'emergency stop' in bench.last.reason
    if isinstance(event, Button):
        assert 'still pressed' in bench.step(Reset()).refused
        bench.step(Button(False))
        bench.drive(0.3, 0.3)
        assert len(bench.sent) == count  # only a reset ends it
    assert not bench.step(Reset()).refused
    bench.drive(0.3, 0.3)
    assert bench.gate.state == State.RUNNING


def test_a_silent_button_is_a_pressed_one():
    bench = Bench(heartbeat_s=0.3)
    bench.start()
    bench.ask(0.1, 0.1)
    assert bench.last.reason == 'the emergency stop has not been heard yet'
    bench.step(Button(False))
    bench.drive(0.1, 0.1, seconds=0.25)
    assert bench.gate.state == State.RUNNING
    bench.drive(0.1, 0.1, seconds=0.1)
    assert 'silent' in bench.last.reason and bench.gate.state == State.FAULT
    assert 'silent' in bench.step(Reset()).refused
    bench.heal()
    bench.drive(0.1, 0.1, seconds=0.1)
    assert bench.gate.state == State.RUNNING


@pytest.mark.parametrize('end', [Deactivate(), Stop(), Button(True)])
def test_whatever_ends_motion_ends_in_a_standstill_in_time(end):
    bench = running(wish=0.4)
    bench.step(end)
    assert bench.sent[-1][1] == pytest.approx(bench.sent[-2][1])
    bench.wait(RAMP_S + PERIOD_S + 0.004)
    assert not bench.sent[-1][1].any()
    assert bench.gate.state == (State.INACTIVE if isinstance(end, Deactivate) else State.FAULT)
    speeds = [command[0] for command in bench.commands]
    assert max(np.abs(np.diff(speeds))) <= STEP + FASTEST * PERIOD_S / RAMP_S


@pytest.mark.parametrize('meaning', ['velocity', 'twist'])
@pytest.mark.parametrize('feels', [True, False])
def test_the_ramp_ends_at_the_border(meaning, feels):
    bench = Bench(meaning, 'ramp_down')
    bench.start()
    while bench.place[0] < HIGH - 0.15:
        bench.drive(9, 9, seconds=PERIOD_S)
    bench.step(Stop())
    assert bench.sent[-1][1][0] > 0.2
    bench.wait(RAMP_S + PERIOD_S, feels=feels)
    assert not bench.sent[-1][1].any() and bench.place.max() <= HIGH + 1e-9


def test_a_reset_on_the_ramp_goes_on_from_there():
    bench = running(wish=0.4)
    bench.step(Stop())
    bench.wait(RAMP_S / 2, feels=True)
    before = bench.sent[-1][1]
    assert 0.1 < before[0] < 0.3
    bench.step(Reset())
    bench.drive(0.4, 0.4, seconds=0.2)
    after = [command for at_s, command, _ in bench.sent if at_s > bench.now_s - 0.25]
    assert np.abs(np.diff([before, *after], axis=0)).max() <= STEP + 1e-9


def test_a_reset_without_a_policy_brings_the_robot_to_rest():
    bench = running(wish=0.4)
    bench.step(Stop())
    bench.step(Reset())
    bench.wait(RAMP_S + PERIOD_S, feels=True)
    assert bench.gate.state == State.WAITING and not bench.sent[-1][1].any()


def test_it_begins_with_the_speed_that_the_robot_has():
    bench = Bench()
    bench.moves = np.array([0.3, -0.2])
    bench.start()
    bench.ask(0.3, -0.2)
    assert bench.sent[0][1] == pytest.approx([0.3, -0.2])


def test_a_speed_follows_from_two_positions():
    bench = Bench()
    bench.step(Activate())
    stamp_ns = bench.ros_ns
    bench.step(Told(('a', 'b'), (0.0, 0.0), stamp_ns=stamp_ns))
    assert bench.ask(0, 0).reason == 'nothing has told yet how fast the joints are'
    bench.now_s, bench.ros_ns = bench.now_s + 0.05, bench.ros_ns + 50_000_000
    bench.step(Told(('a', 'b'), (0.01, -0.005), stamp_ns=stamp_ns + 50_000_000))
    bench.ask(0.2, -0.1)
    assert bench.sent[0][1] == pytest.approx([0.2, -0.1])


def test_a_turning_body_goes_on_turning():
    body = Body(ActionPart('twist_stamped', '/t', 'twist', ('angular.z',), (1.0,), (0.0,)))
    for k in range(3):
        half = 0.025 * k
        now = Now(5 + 0.05 * k, 10**15)
        body.take(now, Posed((0, 0, 0), (0, 0, np.sin(half), np.cos(half)), 0))
    assert body.speed() == pytest.approx([1.0])


def test_engaging_blends_in_from_what_the_robot_does():
    bench = Bench('position', 'hold', engage_s=1.0, velocity=100.0, step=100.0)
    bench.start()
    bench.drive(0.4, -0.8, seconds=0.5)
    assert bench.place == pytest.approx([0.4 * 0.45, -0.8 * 0.45])
    bench.drive(0.4, -0.8, seconds=0.6)
    assert bench.place == pytest.approx([0.4, -0.8])


@pytest.mark.parametrize(
    ('numbers', 'line'),
    [((float('nan'), 0), 'not finite'), ((0, float('inf')), 'not finite'), ((0,), '1 numbers')],
)
def test_an_impossible_action_is_a_fault(numbers, line):
    bench = running()
    bench.ask(*numbers)
    assert bench.gate.state == State.FAULT and line in bench.last.reason
    bench.drive(0.3, 0.3)
    assert bench.gate.state == State.FAULT


def test_silence_is_a_fault_in_two_periods_after_the_capture():
    bench = running()
    bench.ask(0.3, 0.3, age_s=0.02)
    begun_s = bench.now_s
    while bench.gate.state == State.RUNNING:
        bench.wait(0.001, feels=True)
    assert bench.now_s - begun_s == pytest.approx(SILENCE_S - 0.02, abs=0.0015)
    assert 'camera or policy is silent' in bench.last.reason


def test_wrong_clocks_are_waited_for_at_rest_and_a_fault_on_the_move():
    bench = Bench()
    bench.start()
    bench.ask(0, 0, age_s=3600)
    assert (bench.last.state, bench.sent) == (State.WAITING, [])
    assert 'stale images' in bench.last.reason
    bench.ask(0, 0, age_s=-3600)
    assert 'in the future; set the clocks' in bench.last.reason
    bench.drive(0.1, 0.1)
    bench.ros_ns += 10**9
    bench.ask(0.1, 0.1, age_s=0.5)
    assert bench.gate.state == State.FAULT


def test_a_clock_that_stands_is_a_fault_in_two_periods():
    bench = running()
    bench.clock_runs = False
    begun_s = bench.now_s
    while bench.gate.state == State.RUNNING:
        bench.ros_ns += 0
        bench.wait(0.001, feels=True)
    assert bench.now_s - begun_s <= 2 * PERIOD_S + GRACE_S + 0.01


@pytest.mark.parametrize('age_s', [None, 0.2, 3600.0, -5.0])
def test_joints_that_are_silent_or_old_by_their_stamps_are_a_fault(age_s):
    bench = running()
    for _ in range(40):
        if age_s is not None:
            bench.feel(age_s=age_s)
        bench.ask(0.3, 0.3)
        bench.wait(0.005)
    assert bench.gate.state == State.FAULT
    assert bench.last.reason == 'nothing tells any more where the joints are'


def test_joints_of_several_publishers_are_merged():
    bench = Bench()
    bench.step(Activate())
    for _ in range(30):
        bench.feel(('a', 'gripper'))
        bench.wait(0.01)
        bench.feel(('b',))
        bench.ask(0.1, 0.1)
        bench.wait(0.01)
    assert bench.gate.state == State.RUNNING
    for _ in range(30):  # the one with b falls silent
        bench.feel(('a', 'gripper'))
        bench.ask(0.1, 0.1)
        bench.wait(0.01)
    assert bench.gate.state == State.FAULT


@pytest.mark.parametrize('number', [1e308, float('nan'), float('inf'), -1e7])
def test_damaged_joint_states_tell_nothing(number):
    bench = running()
    outcome = bench.step(Told(('a', 'b'), (number, 0.0), stamp_ns=bench.ros_ns))
    assert 'none that a joint can have: position of joint a' in outcome.refused
    bench.drive(0.1, 0.1, seconds=0.2)
    assert bench.gate.state == State.RUNNING
    assert 'no position of joint b' in bench.step(Told(('a', 'b'), (0.0,))).refused
    assert 'more than any robot' in bench.step(Told(['a'] * 99999, [0.0] * 99999)).refused


def test_a_joint_that_runs_away_is_a_fault():
    bench = running(wish=0.0)
    for _ in range(40):
        bench.wait(0.01)
        bench.step(Told(('a', 'b'), (0, 0), (0, 1.3 * FASTEST), stamp_ns=bench.ros_ns))
        bench.ask(0, 0)
    assert bench.gate.state == State.FAULT
    assert 'b moves at 0.52, faster than its limit of 0.4' in bench.last.reason


def test_a_joint_at_its_fastest_is_no_fault():
    bench = running(wish=0.0)
    for k in range(60):
        bench.wait(0.01)
        bench.step(Told(('a', 'b'), (0, 0), (0, (1.0 + 0.1 * (k % 2)) * FASTEST)))
        bench.ask(0, 0)
    assert bench.gate.state == State.RUNNING


@pytest.mark.parametrize('meaning', ['position', 'velocity'])
def test_a_joint_that_does_not_follow_is_a_fault(meaning):
    bench = running(meaning, 'ramp_down', wish=0.0, following=0.05)
    for _ in range(20):
        bench.ask(0.3, 0.0)
        for _ in range(5):
            bench.step(Told(('a', 'b'), (0, 0), (0, 0), stamp_ns=bench.ros_ns))
            bench.wait(PERIOD_S / 5)
    assert bench.gate.state == State.FAULT
    assert 'a does not follow' in bench.last.reason and 'more than 0.05' in bench.last.reason


def test_effort_needs_no_joints_and_loses_none_that_it_had():
    bench = Bench('effort', 'zero')
    bench.step(Activate())
    for _ in range(10):
        bench.ask(1, 1)
        bench.wait(PERIOD_S)
    assert bench.gate.state == State.RUNNING and bench.gate.measures == 'joints'
    bench.drive(1, 1, seconds=0.2)
    for _ in range(5):
        bench.ask(1, 1)
        bench.wait(PERIOD_S)
    assert 'nothing tells any more' in bench.last.reason


def test_what_was_sent_before_deactivation_is_forgotten():
    bench = running('position', 'hold', wish=0.2)
    bench.step(Deactivate())
    assert bench.gate.state == State.INACTIVE
    bench.place = np.array([-0.5, 0.1])  # others have moved it
    bench.start()
    bench.ask(-0.5, 0.1)
    assert bench.sent[-1][1] == pytest.approx([-0.5, 0.1])


def test_every_state_can_be_left_and_is_explained():
    assert {state for state, _ in TRANSITIONS} == set(State) == set(MEANS)
    assert {cause for _, cause in TRANSITIONS} == set(Cause)


def test_the_same_events_give_the_same_commands():
    first, second = running(), running()
    assert first.commands == second.commands
    first.step(Tick())
    assert first.gate.state == second.gate.state
