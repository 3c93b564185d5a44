"""`ros2 launch claifo deploy_policy.launch.py --show-args` lists the arguments."""

from claifo.graphs.ros import description


def generate_launch_description():  # noqa: ANN201 (named by ros2 launch)
    """Return the graph `deploy_policy`."""
    return description('deploy_policy')
