"""How messages of each topic are delivered."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data

_LATCHED = DurabilityPolicy.TRANSIENT_LOCAL

TIME_STEP = QoSProfile(depth=8, durability=_LATCHED)
"""Whoever joins late sees the newest steps, so a policy can fill its stack of frames."""
ACTION = QoSProfile(depth=8)
BUDGET = QoSProfile(depth=1, durability=_LATCHED)
WEIGHTS = QoSProfile(depth=2, durability=_LATCHED)
"""Two: the weights asked for may be older than the newest."""
STATUS = QoSProfile(depth=1, durability=_LATCHED)
SENSOR = qos_profile_sensor_data
CAMERA = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""The newest picture wins."""
FILM = QoSProfile(depth=1000)
"""A film is to be recorded whole."""
