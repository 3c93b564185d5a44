"""The policy node on camera images: pixels as in training, and streams that are not perfect."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest
from policy_peer import STACK, Peer, policy, rows
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage

from claifo_core.frames import prepare
from claifo_core.policy import Policy
from claifo_nodes.policy_node import PolicyNode

TICK_NS = 40_000_000
START_NS = 10**9
CROP = (4, 2, 40, 36)


@pytest.fixture
def file(tmp_path):
    policy(crop=CROP).save(tmp_path / 'policy.safetensors')
    return str(tmp_path / 'policy.safetensors')


def film(count: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, 40, 48, 3), np.uint8)


def wanted(acting: Policy, shown) -> np.ndarray:
    """The action for the newest of these pictures, the first of which begins a stack."""
    planar = [prepare(frame, acting.frames).transpose(2, 0, 1) for frame in shown]
    stack = ([planar[0]] * STACK + planar[1:])[-STACK:]
    return acting.act(np.concatenate(stack)[None])


class Graph:
    def __init__(self, ros, spin, **parameters):
        ros({'input': 'image'} | parameters)
        self.policy, self.peer = PolicyNode(), Peer()
        self.spinner = spin(self.policy, self.peer)
        self.until = self.spinner.until
        self.until(lambda: self.policy.active and self.peer.count_publishers('action'))
        self.until(lambda: self.policy._actions.get_subscription_count())
        self.counts = self.policy._diagnostics.counts

    def see(self, frame, stamp_ns, **changes):
        """Show a picture and return the action for it."""
        count = len(self.peer.actions)
        sent = self.peer.picture(frame, stamp_ns, **changes)
        self.until(lambda: len(self.peer.actions) > count)
        answer = self.peer.actions[-1]
        assert answer.header.stamp == sent.header.stamp
        assert (answer.run, answer.session, answer.num_envs) == (0, 0, 1)
        assert answer.step == count
        return rows(answer)

    def refuse(self, key, count=1):
        """Wait until something has been counted; nothing is published."""
        actions = len(self.peer.actions)
        self.until(lambda: self.counts[key] >= count)
        self.spinner.rest(0.05)
        assert (self.counts[key], len(self.peer.actions)) == (count, actions)


@pytest.fixture
def graph(ros, spin, file):
    def start(**parameters):
        g = Graph(ros, spin, **({'policy': file} | parameters))
        g.until(g.peer.images.get_subscription_count)
        return g

    return start


def test_pictures_are_cropped_resized_and_stacked_as_in_training(graph, file):
    g, shown = graph(), film(6)
    acting = Policy.load(file)
    for number, frame in enumerate(shown):
        found = g.see(frame, START_NS + number * TICK_NS)
        assert np.array_equal(found, wanted(acting, shown[: number + 1]))


@pytest.mark.parametrize('jump_ns', [-5 * TICK_NS, 10**10])
def test_after_a_loop_or_a_pause_the_stack_begins_anew(graph, file, jump_ns):
    g, shown = graph(), film(6)
    acting = Policy.load(file)
    for number in range(3):
        g.see(shown[number], START_NS + number * TICK_NS)
    for number in range(3, 6):
        found = g.see(shown[number], START_NS + number * TICK_NS + jump_ns)
        assert np.array_equal(found, wanted(acting, shown[3 : number + 1]))
    assert g.counts['jumps_back'] == (jump_ns < 0)


def test_a_picture_that_comes_again_is_not_acted_on(graph):
    g, shown = graph(), film(2)
    g.see(shown[0], START_NS)
    g.peer.picture(shown[1], START_NS)
    g.refuse('repeated')


def test_a_camera_that_does_not_stamp_is_taken_as_it_comes(graph, file):
    g, shown = graph(), film(4)
    for number, frame in enumerate(shown):
        assert np.array_equal(g.see(frame, 0), wanted(Policy.load(file), shown[: number + 1]))


@pytest.mark.parametrize(
    'changes',
    [{'encoding': 'rgb9'}, {'height': 41}, {'step': 10}, {'data': array.array('B')},
     {'height': 0, 'width': 0}],
)  # fmt: skip
def test_pictures_that_cannot_be_decoded_are_counted(graph, capfd, changes):
    g, shown = graph(), film(2)
    for number in range(3):  # one at a time: only the newest picture is kept
        g.peer.picture(shown[0], START_NS, **changes)
        g.refuse('wrong_image', number + 1)
    g.see(shown[1], START_NS + TICK_NS)
    lines = [line for line in capfd.readouterr().err.splitlines() if 'wrong_image' in line]
    assert len(lines) == 1


def test_a_camera_too_small_for_the_crop(graph, capfd):
    g = graph()
    g.peer.picture(film(1)[0][:30], START_NS)
    g.refuse('wrong_image')
    assert 'leaves the image of 48x30 pixels' in capfd.readouterr().err


def test_without_weights_nothing_is_done(graph):
    g, shown = graph(policy=''), film(2)
    g.peer.picture(shown[0], START_NS)
    g.refuse('no_weights')
    trained = policy(crop=CROP)
    g.until(g.peer.weights.get_subscription_count)
    g.peer.teach(1, trained)
    g.until(lambda: g.counts['weights'])
    acting = Policy.from_bytes(trained.to_bytes(), 'test')
    assert np.array_equal(g.see(shown[1], START_NS + TICK_NS), wanted(acting, shown[1:]))
    assert g.peer.actions[-1].weights_version == 1


def test_compressed_pictures_of_the_topic_that_is_named(ros, spin, file):
    ros({'policy': file, 'input': 'compressed_image'}, remap={'camera/image_raw': '/robot/eye'})
    node, peer = PolicyNode(), Peer()
    spinner = spin(node, peer)
    topic = '/robot/eye/compressed'
    camera = peer.create_publisher(CompressedImage, topic, qos_profile_sensor_data)
    spinner.until(lambda: camera.get_subscription_count() and peer.count_publishers('action'))
    spinner.until(lambda: node._actions.get_subscription_count())
    data = cv2.imencode('.png', film(1)[0][..., ::-1])[1].tobytes()
    camera.publish(CompressedImage(format='png', data=array.array('B', data)))
    spinner.until(lambda: peer.actions)
    assert np.array_equal(rows(peer.actions[0]), wanted(Policy.load(file), film(1)))
