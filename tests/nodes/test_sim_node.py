"""The simulator over real DDS, against a policy and a learner of a few lines."""

from __future__ import annotations

import numpy as np
import pytest
from claifo_msgs.msg import Action, StepBudget, TimeStep
from claifo_msgs.srv import SetDomain
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger

from claifo_nodes import qos, time_steps
from claifo_nodes.main import Finished
from claifo_nodes.sim_node import SimNode
from claifo_sim.errors import SimError

OPTIONS = {
    'task': 'point_mass_easy', 'domain': 'light/target', 'size_px': 24, 'num_envs': 2,
    'episode_steps': 5, 'action_repeat': 4,
}  # fmt: skip
HZ = 50 / 4


class Peer(Node):
    """Answers every step, and may play the learner."""

    def __init__(self):
        super().__init__('peer')
        self.steps: list[TimeStep] = []
        self.actions = self.create_publisher(Action, 'action', qos.ACTION)
        self.budgets = self.create_publisher(StepBudget, 'step_budget', qos.BUDGET)
        self.create_subscription(TimeStep, 'time_step', self.on_step, qos.TIME_STEP)
        self.answers = True

    def on_step(self, message):
        self.steps.append(message)
        if self.answers:
            self.act(message)

    def act(self, message, value=0.5, **changes):
        answer = Action(
            run=message.run, session=message.session, step=message.step, num_envs=2,
            data=time_steps.flat(np.full(4, value, np.float32)),
        )  # fmt: skip
        for name, changed in changes.items():
            setattr(answer, name, changed)
        self.actions.publish(answer)

    def allow(self, step, session=7, version=0):
        self.budgets.publish(StepBudget(session=session, step=step, weights_version=version))


class Graph:
    def __init__(self, ros, spin, **options):
        ros(OPTIONS | options)
        self.peer, self.sim = Peer(), SimNode()
        spinner = spin(self.peer, self.sim)
        self.until, self.rest = spinner.until, spinner.rest

    def count(self, key):
        return self.sim._diagnostics.counts[key]

    def call(self, kind, name, **fields):
        client = self.peer.create_client(kind, f'sim/{name}')
        self.until(client.service_is_ready)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done)
        return future.result()


@pytest.fixture
def graph(ros, spin):
    return lambda **options: Graph(ros, spin, **options)


def kinds(steps):
    return [list(step.step_type) for step in steps]


def test_episodes_begin_with_first_and_end_with_last(graph):
    g = graph()
    g.until(lambda: len(g.peer.steps) >= 14)
    first, mid, last = TimeStep.FIRST, TimeStep.MID, TimeStep.LAST
    episode = [first, mid, mid, mid, mid, last]
    assert [k[0] for k in kinds(g.peer.steps[:12])] == episode * 2
    assert [step.step for step in g.peer.steps] == list(range(len(g.peer.steps)))
    batch = time_steps.unpack(g.peer.steps[0])
    assert batch.frames.shape == (2, 24, 24, 3)
    assert not batch.action.any() and not batch.reward.any()
    np.testing.assert_array_equal(time_steps.unpack(g.peer.steps[1]).action, np.full((2, 2), 0.5))
    assert (g.peer.steps[0].task, g.peer.steps[0].domain) == ('point_mass_easy', 'light/target')


def test_stamps_are_simulated_time(graph):
    g = graph()
    g.until(lambda: len(g.peer.steps) >= 8)
    stamps = [s.header.stamp.sec * 10**9 + s.header.stamp.nanosec for s in g.peer.steps]
    spans = np.diff(stamps[:8])
    period = round(1e9 / HZ)
    np.testing.assert_array_equal(spans, [*[period] * 5, period + 10**9, period])


def test_a_seed_makes_a_run(graph):
    runs = []
    for _ in range(2):
        g = graph(seed=3)
        g.until(lambda g=g: len(g.peer.steps) >= 9)
        runs.append([bytes(time_steps.unpack(s).frames) for s in g.peer.steps[:9]])
        g.sim.destroy_node()
    assert runs[0] == runs[1]


def test_the_budget_holds_it_and_a_session_begins_anew(graph):
    g = graph(wait_for_budget=True)
    g.rest()
    assert not g.peer.steps
    g.peer.allow(2, version=4)
    g.until(lambda: len(g.peer.steps) == 3)
    g.rest()
    assert [s.step for s in g.peer.steps] == [0, 1, 2]
    assert {s.session for s in g.peer.steps} == {7}
    assert g.peer.steps[1].weights_version == 4
    g.peer.allow(0, session=9)
    g.until(lambda: len(g.peer.steps) == 4)
    assert (g.peer.steps[3].session, g.peer.steps[3].step) == (9, 0)
    assert set(g.peer.steps[3].step_type) == {TimeStep.FIRST}
    g.peer.allow(5, session=7)
    g.until(lambda: g.count('second_learner') == 1)


