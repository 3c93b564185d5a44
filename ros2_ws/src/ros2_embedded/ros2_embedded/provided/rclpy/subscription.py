"""Subscriptions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypedDict

from rclpy._decoding import Decoder
from rclpy._destroyable import Destroyable
from rclpy.callback_groups import CallbackGroup
from rclpy.qos import QoSProfile
from ros2_embedded import transport


class MessageInfo(TypedDict):
    """When a message was sent and received, in nanoseconds since 1970; Cyclone does not count."""

    source_timestamp: int
    received_timestamp: int
    publication_sequence_number: int | None
    reception_sequence_number: int | None


class Subscription(Destroyable):
    """Calls back for every message of a topic."""

    def __init__(
        self,
        reader: transport.Reader,
        msg_type: type,
        topic: str,
        callback: Callable[..., Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        raw: bool,
        name: Callable[[], str],
    ) -> None:
        """Take a reader; nodes make subscriptions by ``create_subscription``.

        Raises:
            RuntimeError: The callback takes neither one argument nor two.
        """
        self._reader = reader
        self.msg_type, self.topic, self.qos_profile, self.raw = msg_type, topic, qos_profile, raw
        self.callback_group, self._name = callback_group, name
        self.callback = callback
        self._decode = Decoder(msg_type, name())

    @property
    def callback(self) -> Callable[..., Any]:
        """What is called with each message (and its MessageInfo, if it takes two arguments)."""
        return self._callback

    @callback.setter
    def callback(self, value: Callable[..., Any]) -> None:
        self._callback = value
        self._with_info = _takes_info(value)

    @property
    def topic_name(self) -> str:
        """Full name of the topic."""
        self._ros_use()
        return self._name()

    def get_publisher_count(self) -> int:
        """Return how many publishers reach it."""
        self._ros_use()
        return self._reader.matches()[1]

    def destroy(self) -> None:
        """Close; nodes do it by ``destroy_subscription``."""
        self._ros_destroyed = True
        self._reader.close()

    def _execute(self) -> Any:  # noqa: ANN401
        """Take the oldest message that is kept, and call back."""
        for sample in self._reader.take():
            message = sample.data if self.raw else self._decode(sample.data)
            if message is None:
                return None
            if not self._with_info:
                return self._callback(message)
            return self._callback(message, _info(sample))
        return None


def _info(sample: transport.Sample) -> MessageInfo:
    return MessageInfo(
        source_timestamp=sample.source_ns, received_timestamp=transport.now_ns(),
        publication_sequence_number=None, reception_sequence_number=None,
    )  # fmt: skip


def _takes_info(callback: Callable[..., Any]) -> bool:
    signature = inspect.signature(callback)
    for values, info in (((None,), False), ((None, None), True)):
        try:
            signature.bind(*values)
        except TypeError:
            continue
        return info
    raise RuntimeError(
        'Subscription.__init__(): callback should be either be callable with one argument'
        '(to get only the message) or two (to get message and message info)'
    )
