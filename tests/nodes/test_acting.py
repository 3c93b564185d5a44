"""The part of the policy node that knows no ROS: stacks, weights, exploration, whom to follow."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from claifo_msgs.msg import TimeStep
from hypothesis import given
from hypothesis import strategies as st
from policy_peer import ACTIONS, SIZE, STACK, expected, frames, policy

from claifo_core.training import evaluation
from claifo_nodes.acting import Shelf, Stacks, Weights, act
from claifo_nodes.intake import SILENT_S
from claifo_nodes.stream import Stream

POLICY = policy()


class Film:
    """An environment that shows recorded frames and notes what is done."""

    def __init__(self, shown):
        self.shown, self.at, self.actions = shown, 0, []

    def _obs(self):
        return {'pixels': self.shown[self.at]}

    def reset(self, *, seed=None):
        self.at = 0
        return self._obs(), {}

    def step(self, action):
        self.actions.append(action)
        self.at += 1
        return self._obs(), 0.0, False, self.at == len(self.shown) - 1, {}

    def close(self):
        pass


def test_stacks_are_those_of_an_evaluation():
    """The same frames give the same actions, bit for bit, as claifo_core.training.evaluation."""
    film = frames(8, envs=1)
    env = Film(film[:, 0])
    evaluation.evaluate(POLICY, env, [0])
    stacks, actions = Stacks(1, STACK, 3, SIZE, SIZE), []
    for step, shown in enumerate(film[:-1]):
        stacks.push(shown, np.array([step == 0]))
        actions.append(act(Weights(POLICY), stacks.obs, None, None, step)[0])
    assert np.array_equal(actions, env.actions)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_every_environment_has_episodes_of_its_own(begins):
    begins[0] = (True, True)
    film = frames(len(begins))
    kinds = np.where(begins, TimeStep.FIRST, TimeStep.MID)
    wanted = expected(POLICY, film, kinds)
    stacks = Stacks(2, STACK, 3, SIZE, SIZE)
    for step, shown in enumerate(film):
        stacks.push(shown, kinds[step] == TimeStep.FIRST)
        found = act(Weights(POLICY), stacks.obs, None, None, step)
        np.testing.assert_allclose(found, wanted[step], atol=1e-6)


def versions(*numbers, session=5):
    shelf = Shelf()
    for number in numbers:
        shelf.put(Weights(POLICY, session, number))
    return shelf


@pytest.mark.parametrize(
    ('held', 'wanted', 'chosen'),
    [((1,), 1, 1), ((1, 2), 1, 1), ((1, 2), 2, 2), ((1, 2), 3, None), ((2, 3), 1, 2),
     ((1, 2, 3), 1, 2), ((1, 2, 3), 0, 3), ((), 1, None), ((4,), 5, None)],
)  # fmt: skip
def test_exactly_the_weights_asked_for(held, wanted, chosen):
    found = versions(*held).choose(5, wanted)
    assert (found and found.version) == chosen


def test_weights_of_another_session_do_not_act():
    shelf = versions(1, 2)
    assert shelf.choose(6, 1) is None
    shelf.put(Weights(POLICY, 6, 1))
    assert shelf.choose(6, 1).session == 6
    assert shelf.choose(5, 1) is None


def test_a_policy_file_acts_on_everything():
    shelf = Shelf()
    shelf.put(Weights(POLICY))
    assert shelf.choose(0, 0) is shelf.choose(5, 7) is shelf.newest


def test_what_was_damaged_does_not_stop_the_robot():
    shelf = versions(1, 2)
    shelf.refuse(5, 3)
    assert shelf.choose(5, 3).version == 2
    assert shelf.choose(5, 4) is None
    assert versions().choose(5, 3) is None


OBS = frames(1, envs=3)[0].transpose(0, 3, 1, 2).repeat(STACK, 1)


def test_noise_follows_from_seed_and_step_alone():
    weights = Weights(POLICY, 5, 1, std=0.2, learner_step=40)
    mean, first = act(weights, OBS, None, None, 7), act(weights, OBS, None, 1, 7)
    assert np.array_equal(first, act(weights, OBS, None, 1, 7))
    assert not np.array_equal(first, act(weights, OBS, None, 1, 8))
    assert not np.array_equal(first, act(weights, OBS, None, 2, 7))
    assert first.dtype == np.float32 and np.abs(first).max() <= 1
    noise = np.concatenate([act(weights, OBS, None, 1, k) - mean for k in range(400)])
    inside = np.abs(mean).max(0) < 0.4  # far from the bounds nothing is clipped
    assert inside.any()
    assert noise[:, inside].std() == pytest.approx(0.2, abs=0.01)
    assert noise[:, inside].mean() == pytest.approx(0, abs=0.01)


def test_uniform_actions_need_no_look():
    weights = Weights(POLICY, 5, 1, std=0.2, uniform=True)
    drawn = np.concatenate([act(weights, OBS, None, 1, k) for k in range(400)])
    assert drawn.shape == (1200, ACTIONS) and np.abs(drawn).max() <= 1
    assert drawn.std() == pytest.approx(1 / np.sqrt(3), abs=0.01)
    black = np.zeros_like(OBS)
    assert np.array_equal(act(weights, OBS, None, 1, 3), act(weights, black, None, 1, 3))
    assert np.array_equal(act(weights, OBS, None, None, 3), POLICY.act(OBS))


def step(number, run=7, session=5, task='walker_walk'):
    return SimpleNamespace(step=number, run=run, session=session, task=task)


def test_each_step_once():
    stream = Stream()
    assert stream.refuse(step(3), 0) is None
    assert not stream.follows and not stream.lost
    assert stream.refuse(step(4), 0) is None
    assert stream.follows
    assert stream.refuse(step(4), 0).key == stream.refuse(step(2), 0).key == 'repeated'
    assert stream.refuse(step(7), 0) is None
    assert stream.lost and not stream.follows
    assert stream.refuse(step(8), 0) is None
    assert stream.follows and not stream.lost


def test_a_new_session_begins_anew():
    stream = Stream()
    assert stream.refuse(step(50), 0) is None
    assert stream.refuse(step(0, session=6), 0) is None
    assert not stream.follows and not stream.lost
    assert stream.refuse(step(1, session=6), 0) is None
    assert stream.follows


def test_the_first_simulator_is_kept_until_it_falls_silent():
    stream = Stream()
    assert stream.refuse(step(0), 0) is None
    assert stream.refuse(step(0, run=8), 1).key == 'second_simulator'
    assert stream.refuse(step(1), 1.5) is None
    assert stream.refuse(step(1, run=8), 1.5 + SILENT_S / 2).key == 'second_simulator'
    assert stream.heir(1.5 + SILENT_S / 2) is None
    heir = stream.heir(1.5 + SILENT_S)
    assert (heir.run, heir.step) == (8, 1)
    assert stream.refuse(heir, 1.5 + SILENT_S) is None
    assert stream.heir(100) is None
    assert stream.refuse(step(2), 1.6 + SILENT_S).key == 'second_simulator'


def test_the_task_is_known_while_the_simulator_speaks():
    stream = Stream()
    assert stream.task(0) == ''
    stream.refuse(step(0), 0)
    assert stream.task(1) == 'walker_walk'
    assert stream.task(SILENT_S) == ''
