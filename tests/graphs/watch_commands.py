"""Prints the commands that reach a robot, one JSON list a line; run where the robot is."""

from __future__ import annotations

import importlib
import json
import time

importlib.import_module('claifo_nodes')  # provides rclpy where ROS 2 is absent
rclpy = importlib.import_module('rclpy')
Float64MultiArray = importlib.import_module('std_msgs.msg').Float64MultiArray

PATIENCE_S = 180.0

if __name__ == '__main__':
    rclpy.init()
    node = rclpy.create_node('watcher')
    node.create_subscription(
        Float64MultiArray, '/commands',
        lambda message: print(json.dumps(list(message.data)), flush=True), 100,
    )  # fmt: skip
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.1)
