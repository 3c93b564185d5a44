"""A video file as a camera."""

from __future__ import annotations

import array
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from claifo_core.errors import ClaifoError
from claifo_nodes import images, qos
from claifo_nodes.camera_node import CameraNode
from claifo_nodes.main import Finished

COUNT, HZ = 12, 30.0


@pytest.fixture
def video(tmp_path):
    """A file and its pictures as OpenCV reads them."""
    path = str(tmp_path / 'film.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), HZ, (48, 32))
    for k in range(COUNT):
        writer.write(np.full((32, 48, 3), 20 * k, np.uint8))
    writer.release()
    capture, frames = cv2.VideoCapture(path), []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    assert len(frames) == COUNT
    return path, frames


@pytest.mark.parametrize(('compressed', 'kind'), [('', Image), ('png', CompressedImage)])
def test_pictures_come_unchanged_in_real_time_and_stamped_now(ros, spin, video, compressed, kind):
    path, frames = video
    ros({'source': path, 'compressed': compressed, 'loop': True})
    node, peer = CameraNode(), Node('peer')
    seen = []
    topic = 'camera/image_raw' + ('/compressed' if compressed else '')
    clock = peer.get_clock()
    peer.create_subscription(kind, topic, lambda m: seen.append((clock.now(), m)), qos.SENSOR)
    spin(node, peer).until(lambda: len(seen) > 2 * COUNT)
    stamps = [m.header.stamp.sec + m.header.stamp.nanosec / 1e9 for _, m in seen]
    ages = [now.nanoseconds / 1e9 - s for (now, _), s in zip(seen, stamps, strict=True)]
    assert max(ages) < 0.5 and min(ages) >= 0
    assert np.median(np.diff(stamps)) == pytest.approx(1 / HZ, rel=0.3)
    for _, message in seen:
        picture = images.to_rgb(message)
        assert any(np.array_equal(picture, frame) for frame in frames)


def test_a_file_plays_upright_and_pauses_as_it_was_filmed(ros, spin, tmp_path, write_mp4):
    path = write_mp4(tmp_path / 'phone.mp4', count=6, degrees=90, steps=[1, 1, 20, 1, 1, 1])
    ros({'source': str(path), 'loop': True})
    node, peer = CameraNode(), Node('peer')
    seen = []
    peer.create_subscription(Image, 'camera/image_raw', seen.append, qos.SENSOR)
    spin(node, peer).until(lambda: len(seen) > 5)
    stamps = np.array([m.header.stamp.sec + m.header.stamp.nanosec / 1e9 for m in seen])
    assert {(m.height, m.width) for m in seen} == {(64, 48)}
    assert np.sum(np.diff(stamps) > 0.75) == 1


def test_a_file_ends_the_program(ros, spin, video, capfd):
    ros({'source': video[0]})
    with pytest.raises(Finished):
        spin(CameraNode()).until(lambda: False)
    assert f'{COUNT} pictures' in capfd.readouterr().out


def test_what_is_no_camera_is_one_line(ros, tmp_path):
    (tmp_path / 'film.mp4').write_bytes(array.array('B', range(100)).tobytes())
    for source in ('/dev/video77', str(tmp_path / 'film.mp4'), str(tmp_path / 'nothing.mp4')):
        ros({'source': source})
        with pytest.raises(ClaifoError, match=r'cannot be opened|not a video') as problem:
            CameraNode()
        assert source in str(problem.value)


def test_the_program_ends_with_2(tmp_path):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, '-m', 'claifo_nodes.camera_node', '--ros-args', '-p', 'source:=/dev/no'],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert '/dev/no: cannot be opened' in done.stderr
