"""Recorder and player: what was filmed is what is played, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from claifo.bags import BagWriter, ReadOptions, read_episodes
from claifo_core.data.frames import FrameSpec, prepare
from claifo_core.errors import ClaifoError
from claifo_nodes import images
from claifo_nodes.expert_player_node import ExpertPlayerNode
from claifo_nodes.main import Finished
from claifo_nodes.recorder_node import RecorderNode

SIZE, FRAMES = 24, 30
DEEP = QoSProfile(depth=1000)


def frames(seed=0, count=FRAMES):
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)


@pytest.fixture
def bag(tmp_path):
    def write(encoding='rgb8', episodes=1):
        with BagWriter(tmp_path / 'bag', rate_hz=50.0, encoding=encoding) as writer:
            for seed in range(episodes):
                writer.write_episode(frames(seed))
        return tmp_path / 'bag'

    return write


@pytest.mark.parametrize('encoding', ['rgb8', 'png', 'jpeg'])
def test_played_frames_are_those_of_the_file(ros, spin, bag, encoding):
    path = bag(encoding, episodes=2)
    ros({'bag': str(path), 'rate': 100.0})
    viewer, seen = Node('viewer'), []
    kind = Image if encoding == 'rgb8' else CompressedImage
    topic = 'camera/image_raw' + ('' if encoding == 'rgb8' else '/compressed')
    viewer.create_subscription(kind, topic, seen.append, DEEP)
    player = ExpertPlayerNode()
    spinner = spin(viewer, player)
    with pytest.raises(Finished):
        spinner.until(lambda: False)
    player.destroy_node()
    spinner.until(lambda: len(seen) == 2 * FRAMES)
    spec = FrameSpec(16)
    live = np.stack([prepare(images.to_rgb(message), spec) for message in seen])
    read, _ = read_episodes([path], ReadOptions(frames=spec, rate_hz=50.0))
    np.testing.assert_array_equal(live, np.concatenate(read))


def test_a_looped_film_begins_again_with_its_stamps(ros, spin, bag):
    ros({'bag': str(bag()), 'rate': 100.0, 'loop': True})
    viewer, stamps = Node('viewer'), []
    viewer.create_subscription(
        Image, 'camera/image_raw', lambda m: stamps.append(m.header.stamp), DEEP
    )
    spinner = spin(viewer, ExpertPlayerNode())
    spinner.until(lambda: len(stamps) > 2 * FRAMES)
    assert stamps[FRAMES] == stamps[0]


@pytest.mark.parametrize(
    ('parameters', 'told'),
    [({}, 'bag is empty'), ({'bag': '/no/bag'}, '/no/bag: does not exist'),
     ({'bag': 'BAG', 'topic': '/other'}, "no image topic '/other'"),
     ({'bag': 'BAG', 'rate': 0.0}, 'rate')],
)  # fmt: skip
def test_what_cannot_be_played_is_named(ros, bag, parameters, told):
    ros({k: str(bag()) if v == 'BAG' else v for k, v in parameters.items()})
    with pytest.raises(ClaifoError, match=told):
        ExpertPlayerNode()


def publish(node, topic='camera/image_raw'):
    publisher = node.create_publisher(Image, topic, DEEP)
    words = node.create_publisher(String, 'words', DEEP)

    def send(number):
        stamp = node.get_clock().now().to_msg()
        stamp.sec, stamp.nanosec = 100 + number // 50, number % 50 * 20_000_000
        publisher.publish(images.to_image(frames()[number], stamp, 'camera'))
        words.publish(String(data=str(number)))

    return publisher, send


def read(path):
    found, report = read_episodes(
        [path], ReadOptions(FrameSpec(SIZE), 50.0, topics=('/camera/image_raw',))
    )
    return found[0], report


def test_what_is_recorded_is_what_was_sent(ros, spin, tmp_path):
    ros({'out': str(tmp_path / 'film'), 'topics': ['camera/image_raw', 'words']})
    camera = Node('camera')
    publisher, send = publish(camera)
    recorder = RecorderNode()
    spinner = spin(camera, recorder)
    spinner.until(publisher.get_subscription_count)
    for number in range(FRAMES):
        send(number)
        spinner.rest(0.01)
    spinner.until(lambda: recorder._bag.counts.get('/words') == FRAMES)
    recorder.destroy_node()
    found, report = read(tmp_path / 'film')
    np.testing.assert_array_equal(found, frames())
    assert not report.lost
    assert (tmp_path / 'film' / 'metadata.yaml').exists()




def record_in_a_process(path, *words):
    return subprocess.Popen(
        [sys.executable, '-m', 'claifo_nodes.recorder_node', '--ros-args',
         '-p', f'out:={path}', '-p', 'chunk_s:=0.1', *words],
        env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_a_killed_recorder_loses_its_last_chunk_at_most(ros, spin, tmp_path):
    ros()
    camera = Node('camera')
    publisher, send = publish(camera)
    child = record_in_a_process(tmp_path / 'film')
    try:
        spin(camera).until(publisher.get_subscription_count)
        for number in range(FRAMES):
            send(number)
            time.sleep(0.01)
        time.sleep(0.5)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    found, report = read(tmp_path / 'film')
    np.testing.assert_array_equal(found, frames())
    assert any('metadata.yaml is missing' in line for line in report.lost)


def test_a_stopped_recorder_says_what_it_has(ros, spin, tmp_path):
    ros()
    camera = Node('camera')
    publisher, send = publish(camera)
    child = record_in_a_process(tmp_path / 'film')
    spin(camera).until(publisher.get_subscription_count)
    for number in range(5):
        send(number)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=20)[0]
    assert child.returncode == 0, said
    assert '5 on /camera/image_raw' in said


def test_an_existing_folder_is_not_touched(ros, tmp_path):
    (tmp_path / 'film').mkdir()
    child = record_in_a_process(tmp_path / 'film')
    said = child.communicate(timeout=20)[0]
    assert child.returncode == 2
    assert 'exists already' in said
    assert len(said.strip().splitlines()) == 1
    assert not list((tmp_path / 'film').iterdir())
