"""`ros2 launch claifo replay_expert.launch.py --show-args` lists the arguments."""

from claifo.graphs.ros import description


def generate_launch_description():  # noqa: ANN201 (named by ros2 launch)
    """Return the graph `replay_expert`."""
    return description('replay_expert')
