"""Whatever comes, in whatever order and at whatever times: limits, standstill, no deadlock."""

from __future__ import annotations

import numpy as np
import pytest
from gated import (
    FASTEST,
    HIGH,
    LOW,
    PAIRS,
    PERIOD_S,
    RAMP_S,
    STEP,
    STRONGEST,
    TICK_S,
    Bench,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from claifo_core.deploy.events import Activate, Button, Deactivate, Reset, State, Stop

VALUES = st.sampled_from([0.0, 1.0, -1.0, 0.01, 1e6, -1e30, float('nan'), float('inf')])
AGES = st.sampled_from([0.0, 0.01, 0.09, -0.02, 0.2, -5.0, 3600.0])
EPS = 1e-9


class Machine(RuleBasedStateMachine):
    """A gate among unreliable people and machines; the robot obeys."""

    meaning, reaction = 'velocity', 'ramp_down'

    @initialize(place=st.sampled_from([0.0, 0.45, -0.99]), moves=st.sampled_from([0.0, 0.05]))
    def begin(self, place, moves):
        self.bench = Bench(self.meaning, self.reaction)
        self.bench.place = np.array([place, 0.0])
        if self.meaning in ('velocity', 'twist'):
            self.bench.moves = np.array([0.0, moves if abs(place) < 0.1 else 0.0])
        self.seen, self.fault_s, self.pressed = 0, None, False

    @rule(event=st.sampled_from([Activate(), Deactivate(), Stop(), Reset(), Reset()]))
    def is_told(self, event):
        self.bench.step(event)

    @rule(pressed=st.booleans())
    def button(self, pressed):
        self.bench.step(Button(pressed))
        self.pressed = pressed

    @rule(a=VALUES, b=VALUES, age_s=AGES, robots=st.sampled_from([1, 1, 1, 2]))
    def is_asked(self, a, b, age_s, robots):
        self.bench.ask(a, b, age_s=age_s, robots=robots)

    @rule(values=st.tuples(st.floats(-2, 2), st.floats(-2, 2)), periods=st.integers(1, 12))
    def goes_well(self, values, periods):
        self.bench.drive(*values, seconds=periods * PERIOD_S)

    @rule(values=st.tuples(st.floats(-2, 2), st.floats(-2, 2)), count=st.integers(1, 60))
    def is_flooded(self, values, count):
        for _ in range(count):
            self.bench.ask(*values)
            self.bench.wait(0.001)

    @rule(names=st.sampled_from([('a', 'b'), ('a',), ('b', 'gripper'), ('gripper',)]), age_s=AGES)
    def feels(self, names, age_s):
        self.bench.feel(names, age_s)

    @rule(seconds=st.floats(0.001, 0.6), feels=st.booleans())
    def time_goes_by(self, seconds, feels):
        self.bench.wait(seconds, feels=feels)

    @rule(seconds=st.sampled_from([0.02, -0.02, 10.0, -10.0]))
    def clock_jumps(self, seconds):
        self.bench.ros_ns += round(seconds * 1e9)

    @rule(runs=st.booleans())
    def clock_stands(self, runs):
        self.bench.clock_runs = runs

    @invariant()
    def commands_keep_all_limits(self):
        sent = self.bench.sent
        for k in range(max(self.seen, 1), len(sent)):
            (before_s, before, _), (at_s, command, state) = sent[k - 1], sent[k]
            self.check(before, command, at_s - before_s, state)
        self.seen = len(sent)

    def check(self, before, command, span_s, state):
        reacts = state != State.RUNNING
        assert reacts or span_s > 0.75 * PERIOD_S - EPS, 'more than one command in a period'
        change, span_s = np.abs(command - before), min(span_s, PERIOD_S) + EPS
        if self.meaning == 'position':
            assert (command >= LOW).all() and (command <= HIGH).all()
            assert (change <= FASTEST * span_s + EPS).all()
            return
        assert (np.abs(command) <= (STRONGEST if self.meaning == 'effort' else FASTEST)).all()
        grows = (np.abs(command) > np.abs(before) + EPS) | (command * before < -EPS)
        assert (change[grows] <= STEP / PERIOD_S * span_s + EPS).all(), 'it grows too quickly'
        assert not (reacts and grows.any()), 'a reaction only brakes'

    @invariant()
    def an_obedient_robot_stays_inside(self):
        if self.meaning != 'effort':
            assert (self.bench.place >= LOW - 1e-6).all()
            assert (self.bench.place <= HIGH + 1e-6).all()

    @invariant()
    def nothing_new_begins_while_it_is_pressed(self):
        if self.pressed:
            assert self.bench.gate.state != State.RUNNING

    def teardown(self):
        """A fault ends in standstill within its bound, and whoever repairs all may go on."""
        bench = self.bench
        bench.step(Stop())
        bench.wait(RAMP_S + PERIOD_S + TICK_S)
        count = len(bench.sent)
        bench.wait(3 * PERIOD_S)
        for _, command, _ in bench.sent[count:]:
            still = command if self.meaning != 'position' else command - bench.sent[count - 1][1]
            assert (self.reaction == 'hold' and self.meaning == 'effort') or not still.any()
        bench.heal()
        if bench.gate.state == State.INACTIVE:
            bench.moves = np.zeros(2)  # others have stopped it
            bench.step(Activate())
        bench.wait(0.2, feels=True)
        bench.drive(0.01, -0.01, seconds=3 * PERIOD_S)
        assert bench.gate.state == State.RUNNING, bench.last
        bench.step(Deactivate())
        bench.wait(RAMP_S + PERIOD_S + TICK_S)
        assert bench.gate.state == State.INACTIVE


@pytest.mark.parametrize(('meaning', 'reaction'), PAIRS)
def test_nothing_gets_past_the_gate(meaning, reaction):
    machine = type('Chosen', (Machine,), {'meaning': meaning, 'reaction': reaction})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=25)
    )

