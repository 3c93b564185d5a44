"""Events of publishers and subscriptions: missed deadlines, incompatible QoS, matches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from rclpy._qos_policies import QoSPolicyKind, qos_policy_name_from_kind
from rclpy.callback_groups import CallbackGroup
from rclpy.logging import get_logger
from ros2_embedded import transport

rmw_qos_policy_kind_t: Any = IntEnum(  # type: ignore[misc]
    'rmw_qos_policy_kind_t',
    {f'RMW_QOS_POLICY_{kind.name}': kind.value for kind in QoSPolicyKind},
)
# Policies by their numbers in DDS.
_DDS_IDS = {
    2: QoSPolicyKind.DURABILITY, 4: QoSPolicyKind.DEADLINE, 8: QoSPolicyKind.LIVELINESS,
    11: QoSPolicyKind.RELIABILITY, 13: QoSPolicyKind.HISTORY, 21: QoSPolicyKind.LIFESPAN,
}  # fmt: skip


@dataclass(frozen=True)
class QoSRequestedDeadlineMissedInfo:
    """How often messages came too late."""

    total_count: int
    total_count_change: int


QoSOfferedDeadlineMissedInfo = QoSRequestedDeadlineMissedInfo


@dataclass(frozen=True)
class QoSRequestedIncompatibleQoSInfo:
    """How many peers cannot be matched, and the policy that kept the last apart."""

    total_count: int
    total_count_change: int
    last_policy_kind: Any


QoSOfferedIncompatibleQoSInfo = QoSRequestedIncompatibleQoSInfo


@dataclass(frozen=True)
class QoSSubscriptionMatchedInfo:
    """How many peers were ever matched, and how many are."""

    total_count: int
    total_count_change: int
    current_count: int
    current_count_change: int


QoSPublisherMatchedInfo = QoSSubscriptionMatchedInfo


class _EventCallbacks:
    """Callbacks for what happens at an endpoint; without them only bad news are logged."""

    _peer, _trouble, _loss = 'publisher', 'offering', 'received from'

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


class PublisherEventCallbacks(_EventCallbacks):
    """Callbacks for what happens at a publisher."""

    _peer, _trouble, _loss = 'subscription', 'requesting', 'sent to'


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
        self._deadline = self._incompatible = 0
        self._matches = (0, 0)
        self._calls: list[tuple[Callable[[Any], None], Any]] = []

    def _ready(self) -> bool:
        if not self._calls:
            with contextlib.suppress(transport.RCLError):  # it has just been closed
                self._look()
        return bool(self._calls)

    def _look(self) -> None:
        """Note what has happened since the last time."""
        status, wanted = self._endpoint.status(), self._callbacks
        if status.deadline_missed > self._deadline:
            change = status.deadline_missed - self._deadline
            self._deadline = status.deadline_missed
            self._queue(wanted.deadline, QoSRequestedDeadlineMissedInfo(self._deadline, change))
        if status.incompatible_qos > self._incompatible:
            change = status.incompatible_qos - self._incompatible
            self._incompatible = status.incompatible_qos
            kind = _DDS_IDS.get(status.incompatible_policy, QoSPolicyKind.INVALID)
            info = QoSRequestedIncompatibleQoSInfo(
                self._incompatible, change, rmw_qos_policy_kind_t(kind)
            )
            default = self._warn if wanted.use_default_callbacks else None
            self._queue(wanted.incompatible_qos or default, info)
        if wanted.matched and (matches := self._endpoint.matches()) != self._matches:
            (total, current), self._matches = self._matches, matches
            change = QoSSubscriptionMatchedInfo(
                matches[0], matches[0] - total, matches[1], matches[1] - current
            )
            self._queue(wanted.matched, change)

    def _queue(self, callback: Callable[[Any], None] | None, info: Any) -> None:  # noqa: ANN401
        if callback:
            self._calls.append((callback, info))

    def _warn(self, info: QoSRequestedIncompatibleQoSInfo) -> None:
        told = self._callbacks
        self._logger.warning(
            f"New {told._peer} discovered on topic '{self._topic}', {told._trouble} incompatible "
            f'QoS. No messages will be {told._loss} it. Last incompatible policy: '
            f'{qos_policy_name_from_kind(info.last_policy_kind)}'
        )

    def _execute(self) -> None:
        callback, info = self._calls.pop(0)
        callback(info)
