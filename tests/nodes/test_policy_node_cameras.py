"""The policy node on live cameras by a contract: pixels as in training, and no motion on doubt."""

from __future__ import annotations

import array
import dataclasses
import threading
import time
import types

import cv2
import numpy as np
import pytest
import torch
from claifo_msgs.msg import Action
from policy_peer import SMALL
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, JointState

from claifo.bags import BagWriter
from claifo.graphs.film import film_contract
from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, ExpertConfig, TrainConfig
from claifo_core.data.frames import prepare
from claifo_core.deploy import contract, export
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_nodes import images, qos
from claifo_nodes.expert_player_node import ExpertPlayerNode
from claifo_nodes.policy_node import PolicyNode

HZ, SIZE, STACK = 20.0, 16, 3
CROP = (4, 2, 40, 36)


def trained(views=1, proprio=0, crop=None) -> Policy:
    parts = build_networks(SMALL, frame_stack=STACK, size_px=SIZE, action_dim=4, seed=0,
                           views=views, proprio_dim=proprio)  # fmt: skip
    with torch.no_grad():
        parts.actor[-1].weight.mul_(3)
    config = TrainConfig(
        env=EnvConfig(size_px=SIZE), network=SMALL, expert=ExpertConfig(crop=crop)
    )
    return Policy.of(parts, config, {'control_hz': HZ})


def agreed(policy: Policy, encoding='rgb8') -> contract.Contract:
    plain = contract.of_policy(policy.metadata)
    cameras = tuple(
        contract.Camera(f'/eye{k}', encoding, 48, 40, HZ, CROP) for k in range(policy.views)
    )
    return dataclasses.replace(plain, cameras=cameras)


