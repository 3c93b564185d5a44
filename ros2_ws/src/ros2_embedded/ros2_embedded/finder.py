"""Serves `rclpy`, `cv_bridge` and the message packages where Python finds none."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types as python_types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ros2_embedded import messages, types

_PROVIDED = str(Path(__file__).parent / 'provided')
_KINDS = ('msg', 'srv')


class _Loader(importlib.abc.Loader):
    """Makes an interface package, or its ``msg`` or ``srv``, from definitions."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Let Python make an empty module."""

    def exec_module(self, module: python_types.ModuleType) -> None:
        """Let the module find its classes when they are asked for."""
        package, _, kind = module.__name__.partition('.')
        if kind:
            module.__getattr__ = _Classes(package, kind)  # type: ignore[method-assign]


class _Classes:
    """Finds message or service classes of one package by name."""

    def __init__(self, package: str, kind: str) -> None:
        self._prefix, self._kind = f'{package}/{kind}/', kind

    def __call__(self, name: str) -> Any:  # noqa: ANN401
        typename = self._prefix + name
        if self._kind == 'msg' and types.exists(typename):
            return messages.message_class(typename)
        if self._kind == 'srv' and types.exists(f'{typename}_Request'):
            return messages.service_class(typename)
        raise AttributeError(f'there is no {typename}')


class Finder(importlib.abc.MetaPathFinder):
    """The last on ``sys.meta_path``: whatever is installed wins."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: python_types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Return what is provided under the name, if anything."""
        if fullname in ('rclpy', 'cv_bridge'):
            return importlib.machinery.PathFinder.find_spec(fullname, [_PROVIDED])
        package, _, kind = fullname.partition('.')
        if package in types.packages() and kind in ('', *_KINDS):
            return importlib.machinery.ModuleSpec(fullname, _Loader(), is_package=not kind)
        return None


def install(interfaces: Sequence[Path] = ()) -> None:
    """Provide `rclpy` and messages, unless ROS 2 is there; see :func:`ros2_embedded.install`."""
    present = any(isinstance(finder, Finder) for finder in sys.meta_path)
    ros = None if present else importlib.util.find_spec('rclpy')
    if ros is not None:
        _check(str(ros.origin), ['sensor_msgs', *(folder.name for folder in interfaces)])
        return
    for folder in interfaces:
        types.add_package(folder)
    if not present:
        sys.meta_path.append(Finder())


def _check(origin: str, packages: Sequence[str]) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f'ROS 2 is only half set up: rclpy is at {origin}, but {package} is not found; '
                'source ROS 2 and then the workspace: cd ros2_ws && colcon build && '
                '. install/setup.bash'
            )
