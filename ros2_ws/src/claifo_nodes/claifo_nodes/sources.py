"""What cameras and joints send, in the words of a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sensor_msgs.msg import Image

from claifo.bags import codecs
from claifo_core.deploy.contract import Seen
from claifo_core.errors import ClaifoError
from claifo_nodes import images

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, JointState


def look(message: Image | CompressedImage, stamps_ns: list[int]) -> Seen:
    """Return what the contract speaks of in a picture; a compressed one is decoded for it."""
    if isinstance(message, Image):
        return Seen(message.encoding, message.width, message.height, stamps_ns)
    try:
        height, width, _ = images.to_rgb(message).shape
    except ClaifoError:
        height = width = 0
    return Seen(codecs.compression(message.format), width, height, stamps_ns)


def numbers(
    message: JointState, names: tuple[str, ...], fields: tuple[str, ...]
) -> np.ndarray:
    """Return the numbers of joint states by name, float32 (P,).

    Raises:
        ClaifoError: a joint or a field is missing, or a number is not finite.
    """
    place = {name: k for k, name in enumerate(message.name)}
    found = np.zeros(len(names), np.float32)
    for k, (name, field) in enumerate(zip(names, fields, strict=True)):
        values = getattr(message, field)
        if name not in place or place[name] >= len(values):
            raise ClaifoError(f'there is no {field} of joint {name}')
        found[k] = values[place[name]]
    if not np.isfinite(found).all():
        raise ClaifoError('a number is not finite')
    return found
