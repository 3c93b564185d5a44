"""Events of publishers and subscriptions: missed deadlines, incompatible QoS, matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rclpy.callback_groups import CallbackGroup
from rclpy.logging import get_logger


class QoSRequestedDeadlineMissedInfo(NamedTuple):
    """How often messages came too late."""

    total_count: int
    total_count_change: int


QoSOfferedDeadlineMissedInfo = QoSRequestedDeadlineMissedInfo


class QoSRequestedIncompatibleQoSInfo(NamedTuple):
    """How many peers cannot be matched, and the DDS id of the policy that kept the last apart."""

    total_count: int
    total_count_change: int
    last_policy_kind: int


QoSOfferedIncompatibleQoSInfo = QoSRequestedIncompatibleQoSInfo


class QoSSubscriptionMatchedInfo(NamedTuple):
    """How many peers are matched."""

    current_count: int
    current_count_change: int


QoSPublisherMatchedInfo = QoSSubscriptionMatchedInfo


class _EventCallbacks:
    """Callbacks for what happens at an endpoint; without them only bad news are logged."""

    _bad_news = 'offering'

    def __init__(
        self,
        *,
        deadline: Callable[[Any], None] | None = None,
        incompatible_qos: Callable[[Any], None] | None = None,
        matched: Callable[[Any], None] | None = None,
        use_default_callbacks: bool = True,
        **others: Callable[[Any], None] | None,
    ) -> None:
        """Take the callbacks.

        Raises:
            NotImplementedError: A callback for an event that this package does not see.
        """
        for name, callback in others.items():
            if callback is not None:
                raise NotImplementedError(f'ros2_embedded does not see the event {name!r}')
        self.deadline, self.incompatible_qos, self.matched = deadline, incompatible_qos, matched
        self.use_default_callbacks = use_default_callbacks

    @property
    def wanted(self) -> bool:
        """Whether anybody asks."""
        asked = (self.deadline, self.incompatible_qos, self.matched)
        return self.use_default_callbacks or any(asked)


class SubscriptionEventCallbacks(_EventCallbacks):
    """Callbacks for what happens at a subscription."""

    _bad_news = 'requesting'


class PublisherEventCallbacks(_EventCallbacks):
    """Callbacks for what happens at a publisher."""


class EventHandler:
    """Watches one endpoint; an executor asks it regularly."""

    def __init__(
        self,
        endpoint: Any,  # noqa: ANN401 (transport.Writer or Reader)
        callbacks: _EventCallbacks,
        callback_group: CallbackGroup,
        topic: str,
        node_name: str,
    ) -> None:
        """Take a writer or reader of the transport."""
        self.callback_group = callback_group
        self._endpoint, self._callbacks, self._topic = endpoint, callbacks, topic
        self._logger = get_logger(node_name)
        self._deadline = self._incompatible = self._matched = 0
        self._calls: list[tuple[Callable[[Any], None], Any]] = []

    def _ready(self) -> bool:
        if self._calls:
            return True
        status, wanted = self._endpoint.status(), self._callbacks
        if status.deadline_missed > self._deadline:
            change = status.deadline_missed - self._deadline
            self._deadline = status.deadline_missed
            self._queue(wanted.deadline, QoSRequestedDeadlineMissedInfo(self._deadline, change))
        if status.incompatible_qos > self._incompatible:
            change = status.incompatible_qos - self._incompatible
            self._incompatible = status.incompatible_qos
            info = QoSRequestedIncompatibleQoSInfo(
                self._incompatible, change, status.incompatible_policy
            )
            default = self._warn if wanted.use_default_callbacks else None
            self._queue(wanted.incompatible_qos or default, info)
        if wanted.matched and (matched := self._endpoint.matched()) != self._matched:
            change, self._matched = matched - self._matched, matched
            self._queue(wanted.matched, QoSSubscriptionMatchedInfo(matched, change))
        return bool(self._calls)

    def _queue(self, callback: Callable[[Any], None] | None, info: Any) -> None:  # noqa: ANN401
        if callback:
            self._calls.append((callback, info))

    def _warn(self, info: QoSRequestedIncompatibleQoSInfo) -> None:
        self._logger.warning(
            f"New peer discovered on topic '{self._topic}', {self._callbacks._bad_news} "
            f'incompatible QoS. No messages will be exchanged. DDS policy id: '
            f'{info.last_policy_kind}'
        )

    def _execute(self) -> None:
        callback, info = self._calls.pop(0)
        callback(info)
