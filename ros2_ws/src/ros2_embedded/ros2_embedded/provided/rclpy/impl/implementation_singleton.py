"""Where rclpy keeps its compiled part; here, what users take from it."""

from rclpy import _rclpy_pybind11 as rclpy_implementation

__all__ = ['rclpy_implementation']
