"""The policy node over real DDS: what it answers, what it refuses, what it survives."""

from __future__ import annotations

import array

import numpy as np
import pytest
import torch
from claifo_msgs.msg import TimeStep
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from policy_peer import ACTIONS, SESSION, SIZE, TASK, Peer, expected, frames, policy, rows
from rclpy.executors import MultiThreadedExecutor

from claifo_core.config import NetworkConfig
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_nodes.intake import SILENT_S
from claifo_nodes.policy_node import PolicyNode

POLICY, OTHER = policy(0), policy(1)


class Graph:
    """A policy node and its peer in one executor."""

    def __init__(self, ros, spin, threads=1, **parameters):
        ros(parameters)
        self.policy, self.peer = PolicyNode(), Peer()
        self.spinner = spin(self.policy, self.peer)
        if threads > 1:
            self.spinner.executor = MultiThreadedExecutor(threads)
            for node in (self.policy, self.peer):
                self.spinner.executor.add_node(node)
        self.until = self.spinner.until
        if parameters.get('autostart', True):
            self.ready()

    def ready(self):
        """Wait until everybody has found everybody."""
        self.until(lambda: self.policy.active and self.peer.count_subscribers('action')
                   and self.peer.count_publishers('action'))  # fmt: skip
        self.until(self.peer.steps.get_subscription_count)

    def answers(self, count):
        """Wait for so many actions in all, and no more; return them."""
        self.until(lambda: len(self.peer.actions) >= count)
        self.spinner.rest(0.1)
        assert len(self.peer.actions) == count
        return self.peer.actions

    def counted(self, key, count=1):
        self.until(lambda: self.policy._diagnostics.counts[key] >= count)
        assert self.policy._diagnostics.counts[key] == count


@pytest.fixture
def graph(ros, spin):
    return lambda **parameters: Graph(ros, spin, **parameters)


@pytest.fixture
def file(tmp_path):
    POLICY.save(tmp_path / 'policy.safetensors')
    return str(tmp_path / 'policy.safetensors')


def test_a_policy_file_answers_every_step(graph, file):
    g = graph(policy=file)
    film = frames(12)
    kinds = np.full((12, 2), TimeStep.MID)
    kinds[0], kinds[5, 1], kinds[4, 1] = TimeStep.FIRST, TimeStep.FIRST, TimeStep.LAST
    for step, shown in enumerate(film):
        sent = g.peer.show(step, shown, kinds[step])
        g.until(lambda: len(g.peer.actions) > step)
        answer = g.peer.actions[-1]
        assert (answer.run, answer.session, answer.step) == (g.peer.run, 0, step)
        assert (answer.num_envs, answer.weights_version) == (2, 0)
        assert answer.header.stamp == sent.header.stamp
    found = np.stack([rows(action) for action in g.answers(12)])
    np.testing.assert_allclose(found, expected(POLICY, film, kinds), atol=1e-6)


def test_one_environment_acts_as_in_an_evaluation_bit_for_bit(graph, file):
    g = graph(policy=file)
    film, kinds = frames(6, envs=1), np.full((6, 1), TimeStep.MID)
    kinds[0] = TimeStep.FIRST
    for step, shown in enumerate(film):
        g.peer.show(step, shown, kinds[step])
        g.until(lambda: len(g.peer.actions) > step)
    found = np.stack([rows(action) for action in g.peer.actions])
    assert np.array_equal(found, expected(Policy.load(file), film, kinds))


