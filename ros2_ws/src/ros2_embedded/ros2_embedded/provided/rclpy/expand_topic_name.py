"""Making names absolute."""

from rclpy import _names
from rclpy._rclpy_pybind11 import RCLError
from rclpy.exceptions import NameValidationException


def expand_topic_name(topic_name: str, node_name: str, node_namespace: str) -> str:
    """Return the absolute name of a topic that a node names.

    Raises:
        ValueError: A name is not allowed, or has a substitution that is not known.
    """
    try:
        _names.node_name(node_name)
        _names.namespace(node_namespace)
        return _names.expand(topic_name, node_name, node_namespace)
    except (NameValidationException, RCLError) as error:
        raise ValueError(f'failed to expand topic name: {error}') from None
