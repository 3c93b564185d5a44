"""Serves `rclpy`, `cv_bridge` and the message packages where Python finds none."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import sys
import types as python_types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ros2_embedded import messages, types

_PROVIDED = str(Path(__file__).parent / 'provided')
_PACKAGES = ('rclpy', 'cv_bridge', 'rosidl_parser')
_KINDS = {'msg': messages.message_class, 'srv': messages.service_class}


class _Loader(importlib.abc.Loader):
    """Makes an interface package, or its ``msg`` or ``srv``, from definitions."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Let Python make an empty module."""

    def exec_module(self, module: python_types.ModuleType) -> None:
        """Let the module find its classes when they are asked for."""
        package, _, kind = module.__name__.partition('.')
        if kind:
            module.__getattr__ = functools.partial(_class, package, kind)  # type: ignore[method-assign]
            module.__dir__ = functools.partial(types.names, package, kind)  # type: ignore[method-assign]


@functools.lru_cache(None)
def _class(package: str, kind: str, name: str) -> Any:  # noqa: ANN401 (message or service)
    """Return a class of an interface package.

    Raises:
        AttributeError: There is none; `import` makes an ImportError of it.
    """
    if name not in types.names(package, kind):
        raise AttributeError(f'module {package}.{kind} has no attribute {name!r}')
    return _KINDS[kind](f'{package}/{kind}/{name}')


class Finder(importlib.abc.MetaPathFinder):
    """The last on ``sys.meta_path``: whatever is installed wins."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: python_types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Return what is provided under the name, if anything.

        Raises:
            ModuleNotFoundError: It is a part of `rclpy`, `cv_bridge` or `rosidl_parser` that is
                not provided.
        """
        if fullname in _PACKAGES:
            return importlib.machinery.PathFinder.find_spec(fullname, [_PROVIDED])
        package, _, kind = fullname.partition('.')
        if package in _PACKAGES:
            message = f'ros2_embedded has no {fullname}; it needs ROS 2 itself'
            raise ModuleNotFoundError(message, name=fullname)
        if package not in types.packages() or (kind and not types.names(package, kind)):
            return None
        return importlib.machinery.ModuleSpec(
            fullname, _Loader(), origin='ros2_embedded', is_package=not kind
        )


def install(interfaces: Sequence[Path] = ()) -> None:
    """Provide `rclpy` and messages; see :func:`ros2_embedded.install`."""
    for folder in interfaces:
        types.add_package(Path(folder))
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