def test_wrong_actions_are_counted_and_do_not_move_it(graph):
    g = graph()
    g.peer.answers = False
    g.until(lambda: len(g.peer.steps) == 1)
    shown = g.peer.steps[0]
    g.peer.act(shown, value=float('nan'))
    g.peer.act(shown, value=1.5)
    g.peer.act(shown, data=time_steps.flat(np.zeros(3, np.float32)))
    g.peer.act(shown, run=1)
    g.peer.act(shown, step=9)
    keys = ('not_finite', 'out_of_range', 'wrong_length', 'foreign_action', 'old_action')
    g.until(lambda: all(g.count(key) == 1 for key in keys))
    assert len(g.peer.steps) == 1
    g.peer.act(shown)
    g.until(lambda: len(g.peer.steps) == 2)


def test_people_see_images(graph):
    g, images, infos = graph(), [], []
    g.peer.create_subscription(Image, 'camera/image_raw', images.append, qos.SENSOR)
    g.peer.create_subscription(CameraInfo, 'camera/camera_info', infos.append, qos.SENSOR)
    g.until(lambda: images and infos)
    assert (images[0].width, images[0].height, images[0].encoding) == (24, 24, 'rgb8')
    assert (infos[0].width, infos[0].height) == (24, 24)
    stamps = {(s.header.stamp.sec, s.header.stamp.nanosec): s for s in g.peer.steps}
    image = next(i for i in images if (i.header.stamp.sec, i.header.stamp.nanosec) in stamps)
    step = stamps[image.header.stamp.sec, image.header.stamp.nanosec]
    assert bytes(image.data) == bytes(time_steps.unpack(step).frames[0])


def test_pause_step_and_reset(graph):
    g = graph()
    g.until(lambda: len(g.peer.steps) > 2)
    assert not g.call(Trigger, 'step').success
    assert g.call(SetBool, 'pause', data=True).success
    g.rest()
    held = len(g.peer.steps)
    g.rest()
    assert len(g.peer.steps) == held
    assert g.call(Trigger, 'step').success
    g.until(lambda: len(g.peer.steps) == held + 1)
    assert g.call(Trigger, 'reset').success
    g.until(lambda: len(g.peer.steps) == held + 2)
    assert set(g.peer.steps[-1].step_type) == {TimeStep.FIRST}
    assert g.call(SetBool, 'pause', data=False).success
    g.until(lambda: len(g.peer.steps) > held + 4)


def test_the_world_changes_its_looks(graph):
    g = graph()
    g.until(lambda: g.peer.steps)
    answer = g.call(SetDomain, 'set_domain', domain='light/targt')
    assert not answer.success
    assert 'did you mean light/target' in answer.message
    assert g.call(SetDomain, 'set_domain', domain='floor/target').success
    g.until(lambda: g.peer.steps[-1].domain == 'floor/target')
    g.until(lambda: g.peer.steps[-1].step_type[0] == TimeStep.MID)


def test_a_process_that_dies_ends_it_with_a_reason(graph):
    g = graph()
    g.until(lambda: g.peer.steps)
    g.sim._world._envs._workers[1].kill()
    with pytest.raises(SimError, match=r'environment 1.*SIGKILL'):
        g.until(lambda: False)


def test_it_waits_for_a_policy_that_is_gone(graph):
    g = graph()
    g.until(lambda: len(g.peer.steps) > 2)
    g.peer.answers = False
    g.rest()
    held = len(g.peer.steps)
    g.peer.act(g.peer.steps[-1])
    g.until(lambda: len(g.peer.steps) > held)


def test_filming_waits_for_a_viewer_and_ends_after_its_episodes(graph):
    g = graph(expert=True, num_envs=1, action_repeat=1, episodes=2, rate=0.0, episode_steps=20)
    g.rest()
    assert not g.peer.steps
    images = []
    g.peer.create_subscription(Image, 'camera/image_raw', images.append, qos.FILM)
    with pytest.raises(Finished):
        g.until(lambda: False)
    g.sim.destroy_node()
    g.until(lambda: len(images) == 2 * 21)


def test_a_robot_that_is_no_longer_commanded_stands_still(ros, spin):
    """Whoever commanded it may have been killed: the controller has a timeout of its own."""
    ros(OPTIONS | {'robot': True, 'num_envs': 1, 'episode_steps': 1000})
    peer, sim = Node('peer'), SimNode()
    places = []
    peer.create_subscription(
        JointState, '/joint_states', lambda m: places.append(m.position[0]), qos.SENSOR
    )
    commands = peer.create_publisher(Float64MultiArray, '/commands', 1)
    until = spin(peer, sim).until
    until(commands.get_subscription_count)
    for _ in range(3):
        commands.publish(Float64MultiArray(data=[1.0, 1.0]))
        seen = len(places)
        until(lambda seen=seen: len(places) > seen)
    assert np.array_equal(sim._robot._command, [1, 1])
    until(lambda: sim._diagnostics.counts['without_command'] > 5)
    assert not sim._robot._command.any()
    moved = np.abs(np.diff(places))
    assert moved.max() > 3 * moved[-1]  # the mass was driven, and comes to rest
    commands.publish(Float64MultiArray(data=[1.0] * 99999))
    until(lambda: sim._diagnostics.counts['command'])
