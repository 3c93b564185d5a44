"""Image messages to frames and back; the decoder is that of bags, so both see the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from claifo.bags import cdr, codecs
from claifo_nodes.time_steps import flat


def to_rgb(message: Image | CompressedImage) -> np.ndarray:
    """Return the picture of a message, uint8 (H, W, 3), RGB.

    Raises:
        ClaifoError: The encoding is not known, or the data do not fit it.
    """
    data = np.frombuffer(message.data, np.uint8).data
    if isinstance(message, CompressedImage):
        return codecs.decode(cdr.CompressedImage(message.format, data))
    layout = cdr.Layout(
        message.height, message.width, message.encoding, bool(message.is_bigendian), message.step
    )
    return codecs.decode(cdr.RawImage(layout, data))


def to_image(frame: np.ndarray, stamp: Any, frame_id: str) -> Image:  # noqa: ANN401 (Time message)
    """Return the message of a frame, uint8 (H, W, 3), RGB."""
    height, width, _ = frame.shape
    message = Image(
        height=height, width=width, encoding='rgb8', is_bigendian=0, step=3 * width,
        data=flat(frame),
    )  # fmt: skip
    message.header.stamp, message.header.frame_id = stamp, frame_id
    return message
