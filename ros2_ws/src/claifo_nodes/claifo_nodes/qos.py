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
JOINTS = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Several publishers: none pushes out what another has just told."""
STOP = (
    QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT),
    QoSProfile(depth=100, durability=_LATCHED),
)
"""Two ends that together hear whoever presses: the first all, the second also what was pressed
before. Deep: a press is not pushed out by what follows it."""
CAMERA = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""The newest picture wins."""
FILM = QoSProfile(depth=1000)
"""A film is to be recorded whole."""
