"""Messages to bytes and back."""

from __future__ import annotations

from typing import Any

from ros2_embedded.cdr import from_cdr, to_cdr


def serialize_message(message: Any) -> bytes:  # noqa: ANN401
    """Return the CDR bytes of a message."""
    return bytes(to_cdr(message))


def deserialize_message(serialized_message: bytes, message_type: type) -> Any:  # noqa: ANN401
    """Return the message in CDR bytes."""
    return from_cdr(serialized_message, message_type)
