"""`ros2 launch claifo train_sim.launch.py --show-args` lists the arguments."""

from claifo.graphs.ros import description


def generate_launch_description():  # noqa: ANN201 (named by ros2 launch)
    """Return the graph `train_sim`."""
    return description('train_sim')
