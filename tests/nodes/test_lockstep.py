"""When a simulator may go on: never without an action, never beyond its budget."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from claifo_nodes.intake import Refusal
from claifo_nodes.lockstep import LockStep


def fresh(needs_budget=True) -> LockStep:
    lock = LockStep((2, 3), needs_budget)
    if needs_budget:
        lock.take_budget(budget(0))
    lock.shown()
    return lock


def budget(step, session=5, version=0):
    return SimpleNamespace(session=session, step=step, weights_version=version)


def action(lock, *, step=None, values=None, run=None, session=None, num_envs=2):
    return SimpleNamespace(
        run=lock.run if run is None else run,
        session=lock.session if session is None else session,
        step=lock.step if step is None else step,
        num_envs=num_envs,
        data=np.zeros(6, np.float32) if values is None else np.asarray(values, np.float32),
    )


def test_action_and_leave_are_both_needed():
    lock = fresh()
    assert not lock.ready
    assert lock.waits_for == 'action'
    assert lock.take_action(action(lock)) is None
    assert not lock.ready
    assert lock.waits_for == 'step_budget'
    assert lock.take_budget(budget(1, version=9)) is False
    assert lock.ready
    lock.shown()
    assert (lock.step, lock.weights_version, lock.ready) == (1, 9, False)


def test_without_a_learner_an_action_is_enough():
    lock = fresh(needs_budget=False)
    lock.take_action(action(lock))
    assert lock.ready


def test_a_new_session_begins_at_step_0():
    lock = fresh()
    lock.take_action(action(lock))
    assert lock.take_budget(budget(0, session=6, version=1)) is True
    assert (lock.session, lock.step, lock.action) == (6, -1, None)
    lock.shown()
    assert (lock.step, lock.weights_version) == (0, 1)


def test_a_learner_that_was_replaced_is_refused():
    lock = fresh()
    lock.take_budget(budget(0, session=6))
    refusal = lock.take_budget(budget(1, session=5))
    assert isinstance(refusal, Refusal)
    assert refusal.key == 'second_learner'
    assert lock.session == 6


def test_what_is_refused_and_under_which_name():
    lock = fresh()
    cases = {
        'foreign_action': action(lock, run=1), 'old_action': action(lock, step=7),
        'wrong_length': action(lock, values=np.zeros(5)),
        'not_finite': action(lock, values=[0, 0, np.nan, 0, 0, 0]),
        'out_of_range': action(lock, values=[0, 0, 1.5, 0, 0, 0]),
    }  # fmt: skip
    for key, message in cases.items():
        assert lock.take_action(message).key == key
        assert lock.action is None
    assert lock.take_action(action(lock, session=lock.session)) is None
    assert lock.take_action(action(lock)).key == 'old_action', 'one answer is enough'


EVENTS = st.one_of(
    st.tuples(st.just('budget'), st.integers(0, 8), st.sampled_from([5, 6])),
    st.tuples(st.just('action'), st.integers(0, 8), st.just(0)),
)


@given(st.lists(EVENTS, max_size=40))
def test_no_stream_of_messages_leads_beyond_the_budget(events):
    lock = fresh()
    granted = {5: 0, 6: 0}
    for kind, step, session in events:
        if kind == 'budget':
            taken = lock.take_budget(budget(step, session))
            if not isinstance(taken, Refusal):
                granted[session] = step
                if taken:
                    lock.shown()
        else:
            lock.take_action(action(lock, step=step))
        if lock.ready:
            lock.shown()
            assert lock.step <= granted[lock.session]
