"""Quality of service."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from rclpy.duration import Duration, Infinite
from ros2_embedded import transport


class HistoryPolicy(IntEnum):
    """How many messages are kept."""

    SYSTEM_DEFAULT = 0
    KEEP_LAST = 1
    KEEP_ALL = 2
    UNKNOWN = 3


class ReliabilityPolicy(IntEnum):
    """Whether lost messages are sent again."""

    SYSTEM_DEFAULT = 0
    RELIABLE = 1
    BEST_EFFORT = 2
    UNKNOWN = 3
    BEST_AVAILABLE = 4


class DurabilityPolicy(IntEnum):
    """Whether those that come late get what was sent before."""

    SYSTEM_DEFAULT = 0
    TRANSIENT_LOCAL = 1
    VOLATILE = 2
    UNKNOWN = 3
    BEST_AVAILABLE = 4


class LivelinessPolicy(IntEnum):
    """Who says that a publisher is alive."""

    SYSTEM_DEFAULT = 0
    AUTOMATIC = 1
    MANUAL_BY_TOPIC = 3
    UNKNOWN = 4
    BEST_AVAILABLE = 5


QoSHistoryPolicy = HistoryPolicy
QoSReliabilityPolicy = ReliabilityPolicy
QoSDurabilityPolicy = DurabilityPolicy
QoSLivelinessPolicy = LivelinessPolicy


class InvalidQoSProfileException(Exception):
    """A profile that contradicts itself."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401
        """Say how."""
        super().__init__('Invalid QoSProfile', *args)


class QoSProfile:
    """How messages of a topic are delivered."""

    __slots__ = (
        'avoid_ros_namespace_conventions', 'deadline', 'depth', 'durability', 'history',
        'lifespan', 'liveliness', 'liveliness_lease_duration', 'reliability',
    )  # fmt: skip

    def __init__(
        self,
        *,
        history: HistoryPolicy | None = None,
        depth: int | None = None,
        reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
        durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
        lifespan: Duration = Infinite,
        deadline: Duration = Infinite,
        liveliness: LivelinessPolicy = LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration: Duration = Infinite,
        avoid_ros_namespace_conventions: bool = False,
    ) -> None:
        """Set the policies.

        Raises:
            InvalidQoSProfileException: History or depth are missing, or the depth is negative.
        """
        if history is None and depth is None:
            raise InvalidQoSProfileException('History and/or depth settings are required.')
        if history == HistoryPolicy.KEEP_LAST and depth is None:
            raise InvalidQoSProfileException('History set to KEEP_LAST without a depth setting.')
        if depth is not None and (not isinstance(depth, int) or depth < 0):
            raise ValueError('depth must be a non-negative integer')
        self.history = HistoryPolicy.KEEP_LAST if history is None else HistoryPolicy(history)
        self.depth = depth or 0
        self.reliability = ReliabilityPolicy(reliability)
        self.durability = DurabilityPolicy(durability)
        self.lifespan, self.deadline = lifespan, deadline
        self.liveliness = LivelinessPolicy(liveliness)
        self.liveliness_lease_duration = liveliness_lease_duration
        self.avoid_ros_namespace_conventions = avoid_ros_namespace_conventions

    def __eq__(self, other: object) -> bool:
        """Compare all policies."""
        if not isinstance(other, QoSProfile):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show all policies."""
        shown = ', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)
        return f'QoSProfile({shown})'

    @classmethod
    def _of(cls, qos: transport.Qos) -> QoSProfile:
        """Return the profile of an endpoint that was discovered."""

        def span(nanoseconds: int) -> Duration:
            return Duration(nanoseconds=nanoseconds) if nanoseconds else Infinite

        return cls(
            history=HistoryPolicy.KEEP_LAST if qos.depth else HistoryPolicy.KEEP_ALL,
            depth=qos.depth,
            reliability=ReliabilityPolicy.RELIABLE if qos.reliable
            else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if qos.transient_local
            else DurabilityPolicy.VOLATILE,
            lifespan=span(qos.lifespan_ns),
            deadline=span(qos.deadline_ns),
            liveliness=LivelinessPolicy.MANUAL_BY_TOPIC if qos.liveliness_manual
            else LivelinessPolicy.AUTOMATIC,
            liveliness_lease_duration=span(qos.lease_ns),
        )  # fmt: skip

    def _transport(self) -> transport.Qos:
        """Return what the transport needs; a depth of 0 means 1, as in DDS."""

        def nanoseconds(span: Duration) -> int:
            return 0 if span == Infinite else span.nanoseconds

        return transport.Qos(
            depth=0 if self.history == HistoryPolicy.KEEP_ALL else max(1, self.depth),
            reliable=self.reliability != ReliabilityPolicy.BEST_EFFORT,
            transient_local=self.durability == DurabilityPolicy.TRANSIENT_LOCAL,
            deadline_ns=nanoseconds(self.deadline),
            lifespan_ns=nanoseconds(self.lifespan),
            liveliness_manual=self.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC,
            lease_ns=nanoseconds(self.liveliness_lease_duration),
        )


def _profile(depth: int, **policies: Any) -> QoSProfile:  # noqa: ANN401
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, **policies)


qos_profile_default = _profile(10)
qos_profile_system_default = _profile(10)
qos_profile_sensor_data = _profile(5, reliability=ReliabilityPolicy.BEST_EFFORT)
qos_profile_services_default = _profile(10)
qos_profile_parameters = _profile(1000)
qos_profile_parameter_events = _profile(1000)
qos_profile_rosout_default = _profile(
    1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10)
)


class QoSPresetProfiles(Enum):
    """The presets by name; ``.value`` gives the profile."""

    DEFAULT = qos_profile_default
    SYSTEM_DEFAULT = qos_profile_system_default
    SENSOR_DATA = qos_profile_sensor_data
    SERVICES_DEFAULT = qos_profile_services_default
    PARAMETERS = qos_profile_parameters
    PARAMETER_EVENTS = qos_profile_parameter_events

    @staticmethod
    def get_from_short_key(name: str) -> QoSProfile:
        """Return the profile that command-line tools call ``name``."""
        return QoSPresetProfiles[name.upper()].value


def _profile_of(qos: QoSProfile | int) -> QoSProfile:
    """Return a profile; a number is the depth of the default one."""
    if isinstance(qos, QoSProfile):
        return qos
    if isinstance(qos, int) and not isinstance(qos, bool) and qos >= 0:
        return QoSProfile(depth=qos)
    raise TypeError(f'Expected QoSProfile or int, but received {type(qos)!r}')
