"""From samples to messages: what is none is dropped and counted, and ends no program."""

from __future__ import annotations

import time
from typing import Any

from rclpy.logging import get_logger
from ros2_embedded.cdr import CdrError, from_cdr

_QUIET_S = 5.0


class Decoder:
    """Decodes the samples of one topic, from whoever writes there.

    Attributes:
        dropped: Samples so far that were no message of the type.
    """

    def __init__(self, kind: type | str, where: str, prefix: int = 0) -> None:
        """Decode messages of a class.

        Args:
            kind: Class or name of the message.
            where: Topic or service, for people.
            prefix: Bytes between header and body.
        """
        self._kind, self._where, self._prefix = kind, where, prefix
        self.dropped, self._said_s = 0, float('-inf')

    def __call__(self, data: bytes) -> Any | None:  # noqa: ANN401
        """Return the message, or None."""
        try:
            return from_cdr(data, self._kind, self._prefix)
        except (CdrError, MemoryError, OverflowError, RecursionError, TypeError) as error:
            self._drop(error)
            return None

    def _drop(self, error: Exception) -> None:
        self.dropped += 1
        if time.monotonic() - self._said_s < _QUIET_S:
            return
        self._said_s = time.monotonic()
        get_logger('rclpy').warning(
            f'{self._where}: dropped what cannot be decoded ({error}); {self.dropped} so far'
        )
