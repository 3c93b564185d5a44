"""The part of rosidl_parser that programs use, without ROS 2: types of fields."""
