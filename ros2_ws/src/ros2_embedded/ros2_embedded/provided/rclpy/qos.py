"""Quality of service."""

from __future__ import annotations

import warnings
from enum import Enum
from typing import Any

from rclpy._qos_compatibility import QoSCompatibility, compare
from rclpy._qos_policies import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSLivelinessPolicy,
    QoSPolicyEnum,
    QoSPolicyKind,
    QoSReliabilityPolicy,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.duration import Duration, Infinite
from ros2_embedded import transport

__all__ = [
    'DeadlineBestAvailable', 'DurabilityPolicy', 'HistoryPolicy', 'InvalidQoSProfileException',
    'LivelinessLeaseDurationeBestAvailable', 'LivelinessPolicy', 'QoSCompatibility',
    'QoSDurabilityPolicy', 'QoSHistoryPolicy', 'QoSLivelinessPolicy', 'QoSPolicyEnum',
    'QoSPolicyKind', 'QoSPresetProfiles', 'QoSProfile', 'QoSReliabilityPolicy',
    'ReliabilityPolicy', 'qos_check_compatible', 'qos_policy_name_from_kind',
    'qos_profile_action_status_default', 'qos_profile_best_available', 'qos_profile_default',
    'qos_profile_parameter_events', 'qos_profile_parameters', 'qos_profile_sensor_data',
    'qos_profile_services_default', 'qos_profile_system_default', 'qos_profile_unknown',
]  # fmt: skip


