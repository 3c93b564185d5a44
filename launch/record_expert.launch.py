"""`ros2 launch claifo record_expert.launch.py --show-args` lists the arguments."""

from claifo.graphs.ros import description


def generate_launch_description():  # noqa: ANN201 (named by ros2 launch)
    """Return the graph `record_expert`."""
    return description('record_expert')
