"""`ros2 launch claifo view.launch.py --show-args` lists the arguments."""

from claifo.graphs.ros import description


def generate_launch_description():  # noqa: ANN201 (named by ros2 launch)
    """Return the graph `view`."""
    return description('view')
