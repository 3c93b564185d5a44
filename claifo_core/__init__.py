"""The learning: networks, losses, replay and the loop; knows no ROS and no simulator."""

from claifo_core.device import runtime

runtime.prepare_process()
