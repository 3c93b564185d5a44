"""Parts of rclpy that have a name but are not for direct use."""