def test_exactly_the_weights_asked_for(graph):
    g = graph()
    film = frames(1)[0]

    def ask(step, version):
        g.peer.show(step, film, TimeStep.FIRST, session=SESSION, weights_version=version)

    ask(0, 1)
    g.spinner.rest()
    assert not g.peer.actions  # it waits for the weights
    g.peer.teach(1, POLICY)
    assert g.answers(1)[-1].weights_version == 1
    g.peer.teach(2, OTHER)
    g.counted('weights', 2)
    for step, version in ((1, 1), (2, 2), (3, 1)):
        ask(step, version)
        answer = g.answers(step + 1)[-1]
        assert answer.weights_version == version
        acting = POLICY if version == 1 else OTHER
        np.testing.assert_allclose(
            rows(answer), expected(acting, film[None], np.zeros((1, 2)))[0], atol=1e-6
        )
    g.peer.teach(3, POLICY)
    g.counted('weights', 3)
    ask(4, 1)  # gone: the oldest that it holds
    assert g.answers(5)[-1].weights_version == 2
    g.peer.teach(1, OTHER, session=SESSION + 2)  # the learner was started again
    g.counted('weights', 4)
    ask(5, 3)
    g.spinner.rest()
    assert len(g.peer.actions) == 5
    g.peer.show(0, film, TimeStep.FIRST, session=SESSION + 2, weights_version=1)
    assert (g.answers(6)[-1].session, g.peer.actions[-1].weights_version) == (SESSION + 2, 1)


def test_no_step_is_missed_while_weights_are_swapped(graph):
    """Large weights come all the time; every step is answered once, with those it asks for."""
    large = NetworkConfig()
    trained = [policy(k, network=large, size_px=48).to_bytes() for k in range(2)]
    assert len(trained[0]) > 4_000_000
    g = graph(threads=2)
    film = frames(4, envs=1, size=48)
    version = 1
    g.peer.teach(1, trained[0])
    for step in range(60):
        kind = TimeStep.FIRST if step == 0 else TimeStep.MID
        g.peer.show(step, film[step % 4], kind, session=SESSION, weights_version=version)
        if step % 10 == 0:
            g.peer.teach(version + 1, trained[version % 2])
        if step % 10 == 9:
            version += 1
        g.until(lambda: len(g.peer.actions) > step)
    answers = g.answers(60)
    assert [a.step for a in answers] == list(range(60))
    assert [a.weights_version for a in answers] == [1 + k // 10 for k in range(60)]



BAD_STEPS = {
    'another task': ('wrong_task', {'task': 'walker_run'}, None),
    'another size': ('wrong_shape', {}, np.zeros((2, SIZE + 1, SIZE, 3), np.uint8)),
    'a height that is wrong': ('wrong_shape', {'height': SIZE + 1}, None),
    'no environment': ('wrong_shape', {'num_envs': 0}, None),
    'NaN in the action': ('wrong_shape', {'action': array.array('f', [float('nan')] * 2)}, None),
    'an action of wrong length': ('wrong_shape', {'action': array.array('f', [0.0] * 3)}, None),
    'an unknown step type': ('wrong_shape', {'step_type': array.array('B', [7, 7])}, None),
}


@pytest.mark.parametrize('name', BAD_STEPS)
def test_steps_that_do_not_fit_are_counted_and_not_answered(graph, file, capfd, name):
    key, changes, shown = BAD_STEPS[name]
    g = graph(policy=file)
    good = frames(2)
    message = g.peer.show(0, good[0], TimeStep.FIRST)
    g.answers(1)
    message.step = 1
    if shown is not None:
        message.height, message.width = shown.shape[1:3]
        message.frames = array.array('B', shown.tobytes())
    for field, value in changes.items():
        setattr(message, field, value)
    g.peer.steps.publish(message)
    g.counted(key)
    g.peer.show(2, good[1])
    assert g.answers(2)[-1].step == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if f'{key}: ' in line]
    assert len(lines) == 1


def test_steps_that_come_again_are_answered_once(graph, file):
    g = graph(policy=file)
    film = frames(3)
    for step in (0, 1, 1, 0, 2):
        g.peer.show(step, film[step], TimeStep.FIRST)
    g.counted('repeated', 2)
    assert [a.step for a in g.answers(3)] == [0, 1, 2]


def test_after_lost_steps_the_stack_begins_anew(graph, file):
    g = graph(policy=file)
    film = frames(3)
    g.peer.show(0, film[0], TimeStep.FIRST)
    g.peer.show(1, film[1])
    g.peer.show(9, film[2])
    g.counted('lost')
    wanted = expected(POLICY, film[2:], np.zeros((1, 2)))[0]
    np.testing.assert_allclose(rows(g.answers(3)[-1]), wanted, atol=1e-6)


