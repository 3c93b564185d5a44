"""Messages to bytes and back: CDR, version 1, with the encapsulation header in front."""

from __future__ import annotations

from typing import Any

from ros2_embedded import types
from ros2_embedded.messages import Message, message_class, typename_of

_ENCAPSULATION = 4
_LITTLE = 1


class CdrError(ValueError):
    """Bytes that are not a message of the type."""


def to_cdr(message: Message, prefix: bytes = b'') -> bytearray:
    """Serialise a message, little-endian.

    Args:
        message: Any message.
        prefix: Put between header and body: the request header of a service (16 bytes, so that
            alignment does not change).

    Returns:
        The bytes, padded to a multiple of 4.
    """
    definition = types.STORE.get_msgdef(typename_of(message))
    begin = _ENCAPSULATION + len(prefix)
    size = begin + definition.getsize_cdr(0, message, types.STORE)
    buffer = bytearray(-(-size // 4) * 4)
    buffer[1] = _LITTLE
    buffer[_ENCAPSULATION:begin] = prefix
    definition.serialize_cdr_le(memoryview(buffer)[begin:], 0, message, types.STORE)
    return buffer


def from_cdr(data: Any, kind: type | str, prefix: int = 0) -> Any:  # noqa: ANN401 (buffer, message)
    """Build a message from its bytes; its arrays are views of them.

    Args:
        data: Buffer with the encapsulation header.
        kind: Class or name of the message.
        prefix: Bytes between header and body.

    Raises:
        CdrError: The bytes are too short, or not CDR.
    """
    view = memoryview(data)
    typename = kind if isinstance(kind, str) else typename_of(kind)
    made = message_class(typename)
    definition = types.STORE.get_msgdef(typename)
    try:
        little = view[1] & _LITTLE
        read = definition.deserialize_cdr_le if little else definition.deserialize_cdr_be
        return read(view[_ENCAPSULATION + prefix :], 0, made, types.STORE)[0]
    except Exception as error:  # rosbags raises what struct and NumPy raise
        raise CdrError(f'{len(view)} bytes are not a {typename}: {error}') from None
