"""`camera_node`: a camera, a video file or a network stream as image messages, by OpenCV.

For trying things without the driver of a camera. Each picture bears the ROS time at which it was
grabbed; a file plays upright and in real time. The grabbing waits for the camera in a thread of
its own.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from claifo.bags import codecs
from claifo.bags.video import Video
from claifo_core.errors import ClaifoError
from claifo_nodes import images, params, qos, time_steps
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.main import Finished, run

_FRAME_ID = 'camera'
_SILENT_S = 5.0
_LOOK_S = 0.1


class CameraNode(Node):
    """Publishes pictures as they are grabbed."""

    def __init__(self) -> None:
        """Declare the parameters and open the source."""
        super().__init__('camera')
        self._source: str = params.declare(
            self, 'source', '/dev/video0', 'device (/dev/video0), video file, or address (rtsp://…)'
        )
        self._rate_hz: float = params.declare(
            self, 'rate_hz', 0.0, 'pictures per second; 0: those of the source', unit='Hz', low=0
        )
        width: int = params.declare(
            self, 'width', 0, 'asked of a device; 0: its own', unit='px', low=0
        )
        height: int = params.declare(
            self, 'height', 0, 'asked of a device; 0: its own', unit='px', low=0
        )
        self._compression: str = params.declare(
            self, 'compressed', '', 'send CompressedImage instead of Image',
            choices=('', *codecs.COMPRESSIONS),
        )  # fmt: skip
        self._quality: int = params.declare(self, 'quality', 90, 'of jpeg', low=1, high=100)
        self._loops: bool = params.declare(self, 'loop', False, 'begin a file again at its end')
        self._is_file = Path(self._source).is_file()
        self._worker: threading.Thread | None = None
        self._stop = threading.Event()
        self._capture = cv2.VideoCapture()
        self._open(width, height)
        kind = CompressedImage if self._compression else Image
        topic = 'camera/image_raw' + ('/compressed' if self._compression else '')
        self._publisher = self.create_publisher(kind, topic, qos.SENSOR)
        self._diagnostics = Diagnostics(self)
        self._ended, self._grabbed_s = False, time.monotonic()
        self._worker = threading.Thread(target=self._grab, name='camera', daemon=True)
        self._worker.start()
        self.create_timer(_LOOK_S, self._look)

    def _open(self, width: int, height: int) -> None:
        """Open the source.

        Raises:
            ClaifoError: it cannot be opened.
        """
        if self._is_file:
            return Video(Path(self._source)).close()
        capture = self._capture
        capture.open(self._source)
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, self._rate_hz),
        ):  # fmt: skip
            if value:
                capture.set(key, value)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not the oldest kept
        if not capture.isOpened():
            raise ClaifoError(
                f'{self._source}: cannot be opened as a camera or video; is it there, may you '
                'read it, and does no other program use it?'
            )

    def _grab(self) -> None:
        """Publish pictures until the source ends."""
        if self._is_file:
            while self._play() and self._loops and not self._stop.is_set():
                pass
            self._ended = True
            return
        while not self._stop.is_set():
            there, picture = self._capture.read()
            stamp = self.get_clock().now().to_msg()
            if there:
                self._grabbed_s = time.monotonic()
                self._publish(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), stamp)
            else:
                time.sleep(0.01)

    def _play(self) -> int:
        """Publish a file in real time: at its own times, or at the rate asked for.

        Returns:
            How many pictures there were.
        """
        begun_s, number, due_s, step_s = time.monotonic(), 0, 0.0, 0.0
        with closing(Video(Path(self._source))) as video:
            for number, (time_ns, frame) in enumerate(video.frames(), 1):
                before_s = due_s
                due_s = (number - 1) / self._rate_hz if self._rate_hz else time_ns / 1e9
                step_s = due_s - before_s
                if self._stop.wait(max(0.0, begun_s + due_s - time.monotonic())):
                    break
                self._publish(frame, self.get_clock().now().to_msg())
        self._stop.wait(step_s)  # the last picture lasts as long as the one before
        return number

    def _publish(self, frame: NDArray[np.uint8], stamp: object) -> None:
        message: Image | CompressedImage
        if self._compression:
            data = codecs.encode_compressed(frame, self._compression, self._quality)
            packed = time_steps.flat(np.frombuffer(data, np.uint8))
            message = CompressedImage(format=self._compression, data=packed)
            message.header.stamp, message.header.frame_id = stamp, _FRAME_ID
        else:
            message = images.to_image(frame, stamp, _FRAME_ID)
        self._publisher.publish(message)
        self._diagnostics.count('pictures')

    def _look(self) -> None:
        """End with the source.

        Raises:
            Finished: a file has ended.
            ClaifoError: a device or stream has fallen silent: nobody is to see its last picture.
        """
        if self._ended:
            print(f'{self._source}: {self._diagnostics.counts["pictures"]} pictures', flush=True)
            raise Finished
        if not self._is_file and time.monotonic() - self._grabbed_s > _SILENT_S:
            raise ClaifoError(f'{self._source}: no picture for {_SILENT_S:g} s; is it plugged in?')

    def destroy_node(self) -> None:
        """Let go of the source and leave the graph."""
        self._stop.set()
        if self._worker:
            self._worker.join(_SILENT_S)
        self._capture.release()
        super().destroy_node()


def main() -> int:
    """Run the node; returns its exit code."""
    return run(CameraNode)


if __name__ == '__main__':
    sys.exit(main())
