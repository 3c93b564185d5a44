"""ROS 2 nodes where there is no ROS 2: `rclpy`, messages and `cv_bridge` over Cyclone DDS.

::

    import ros2_embedded
    ros2_embedded.install()
    import rclpy  # the real one where ROS 2 is sourced, else ours
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

_PROVIDED = Path(__file__).parent / 'provided'


def install(interfaces: Sequence[Path] = ()) -> None:
    """Let Python find `rclpy` and the message packages.

    Where ROS 2 is sourced, it is used and nothing is installed. More calls add interfaces.

    Args:
        interfaces: Folders of interface packages of your own, with ``msg/`` and ``srv/``.

    Raises:
        ImportError: ROS 2 is found in part only, or a folder on Python's path hides a package.
        InterfaceError: A definition cannot be read.
    """
    names = ('rclpy', 'sensor_msgs', *(Path(folder).name for folder in interfaces))
    origins = {name: _origin(name) for name in names}
    if origins['rclpy']:
        _check_complete(origins)
        return
    if origins['sensor_msgs']:
        raise ImportError(
            f'ROS 2 is only half set up: sensor_msgs is at {origins["sensor_msgs"]}, but rclpy is '
            'not found; source ROS 2 completely, or not at all'
        )
    # Imported only here: where ROS 2 is, nothing else is needed.
    from ros2_embedded import finder

    finder.install(interfaces)


def _origin(name: str) -> str:
    """Return where Python finds a package other than ours; empty if nowhere.

    Raises:
        ImportError: A mere folder of that name would be imported instead of a package.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or _is_ours(spec.origin):
        return ''
    if spec.origin is None:
        found = ', '.join(_locations(spec.submodule_search_locations))
        raise ImportError(
            f'{found} is a folder on the path of Python and hides the package {name}; '
            'start Python in another folder, or take its parent off PYTHONPATH'
        )
    return spec.origin


def _locations(found: Iterable[str] | None) -> list[str]:
    return list(found or ())


def _is_ours(origin: str | None) -> bool:
    return origin is not None and (origin == 'ros2_embedded' or _PROVIDED in Path(origin).parents)


def _check_complete(origins: dict[str, str]) -> None:
    for name, origin in origins.items():
        if not origin:
            raise ImportError(
                f'ROS 2 is only half set up: rclpy is at {origins["rclpy"]}, but {name} is not '
                'found; source ROS 2 and the workspace: cd ros2_ws && colcon build && '
                '. install/setup.bash'
            )


__all__ = ['install']