def film(count: int, seed: int = 0) -> np.ndarray:
    """Pictures that a JPEG keeps well."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 5, 6, 3), np.uint8)
    return np.stack([cv2.resize(picture, (48, 40)) for picture in small])


class Robot(Node):
    """Cameras, joints, and what the policy says."""

    def __init__(self, views=1, encoding='rgb8'):
        super().__init__('robot')
        self.encoding, self.compressed = encoding, encoding in contract.COMPRESSED
        kind, behind = (CompressedImage, '/compressed') if self.compressed else (Image, '')
        self.eyes = [
            self.create_publisher(kind, f'/eye{k}{behind}', qos.SENSOR) for k in range(views)
        ]
        self.joints = self.create_publisher(JointState, '/joint_states', qos.SENSOR)
        self.several = False  # publishers of joint states
        self.actions: list[Action] = []
        self.create_subscription(Action, 'action', self.actions.append, 50)

    def show(self, pictures, stamp, positions=()):
        names = [f'proprio_{k}' for k in range(len(positions))][::-1]
        positions = [float(p) for p in positions][::-1]
        for few in ([[k] for k in range(len(names))] if self.several else [range(len(names))]):
            joints = JointState(name=[names[k] for k in few],
                                position=[positions[k] for k in few])  # fmt: skip
            joints.header.stamp = stamp
            self.joints.publish(joints)
        for eye, picture in zip(self.eyes, pictures, strict=True):
            eye.publish(self.message(picture, stamp))

    def message(self, picture, stamp):
        if not self.compressed:
            message = images.to_image(picture, stamp, 'eye')
            message.encoding = self.encoding
            return message
        suffix = {'jpeg': '.jpg', 'png': '.png'}[self.encoding]
        data = cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()
        message = CompressedImage(format=self.encoding, data=array.array('B', data))
        message.header.stamp = stamp
        return message


class Live:
    """A policy node that runs, and a robot that shows films in real time."""

    def __init__(self, robot, *others):
        self.robot, self.node = robot, PolicyNode()
        self.executor = MultiThreadedExecutor(3)
        for node in (self.node, self.robot, *others):
            self.executor.add_node(node)
        self.problem: Exception | None = None
        self.thread = threading.Thread(target=self._spin)
        self.thread.start()
        self.shown: dict[int, int] = {}

    def _spin(self):
        try:
            self.executor.spin()
        except Exception as error:
            self.problem = error

    def play(self, pictures, joints=None, back_s=0.0):
        """Show films (V, T, H, W, 3); remembers the number of each stamp."""
        for number in range(len(pictures[0])):
            stamp = self.robot.get_clock().now().to_msg()
            stamp_ns = stamp.sec * 10**9 + stamp.nanosec - int(back_s * 1e9)
            stamp.sec, stamp.nanosec = divmod(stamp_ns, 10**9)
            self.shown[stamp_ns] = number
            positions = () if joints is None else joints[number]
            self.robot.show([view[number] for view in pictures], stamp, positions)
            time.sleep(1 / HZ)

    def begin(self, pictures, joints=None):
        """Play until the policy is active."""
        end_s = time.monotonic() + 15
        while not self.node.active and not self.problem and time.monotonic() < end_s:
            self.play(pictures[:, :1], None if joints is None else joints[:1])
        if self.problem:
            raise self.problem
        assert self.node.active

    def close(self):
        self.executor.shutdown()
        self.thread.join()


@pytest.fixture
def live(ros, tmp_path):
    started = []

    def start(policy, encoding='rgb8', shown='', form='onnx'):
        known = agreed(policy, encoding)
        file = tmp_path / f'policy{export.SUFFIXES[form]}'
        file.write_bytes(export.export(policy, known, form))
        ros({'policy': str(file), 'input': 'cameras', 'patience_s': 8.0})
        found = Live(Robot(policy.views, shown or encoding))
        started.append(found)
        return found

    yield start
    for found in started:
        found.close()


def wanted(policy, pictures, number, joints=None) -> np.ndarray:
    """What the checkpoint would do when these pictures were the last ones."""
    frames = [
        np.concatenate([prepare(view[k], contract.FrameSpec(SIZE, CROP)) for view in pictures], 2)
        for k in range(number - STACK + 1, number + 1)
    ]
    stack = np.concatenate([frame.transpose(2, 0, 1) for frame in frames])[None]
    proprio = None if joints is None else np.array(joints[number], np.float32)[None]
    return policy.act(stack, proprio)[0]


def compare(found, policy, pictures, tolerance, joints=None, early_ns=0) -> int:
    """Check every action whose stack was complete; returns how many there were."""
    checked = 0
    before = None
    for action in found.robot.actions:
        number = found.shown.get(action.header.stamp.sec * 10**9 + action.header.stamp.nanosec)
        whole = before is not None and (action.late, action.dropped) == before[:2]
        run = before[2] + 1 if whole and number == before[3] + 1 else 0
        before = (action.late, action.dropped, run, number if number is not None else -9)
        if number is None or run < STACK or number < STACK:
            continue
        expected = wanted(policy, pictures, number, joints)
        assert np.allclose(action.data, expected, atol=tolerance), number
        assert -early_ns <= action.received_ns <= action.preprocessed_ns <= action.inferred_ns
        assert action.inferred_ns <= action.published_ns < 10**9
        checked += 1
    return checked


def coded(picture, suffix):
    """What a codec leaves of a picture."""
    data = cv2.imencode(suffix, picture[..., ::-1])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize(('encoding', 'suffix'), [('rgb8', '.png'), ('png', '.png'),
                                                  ('jpeg', '.jpg')])  # fmt: skip
def test_actions_are_those_of_training_whatever_the_encoding(live, encoding, suffix):
    policy, pictures = trained(), film(30)[None]
    found = live(policy, encoding)
    found.begin(pictures)
    found.play(pictures)
    seen = np.stack([[coded(picture, suffix) for picture in pictures[0]]])
    assert np.abs(seen.astype(int) - pictures).mean() < 3  # the codec's error
    assert compare(found, policy, seen, 1e-5) > 5


def test_two_cameras_and_joints_in_another_order(live):
    policy = trained(views=2, proprio=3)
    pictures = np.stack([film(30, 1), film(30, 2)])
    joints = np.random.default_rng(0).standard_normal((30, 3))
    found = live(policy)
    found.begin(pictures, joints)
    found.play(pictures, joints)
    assert compare(found, policy, pictures, 1e-5, joints) > 5


def test_a_stream_that_jumps_back_begins_a_new_stack(live, capfd):
    policy, pictures = trained(), film(20)[None]
    found = live(policy)
    found.begin(pictures)
    found.play(pictures)
    count = len(found.robot.actions)
    found.play(pictures, back_s=0.7)
    assert found.node._diagnostics.counts['jumps_back'] == 1
    assert 20 - STACK - 3 <= len(found.robot.actions) - count <= 20 - STACK + 1
    assert capfd.readouterr().err.count('stamps went back') == 1


def test_a_worker_that_falls_behind_acts_on_the_newest_frames_and_keeps_no_others(live):
    policy, pictures = trained(), film(30)[None]
    found = live(policy)
    found.begin(pictures)
    pilot, waiting = found.node._pilot, []
    quick = pilot._actor.act

    def slow(*given):
        time.sleep(0.4)  # eight pictures
        waiting.append(len(pilot._pending))
        return quick(*given)

    pilot._actor = types.SimpleNamespace(act=slow)
    count, late = len(found.robot.actions), pilot._ticks.late
    found.play(pictures)
    assert max(waiting) == STACK + 1
    for action in found.robot.actions[count + 2 :]:
        number = found.shown[action.header.stamp.sec * 10**9 + action.header.stamp.nanosec]
        if number >= STACK and action.late == late:  # all frames came in time
            assert np.allclose(action.data, wanted(policy, pictures, number), atol=1e-5)


def test_a_film_in_a_loop_is_seen_by_its_own_clock(ros, tmp_path, capfd):
    policy, pictures = trained(crop=CROP), film(30)[None]
    file, bag = tmp_path / 'policy.safetensors', tmp_path / 'bag'
    policy.save(file)
    with BagWriter(bag, rate_hz=HZ) as writer:
        writer.write_episode(pictures[0])
    (tmp_path / 'contract.yaml').write_text(
        contract.dump(film_contract(str(file), str(bag), ''))
    )
    ros({'policy': str(file), 'contract': str(tmp_path / 'contract.yaml'), 'input': 'cameras',
         'bag': str(bag), 'loop': True, 'policy:use_sim_time': True})  # fmt: skip
    player = ExpertPlayerNode()
    found = Live(Robot(), player)
    try:
        found.shown = {10**9 + k * round(1e9 / HZ): k for k in range(30)}
        counts = found.node._diagnostics.counts
        end_s = time.monotonic() + 20
        while counts['jumps_back'] < 2 and time.monotonic() < end_s and not found.problem:
            time.sleep(0.05)
    finally:
        found.close()
    assert (counts['jumps_back'], counts['clock']) == (2, 0), found.problem
    # A picture may come before the clock of its time.
    assert compare(found, policy, pictures, 1e-5, early_ns=round(2e9 / HZ)) > 5
    numbers = [found.shown[a.header.stamp.sec * 10**9 + a.header.stamp.nanosec]
               for a in found.robot.actions]  # fmt: skip
    rounds = [k for k in range(1, len(numbers)) if numbers[k] < numbers[k - 1]]
    assert numbers[rounds[0]] >= STACK - 1  # none before the new stack is full
    assert capfd.readouterr().err.count('stamps went back') == 1


@pytest.mark.parametrize('changes', [{'step': 10}, {'data': array.array('B')}])
def test_a_picture_that_cannot_be_decoded_empties_the_stack(live, capfd, changes):
    policy, pictures = trained(), film(12)[None]
    found = live(policy)
    found.begin(pictures)
    found.play(pictures)
    whole = found.robot.message
    found.robot.message = lambda *given: damaged(whole(*given), changes)
    found.play(pictures[:, :2])
    found.robot.message = whole
    before = found.robot.actions[-1]
    found.play(pictures)
    assert found.node._diagnostics.counts['wrong_image'] >= 1
    first = found.robot.actions[found.robot.actions.index(before) + 1]
    number = found.shown[first.header.stamp.sec * 10**9 + first.header.stamp.nanosec]
    assert number + first.late - before.late >= STACK - 1
    assert capfd.readouterr().err.count('wrong_image') == 1


def damaged(message, changes):
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_a_clock_that_is_set_wrong_is_said_and_nothing_moves(live, capfd):
    found = live(trained())
    pictures = film(8)[None]
    found.begin(pictures)
    time.sleep(0.3)
    count = len(found.robot.actions)
    found.play(pictures, back_s=-3600)
    assert len(found.robot.actions) == count
    assert '3600.0 s off the ROS clock' in capfd.readouterr().err


@pytest.mark.parametrize('shown', ['bgr8', '32FC1'])
def test_another_encoding_is_refused_when_activated(live, shown):
    found = live(trained(), shown=shown)
    with pytest.raises(ClaifoError, match=f'encoding is {shown}, the contract says rgb8'):
        found.begin(film(1)[None])


def test_an_encoding_that_nobody_can_read_is_refused(live):
    found = live(trained(), encoding='32FC1')  # it could hold NaN
    found.thread.join(15)
    assert "encoding '32FC1' is not supported" in str(found.problem)


def test_joint_states_without_a_joint_are_refused_when_activated(live):
    found = live(trained(proprio=3))
    pictures = film(1)[None]
    with pytest.raises(ClaifoError, match='there is no position of joint proprio_2'):
        found.begin(pictures, np.zeros((1, 2)))


def test_a_number_that_is_not_finite_is_refused_when_activated(live):
    found = live(trained(proprio=2))
    with pytest.raises(ClaifoError, match='/joint_states: a number is not finite'):
        found.begin(film(1)[None], np.full((1, 2), np.nan))


def test_a_camera_that_is_not_there_is_named(live):
    found = live(trained())
    found.thread.join(15)
    assert 'nothing came on /eye0 for 8 s' in str(found.problem)


def test_joint_states_of_several_publishers_are_merged(live):
    policy, pictures = trained(proprio=2), film(20)[None]
    joints = np.tile([[0.25, -0.5]], (20, 1))  # at rest: no matter which has come last
    found = live(policy)
    found.robot.several = True
    found.begin(pictures, joints)
    found.play(pictures, joints)
    assert compare(found, policy, pictures, 1e-5, joints) > 3


PNG_HEAD = b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR'


@pytest.mark.parametrize(
    'data', [PNG_HEAD + 2 * (100_000).to_bytes(4, 'big') + bytes(64), b'', b'\xff'],
    ids=['gigabytes', 'nothing', 'damage'],
)  # fmt: skip
def test_a_picture_that_announces_gigabytes_is_left_out(live, data):
    found = live(trained(), 'jpeg')
    pictures = film(12)[None]
    found.begin(pictures)
    bomb = CompressedImage(format='jpeg', data=array.array('B', data))
    bomb.header.stamp = found.robot.get_clock().now().to_msg()
    found.robot.eyes[0].publish(bomb)
    time.sleep(0.1)  # the newest picture wins
    count = len(found.robot.actions)
    found.play(pictures)
    assert found.node._diagnostics.counts['contract'] == 1
    assert len(found.robot.actions) > count + 3 and not found.problem
