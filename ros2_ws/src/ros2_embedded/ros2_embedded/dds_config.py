"""What the environment variables of ROS 2 mean for Cyclone DDS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

MAX_DOMAIN = 232
_MAX_PARTICIPANTS = 32
_FURTHER = ('ROS_LOCALHOST_ONLY', 'ROS_STATIC_PEERS', 'CYCLONEDDS_URI')
"""Set to anything, they ask for the network: ROS_LOCALHOST_ONLY=1 has been dealt with before."""
_RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT')
# With smaller fragments, Fast DDS peers lose most large images.
_GENERAL = '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>'
# An image or the weights of a network come as one burst; what does not fit is sent again, late.
_INTERNAL = '<SocketReceiveBufferSize min="default" max="16MB"/>'
_LOOPBACK = (
    '<Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    '<AllowMulticast>false</AllowMulticast>'
)


class ConfigError(ValueError):
    """An environment variable with a value that means nothing."""


def domain_id(environment: Mapping[str, str] = os.environ) -> int:
    """Return the DDS domain that ROS_DOMAIN_ID names; 0 by default.

    Raises:
        ConfigError: It is no whole number in 0..232.
    """
    text = environment.get('ROS_DOMAIN_ID') or '0'
    if not text.isdecimal() or int(text) > MAX_DOMAIN:
        raise ConfigError(f'ROS_DOMAIN_ID is {text!r}; a whole number from 0 to {MAX_DOMAIN}')
    return int(text)


def discovery_range(environment: Mapping[str, str] = os.environ) -> str:
    """Return how far nodes look for each other: one of SUBNET, LOCALHOST, OFF, SYSTEM_DEFAULT.

    Nothing is encrypted here, so nodes stay on this machine unless a variable asks for more.

    Raises:
        ConfigError: ROS_AUTOMATIC_DISCOVERY_RANGE is none of them.
    """
    if environment.get('ROS_LOCALHOST_ONLY') == '1':
        return 'LOCALHOST'
    told = any(environment.get(name) for name in _FURTHER)
    default = 'SUBNET' if told else 'LOCALHOST'
    found = environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or default
    if found not in _RANGES:
        raise ConfigError(
            f'ROS_AUTOMATIC_DISCOVERY_RANGE is {found!r}; it must be one of {", ".join(_RANGES)}'
        )
    return found


def configuration(environment: Mapping[str, str] = os.environ) -> str:
    """Return the configuration for Cyclone DDS; CYCLONEDDS_URI comes last and so wins.

    Raises:
        ConfigError: A variable has a value that means nothing, or asks for security.
    """
    if environment.get('ROS_SECURITY_ENABLE') == 'true':
        raise ConfigError(
            'ROS_SECURITY_ENABLE is true, but ros2_embedded neither encrypts nor authenticates; '
            'use ROS 2 with SROS 2, or unset it'
        )
    scope = discovery_range(environment)
    general, discovery = _GENERAL, ''
    peers = [p for p in environment.get('ROS_STATIC_PEERS', '').split(';') if p]
    if scope == 'LOCALHOST':
        general += _LOOPBACK
        peers = ['127.0.0.1', *peers]
    if scope == 'OFF':
        general += '<AllowMulticast>false</AllowMulticast>'
        discovery += f'<Tag>ros_discovery_off_{os.getpid()}</Tag>'
    elif peers and scope != 'SYSTEM_DEFAULT':
        listed = ''.join(f'<Peer Address={quoteattr(peer)}/>' for peer in peers)
        discovery += (
            '<ParticipantIndex>auto</ParticipantIndex>'
            f'<MaxAutoParticipantIndex>{_MAX_PARTICIPANTS}</MaxAutoParticipantIndex>'
            f'<Peers>{listed}</Peers>'
        )
    own = (
        f'<CycloneDDS><Domain><General>{general}</General>'
        f'<Discovery>{discovery}</Discovery><Internal>{_INTERNAL}</Internal>'
        '</Domain></CycloneDDS>'
    )
    return ','.join(filter(None, (own, environment.get('CYCLONEDDS_URI'))))
