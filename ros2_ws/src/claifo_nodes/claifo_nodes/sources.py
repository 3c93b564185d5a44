"""What cameras send, in the words of a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensor_msgs.msg import Image

from claifo.bags import codecs
from claifo_core.deploy.contract import Seen
from claifo_core.errors import ClaifoError
from claifo_nodes import images

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage


def look(message: Image | CompressedImage, stamps_ns: list[int]) -> Seen:
    """Return what the contract speaks of in a picture; a compressed one is decoded for it."""
    if isinstance(message, Image):
        return Seen(message.encoding, message.width, message.height, stamps_ns)
    try:
        height, width, _ = images.to_rgb(message).shape
    except ClaifoError:
        height = width = 0
    return Seen(codecs.compression(message.format), width, height, stamps_ns)