def test_of_two_simulators_the_first_is_followed_until_it_is_silent(graph, file, capfd):
    g = graph(policy=file)
    rival = Peer('rival', listens=False)
    g.spinner.executor.add_node(rival)
    g.until(rival.steps.get_subscription_count)
    film = frames(3)
    g.peer.show(0, film[0], TimeStep.FIRST)
    g.answers(1)
    rival.show(0, film[0], TimeStep.FIRST)
    g.counted('second_simulator')
    assert 'second simulator publishes on the same topic' in capfd.readouterr().err
    g.peer.show(1, film[1])
    assert [a.run for a in g.answers(2)] == [g.peer.run] * 2
    g.until(lambda: len(g.peer.actions) == 3, SILENT_S + 5)  # the first is silent now
    assert (g.peer.actions[-1].run, g.peer.actions[-1].step) == (rival.run, 0)


def test_damaged_weights_leave_the_old_ones(graph, capfd):
    g = graph()
    film = frames(1)[0]
    g.peer.teach(1, POLICY)
    g.peer.show(0, film, TimeStep.FIRST, session=SESSION, weights_version=1)
    g.answers(1)
    g.peer.teach(2, POLICY.to_bytes()[:-100])
    g.counted('damaged_weights')
    assert 'the old ones go on acting' in capfd.readouterr().err
    g.peer.show(1, film, session=SESSION, weights_version=2)
    assert g.answers(2)[-1].weights_version == 1


def test_weights_of_another_task_are_refused(graph):
    g = graph()
    g.peer.teach(1, POLICY)
    g.counted('weights')
    g.peer.show(0, frames(1)[0], TimeStep.FIRST, session=SESSION, weights_version=1)
    g.answers(1)
    g.peer.teach(2, policy(task='walker_run'))
    g.counted('wrong_policy')
    g.peer.show(1, frames(1)[0], session=SESSION, weights_version=1)
    assert g.answers(2)[-1].weights_version == 1


def test_weights_must_be_for_the_task_that_is_named(graph, file):
    g = graph(task='walker_run')
    g.peer.teach(1, POLICY)
    g.counted('wrong_policy')
    g.peer.show(0, frames(1)[0], TimeStep.FIRST)
    g.counted('wrong_task')
    assert not g.peer.actions


def test_actions_that_are_not_finite_are_never_published(graph, capfd):
    broken = policy()
    with torch.no_grad():
        list(broken.parts.parameters())[-1].fill_(float('nan'))
    g = graph()
    film = frames(1)[0]
    g.peer.teach(1, broken)
    g.peer.show(0, film, TimeStep.FIRST, session=SESSION, weights_version=1)
    g.counted('not_finite')
    assert 'not finite: nothing is published' in capfd.readouterr().err
    g.peer.teach(2, POLICY)
    g.peer.show(1, film, session=SESSION, weights_version=2)
    assert [a.step for a in g.answers(1)] == [1]


def test_noise_is_the_same_after_a_restart(ros, spin):
    film = frames(6)

    def actions(**parameters):
        g = Graph(ros, spin, explore=True, **parameters)
        g.peer.teach(1, POLICY, exploration_std=0.3, learner_step=40)
        g.peer.teach(2, POLICY, exploration_std=0.3, learner_step=40, uniform=True)
        g.counted('weights', 2)
        for step, shown in enumerate(film):
            version = 1 if step < 4 else 2
            g.peer.show(step, shown, TimeStep.FIRST, session=SESSION, weights_version=version)
            g.until(lambda: len(g.peer.actions) > step)
        assert [a.weights_version for a in g.answers(6)] == [1, 1, 1, 1, 0, 0]
        found = np.stack([rows(a) for a in g.peer.actions])
        for node in (g.policy, g.peer):
            node.destroy_node()
        return found

    first = actions(seed=3)
    assert np.array_equal(first, actions(seed=3))
    assert not np.array_equal(first, actions(seed=4))
    assert np.abs(first).max() <= 1
    mean = np.stack([POLICY.act(np.tile(f.transpose(0, 3, 1, 2), (1, 3, 1, 1))) for f in film])
    assert 0.05 < np.abs(first[:4] - mean[:4]).mean() < 0.4


