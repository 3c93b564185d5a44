"""Which TimeSteps a learner takes: no stream of messages makes it learn a step twice."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from claifo_nodes.intake import SILENT_S, Intake


def step(number=0, *, session, run=7, task='walker_walk'):
    return SimpleNamespace(step=number, session=session, run=run, task=task)


def taken(intake, message) -> bool:
    if intake.refuse(message):
        return False
    intake.take(message)
    return True


def fresh() -> Intake:
    return Intake('walker_walk')


def test_steps_in_order_are_taken():
    intake = fresh()
    assert intake.waiting
    for number in range(5):
        assert taken(intake, step(number, session=intake.session))
        assert not intake.lost
    assert intake.next_step == 5
    assert not intake.waiting


def test_what_is_refused_and_under_which_name():
    intake = fresh()
    mine = intake.session
    assert taken(intake, step(0, session=mine))
    keys = {
        'repeated': step(0, session=mine),
        'second_simulator': step(1, session=mine, run=8),
        'wrong_task': step(1, session=mine, task='walker_run'),
        'old_session': step(1, session=mine + 1),
        'no_session': step(1, session=0),
    }
    for key, message in keys.items():
        assert intake.refuse(message).key == key
    assert intake.refuse(step(1, session=mine)) is None


def test_sessions_differ_and_are_never_zero():
    sessions = {fresh().session for _ in range(100)}
    assert len(sessions) == 100
    assert 0 not in sessions


def test_a_gap_is_told():
    intake = fresh()
    taken(intake, step(0, session=intake.session))
    assert taken(intake, step(3, session=intake.session))
    assert intake.lost
    assert taken(intake, step(4, session=intake.session))
    assert not intake.lost


def test_another_simulator_replaces_only_a_silent_one():
    intake = fresh()
    taken(intake, step(0, session=intake.session))
    intake.grant(100.0)
    assert not intake.replaced(200.0), 'nobody is there to take its place'
    intake.refuse(step(0, session=intake.session, run=8))
    assert not intake.replaced(100.0 + SILENT_S)
    assert intake.replaced(100.1 + SILENT_S)


def test_an_answer_shows_that_the_simulator_lives():
    intake = fresh()
    taken(intake, step(0, session=intake.session))
    intake.grant(100.0)
    intake.refuse(step(0, session=intake.session, run=8))
    taken(intake, step(1, session=intake.session))
    assert not intake.replaced(1000.0), 'the next step has not been allowed yet'


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([7, 8]), st.booleans())))
def test_taken_steps_grow_and_come_from_one_simulator(stream):
    intake = fresh()
    found = [
        (number, run)
        for number, run, mine in stream
        if taken(intake, step(number, session=intake.session if mine else 5, run=run))
    ]
    numbers = [number for number, _ in found]
    assert numbers == sorted(set(numbers))
    assert len({run for _, run in found}) <= 1