class InvalidQoSProfileException(Exception):
    """A profile that contradicts itself."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401
        """Say how."""
        super().__init__('Invalid QoSProfile', *args)


_DEFAULTS: dict[str, Any] = {
    'history': HistoryPolicy.KEEP_LAST, 'depth': 10, 'reliability': ReliabilityPolicy.RELIABLE,
    'durability': DurabilityPolicy.VOLATILE, 'lifespan': Duration(), 'deadline': Duration(),
    'liveliness': LivelinessPolicy.SYSTEM_DEFAULT, 'liveliness_lease_duration': Duration(),
    'avoid_ros_namespace_conventions': False,
}  # fmt: skip


def _policy(name: str, kind: type) -> Any:  # noqa: ANN401 (a property)
    """Return the property for a policy, which takes values of its kind only."""
    accepted = int if issubclass(kind, int) and kind is not bool else kind

    def change(profile: QoSProfile, value: Any) -> None:  # noqa: ANN401
        assert isinstance(value, accepted), f'{name} must be a {kind.__name__}, not {value!r}'
        if name == 'depth' and value == 0 and profile.history == HistoryPolicy.KEEP_LAST:
            warnings.warn("A zero depth with KEEP_LAST doesn't make sense; it is taken for "
                          'SYSTEM_DEFAULT', stacklevel=3)  # fmt: skip
        setattr(profile, f'_{name}', kind(value) if issubclass(kind, QoSPolicyEnum) else value)

    return property(lambda profile: getattr(profile, f'_{name}'), change)


class QoSProfile:
    """How messages of a topic are delivered."""

    __slots__ = tuple(f'_{name}' for name in _DEFAULTS)
    history = _policy('history', HistoryPolicy)
    depth = _policy('depth', int)
    reliability = _policy('reliability', ReliabilityPolicy)
    durability = _policy('durability', DurabilityPolicy)
    lifespan = _policy('lifespan', Duration)
    deadline = _policy('deadline', Duration)
    liveliness = _policy('liveliness', LivelinessPolicy)
    liveliness_lease_duration = _policy('liveliness_lease_duration', Duration)
    avoid_ros_namespace_conventions = _policy('avoid_ros_namespace_conventions', bool)

    def __init__(self, **policies: Any) -> None:  # noqa: ANN401
        """Set the policies; spans of 0 are not specified.

        Args:
            policies: ``history``, ``depth``, ``reliability``, ``durability``, ``lifespan``,
                ``deadline``, ``liveliness``, ``liveliness_lease_duration``,
                ``avoid_ros_namespace_conventions``.

        Raises:
            AssertionError: There is no such policy, or its value is of another type.
            InvalidQoSProfileException: History or depth are missing.
        """
        unknown = policies.keys() - _DEFAULTS.keys()
        assert not unknown, f'Invalid arguments passed to constructor: {unknown}'
        if 'history' not in policies:
            if 'depth' not in policies:
                raise InvalidQoSProfileException('History and/or depth settings are required.')
            policies['history'] = HistoryPolicy.KEEP_LAST
        if policies['history'] == HistoryPolicy.KEEP_LAST and 'depth' not in policies:
            raise InvalidQoSProfileException(
                'History set to KEEP_LAST without a depth setting.'
            )
        for name, default in _DEFAULTS.items():
            setattr(self, name, policies.get(name, default))

    def __eq__(self, other: object) -> bool:
        """Compare all policies."""
        if not isinstance(other, QoSProfile):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        """Show all policies."""
        shown = ', '.join(f'{name[1:]}={getattr(self, name)}' for name in self.__slots__)
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

    @property
    def _best_available(self) -> bool:
        return (self.reliability == ReliabilityPolicy.BEST_AVAILABLE
                or self.durability == DurabilityPolicy.BEST_AVAILABLE)  # fmt: skip

    def _transport(self) -> transport.Qos:
        """Return what the transport needs; a depth of 0 means 1, as in DDS."""

        def nanoseconds(span: Duration) -> int:
            return 0 if span in (Infinite, DeadlineBestAvailable) else span.nanoseconds

        return transport.Qos(
            depth=0 if self.history == HistoryPolicy.KEEP_ALL else max(1, self.depth),
            reliable=self.reliability != ReliabilityPolicy.BEST_EFFORT,
            transient_local=self.durability
            in (DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.BEST_AVAILABLE),
            deadline_ns=nanoseconds(self.deadline),
            lifespan_ns=nanoseconds(self.lifespan),
            liveliness_manual=self.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC,
            lease_ns=nanoseconds(self.liveliness_lease_duration),
        )


DeadlineBestAvailable = Duration(nanoseconds=Infinite.nanoseconds - 1)
LivelinessLeaseDurationeBestAvailable = DeadlineBestAvailable
_UNKNOWN = {
    'history': HistoryPolicy.UNKNOWN, 'depth': 0, 'reliability': ReliabilityPolicy.UNKNOWN,
    'durability': DurabilityPolicy.UNKNOWN, 'liveliness': LivelinessPolicy.UNKNOWN,
}  # fmt: skip
qos_profile_unknown = QoSProfile(**_UNKNOWN)
qos_profile_default = QoSProfile(depth=10)
qos_profile_system_default = QoSProfile(
    history=HistoryPolicy.SYSTEM_DEFAULT, depth=0, reliability=ReliabilityPolicy.SYSTEM_DEFAULT,
    durability=DurabilityPolicy.SYSTEM_DEFAULT,
)
qos_profile_sensor_data = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
qos_profile_services_default = QoSProfile(depth=10)
qos_profile_parameters = QoSProfile(depth=1000)
qos_profile_parameter_events = QoSProfile(depth=1000)
qos_profile_best_available = QoSProfile(
    depth=10, reliability=ReliabilityPolicy.BEST_AVAILABLE,
    durability=DurabilityPolicy.BEST_AVAILABLE, deadline=DeadlineBestAvailable,
    liveliness=LivelinessPolicy.BEST_AVAILABLE,
    liveliness_lease_duration=LivelinessLeaseDurationeBestAvailable,
)  # fmt: skip
qos_profile_action_status_default = QoSProfile(
    depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
_qos_profile_rosout = QoSProfile(
    depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10)
)


class QoSPresetProfiles(Enum):
    """The presets by name; ``.value`` gives the profile."""

    UNKNOWN = qos_profile_unknown
    DEFAULT = qos_profile_default
    SYSTEM_DEFAULT = qos_profile_system_default
    SENSOR_DATA = qos_profile_sensor_data
    SERVICES_DEFAULT = qos_profile_services_default
    PARAMETERS = qos_profile_parameters
    PARAMETER_EVENTS = qos_profile_parameter_events
    ACTION_STATUS_DEFAULT = qos_profile_action_status_default
    BEST_AVAILABLE = qos_profile_best_available

    @classmethod
    def short_keys(cls) -> list[str]:
        """Return what command-line tools call the profiles."""
        return [name.lower() for name in cls.__members__]

    @classmethod
    def get_from_short_key(cls, name: str) -> QoSProfile:
        """Return the profile that command-line tools call ``name``."""
        return cls[name.upper()].value


def qos_check_compatible(
    publisher_qos: QoSProfile, subscription_qos: QoSProfile
) -> tuple[QoSCompatibility, str]:
    """Return whether a subscription can hear a publisher, and why it cannot, or may not."""
    return compare(publisher_qos, subscription_qos)


def _profile_of(qos: QoSProfile | int) -> QoSProfile:
    """Return a profile; a number is the depth of the default one."""
    if isinstance(qos, QoSProfile):
        return qos
    if isinstance(qos, int) and not isinstance(qos, bool):
        if qos < 0:
            raise ValueError('history depth must be greater than or equal to zero')
        return QoSProfile(depth=qos)
    raise TypeError(f'Expected QoSProfile or int, but received {type(qos)!r}')