def test_a_step_shown_before_the_answers_could_be_heard_is_answered_again(ros, spin, file):
    ros({'policy': file})
    policy_node, peer = PolicyNode(), Peer(listens=False)
    spinner = spin(policy_node, peer)
    spinner.until(peer.steps.get_subscription_count)
    peer.show(4, frames(1)[0])
    spinner.until(lambda: policy_node._answered)
    peer.listen()
    spinner.until(lambda: peer.actions)
    assert peer.actions[0].step == 4


def test_the_life_of_a_managed_node(graph):
    g = graph(autostart=False)
    change = g.peer.create_client(ChangeState, '/policy/change_state')
    state = g.peer.create_client(GetState, '/policy/get_state')

    def call(client, request):
        g.until(client.service_is_ready)
        future = client.call_async(request)
        g.until(future.done)
        return future.result()

    def go(transition, label):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert call(change, request).success
        assert call(state, GetState.Request()).current_state.label == label

    for impossible in (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CREATE, 77):
        request = ChangeState.Request(transition=Transition(id=impossible))
        assert not call(change, request).success
    assert not call(change, ChangeState.Request(transition=Transition(label='fly'))).success

    film = frames(8)
    go(Transition.TRANSITION_CONFIGURE, 'inactive')
    g.peer.teach(1, POLICY)
    g.counted('weights')
    g.peer.show(0, film[0], TimeStep.FIRST, session=SESSION, weights_version=1)
    g.peer.show(1, film[1], session=SESSION, weights_version=1)
    g.spinner.rest()
    assert not g.peer.actions
    go(Transition.TRANSITION_ACTIVATE, 'active')
    kinds = np.array([[TimeStep.FIRST] * 2, [TimeStep.MID] * 2])
    wanted = expected(POLICY, film[:2], kinds)[1]  # what it saw while inactive is on its stack
    np.testing.assert_allclose(rows(g.answers(1)[-1]), wanted, atol=1e-6)
    go(Transition.TRANSITION_DEACTIVATE, 'inactive')
    g.peer.show(2, film[2], session=SESSION, weights_version=1)
    g.spinner.rest()
    assert len(g.peer.actions) == 1
    go(Transition.TRANSITION_ACTIVATE, 'active')
    assert g.answers(2)[-1].step == 2
    go(Transition.TRANSITION_DEACTIVATE, 'inactive')
    go(Transition.TRANSITION_CLEANUP, 'unconfigured')
    go(Transition.TRANSITION_CONFIGURE, 'inactive')  # weights and steps are sent again
    go(Transition.TRANSITION_ACTIVATE, 'active')
    g.until(lambda: g.peer.actions[-1].step == 2 and len(g.peer.actions) > 2)
    go(Transition.TRANSITION_ACTIVE_SHUTDOWN, 'finalized')
    count = len(g.peer.actions)
    g.peer.show(3, film[3], session=SESSION, weights_version=1)
    g.spinner.rest()
    assert len(g.peer.actions) == count


def test_a_policy_that_cannot_be_read_leaves_it_unconfigured(ros, spin, tmp_path, capfd):
    (tmp_path / 'bad').write_bytes(b'nothing')
    ros({'policy': str(tmp_path / 'bad'), 'autostart': False})
    node = PolicyNode()
    node.trigger_configure()
    assert 'damaged policy file' in capfd.readouterr().err
    POLICY.save(tmp_path / 'bad')
    node.trigger_configure()
    node.trigger_activate()
    assert node.active


def test_a_file_for_another_task_is_refused(ros, spin, file):
    ros({'policy': file, 'task': 'walker_run'})
    with pytest.raises(ClaifoError, match=f"{file}.*trained for '{TASK}', not 'walker_run'"):
        spin(PolicyNode()).rest()


def test_the_number_of_environments_may_change_with_the_session(graph, file):
    g = graph(policy=file)
    g.peer.show(0, frames(1, envs=2)[0], TimeStep.FIRST, session=1)
    g.peer.show(0, frames(1, envs=3)[0], TimeStep.FIRST, session=2)
    assert [a.num_envs for a in g.answers(2)] == [2, 3]
    assert all(rows(a).shape[1] == ACTIONS for a in g.peer.actions)
