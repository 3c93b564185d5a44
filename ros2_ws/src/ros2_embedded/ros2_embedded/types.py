"""The interface types: definitions of messages and services, by name.

`rosbags` is the type system and knows the messages of every ROS 2 release, but no services: those
come from the texts in ``interfaces/``. Packages of an application are added by
:func:`add_package`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

DISTRO = os.environ.get('ROS_DISTRO', 'jazzy')
"""The release whose definitions and wire conventions are spoken."""

_HASHLESS = ('foxy', 'galactic', 'humble')
_EMPTY = 'uint8 structure_needs_at_least_one_member'
_INTERFACES = Path(__file__).parent / 'interfaces'


def _store() -> Any:  # noqa: ANN401 (rosbags' Typestore)
    name = f'ROS2_{DISTRO.upper()}'
    if name not in Stores.__members__:
        raise ValueError(f'ROS_DISTRO is {DISTRO!r}; its definitions are not known')
    return get_typestore(Stores[name])


STORE = _store()


class InterfaceError(Exception):
    """An interface definition that cannot be read, in one line that names the file."""


def add_package(folder: Path) -> None:
    """Make the messages and services of an interface package known.

    Args:
        folder: Holds ``msg/*.msg`` and ``srv/*.srv``; its name is the name of the package.

    Raises:
        InterfaceError: A definition cannot be parsed, or names an unknown type.
    """
    found: dict[str, Any] = {}
    for path in sorted((*folder.glob('msg/*.msg'), *folder.glob('srv/*.srv'))):
        found |= _parse(path, folder.name)
    try:
        STORE.register(found)
    except TypesysError as error:
        raise InterfaceError(f'{folder}: {" ".join(str(error).split())}') from None
    for name, (_, fields) in found.items():
        _check_known(folder, name, fields)


def _parse(path: Path, package: str) -> dict[str, Any]:
    try:
        if path.suffix == '.msg':
            return get_types_from_msg(path.read_text(), f'{package}/msg/{path.stem}')
        return _parse_service(path, package)
    except TypesysError as error:
        reason = ' '.join(str(error).split())
        raise InterfaceError(f'{path}: not a definition: {reason}') from None


def _parse_service(path: Path, package: str) -> dict[str, Any]:
    found = {}
    for part, text in zip(('Request', 'Response'), _halves(path.read_text()), strict=True):
        # rosbags parses messages only, and would rename what stands under srv/.
        name = f'{path.stem}_{part}'
        parsed = get_types_from_msg(text if _has_fields(text) else _EMPTY, f'{package}/msg/{name}')
        found[f'{package}/srv/{name}'] = parsed[f'{package}/msg/{name}']
    return found


def _halves(text: str) -> tuple[str, str]:
    request, _, response = f'\n{text}'.partition('\n---')
    return request, response


def _has_fields(text: str) -> bool:
    lines = (line.partition('#')[0].strip() for line in text.splitlines())
    return any(line and '=' not in line for line in lines)


def _check_known(folder: Path, name: str, fields: Any) -> None:  # noqa: ANN401 (of rosbags)
    for field, description in fields:
        for used in _named(description):
            if used not in STORE.fielddefs:
                raise InterfaceError(f'{folder}: {name}.{field} is of the unknown type {used}')


def _named(description: Any) -> list[str]:  # noqa: ANN401 (of rosbags)
    """Return the message types in a field's description."""
    kind, argument = description
    if kind.name == 'NAME':
        return [argument]
    return [] if kind.name == 'BASE' else _named(argument[0])


def fields(typename: str) -> list[tuple[str, Any]]:
    """Return the fields of a type, with descriptions in the form of rosbags."""
    return list(STORE.fielddefs[typename][1])


def constants(typename: str) -> dict[str, Any]:
    """Return the constants of a type by name."""
    return {name: value for name, _, value in STORE.fielddefs[typename][0]}


def packages() -> set[str]:
    """Return the names of all known interface packages."""
    return {name.partition('/')[0] for name in STORE.fielddefs}


def exists(typename: str) -> bool:
    """Return whether a type is known, for example ``std_msgs/msg/String``."""
    return typename in STORE.fielddefs


def type_hash(typename: str) -> str:
    """Return the RIHS01 hash of a type; empty for releases that have none (before iron)."""
    return '' if DISTRO in _HASHLESS else STORE.hash_rihs01(typename)


def mangled(typename: str) -> str:
    """Return the name on the wire: ``sensor_msgs::msg::dds_::Image_``."""
    package, kind, name = typename.split('/')
    return f'{package}::{kind}::dds_::{name}_'


for _package in sorted(_INTERFACES.iterdir()):
    add_package(_package)
