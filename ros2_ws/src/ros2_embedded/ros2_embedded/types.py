"""The interface types: definitions of messages and services, by name.

`rosbags` is the type system and knows the messages of every ROS 2 release, but no services: those
come from the texts in ``interfaces/``. Packages of an application are added by
:func:`add_package`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

DISTRO = os.environ.get('ROS_DISTRO') or 'jazzy'
"""The release whose definitions and wire conventions are spoken."""

PLACEHOLDER = 'structure_needs_at_least_one_member'
"""The field that messages without fields have on the wire, and nowhere else."""

_HASHLESS = ('foxy', 'galactic', 'humble')
_INTERFACES = Path(__file__).parent / 'interfaces'
# A type, a name, and a default value: neither a constant nor a comment.
_QUOTED = re.compile(r'(["\'])((?:\\.|(?!\1).)*)\1\s*(?:#|$)')
_CONVERT: dict[str, Callable[[Any], Any]] = {
    'float32': float, 'float64': float, 'byte': lambda value: bytes((value,)),
}  # fmt: skip
_DEFAULT = re.compile(r'\s*([^#\s]\S*)\s+(\w+)\s+([^#=\s].*)')


class InterfaceError(Exception):
    """An interface definition that cannot be read, in one line that names the file."""


def _store() -> Any:  # noqa: ANN401 (rosbags' Typestore)
    name = f'ROS2_{DISTRO.upper()}'
    if name not in Stores.__members__:
        known = ', '.join(n[5:].lower() for n in Stores.__members__ if n.startswith('ROS2_'))
        raise InterfaceError(f'ROS_DISTRO is {DISTRO!r}, which is not known; use {known}')
    return get_typestore(Stores[name])


STORE = _store()

# rosbags does not keep the default values of fields. Of the standard messages only these have
# some; the second since jazzy.
_defaults: dict[str, dict[str, Any]] = {
    'geometry_msgs/msg/Quaternion': {'x': 0.0, 'y': 0.0, 'z': 0.0, 'w': 1.0},
    'sensor_msgs/msg/NavSatStatus': {
        'status': value for name, _, value in STORE.fielddefs['sensor_msgs/msg/NavSatStatus'][0]
        if name == 'STATUS_UNKNOWN'
    },
    'rcl_interfaces/msg/ParameterDescriptor': {'read_only': False, 'dynamic_typing': False},
    'type_description_interfaces/msg/FieldType': {'type_id': 0},
}  # fmt: skip


def add_package(folder: Path) -> None:
    """Make the messages and services of an interface package known.

    Args:
        folder: Holds ``msg/*.msg`` and ``srv/*.srv``; its name is the name of the package.

    Raises:
        InterfaceError: There are none, a definition cannot be parsed, names an unknown type, or
            differs from one that is known.
    """
    paths = sorted((*folder.glob('msg/*.msg'), *folder.glob('srv/*.srv')))
    if not paths:
        raise InterfaceError(f'{folder}: has no msg/*.msg and no srv/*.srv')
    found: dict[str, Any] = {}
    special: dict[str, dict[str, Any]] = {}
    for path in paths:
        for typename, text in _texts(path, folder.name).items():
            found[typename], special[typename] = _parsed(path, typename, text)
    for typename, (_, members) in found.items():
        _check_members(folder, typename, members, found.keys() | STORE.fielddefs.keys())
    try:
        STORE.register(found)
    except TypesysError as error:
        raise InterfaceError(f'{folder}: {_line(error)}') from None
    _defaults.update(special)


def _texts(path: Path, package: str) -> dict[str, str]:
    """Return the texts of the messages in a file by typename."""
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise InterfaceError(f'{path}: cannot be read: {_line(error)}') from None
    if path.suffix == '.msg':
        return {f'{package}/msg/{path.stem}': text}
    request, separator, response = f'\n{text}'.partition('\n---')
    if not separator:
        raise InterfaceError(f'{path}: no line --- between request and response')
    name = f'{package}/srv/{path.stem}'
    return {f'{name}_Request': request, f'{name}_Response': response}


def _parsed(path: Path, typename: str, text: str) -> tuple[Any, dict[str, Any]]:
    """Return the definition of a message as rosbags has it, and the defaults of its fields."""
    if not _has_fields(text):
        text += f'\nuint8 {PLACEHOLDER}\n'
    # rosbags parses messages only, and would rename what stands under srv/.
    name = typename.replace('/srv/', '/msg/')
    try:
        return get_types_from_msg(text, name)[name], _special(text)
    except (TypesysError, yaml.YAMLError, ValueError) as error:
        raise InterfaceError(f'{path}: not a definition: {_line(error)}') from None


def _has_fields(text: str) -> bool:
    lines = (line.partition('#')[0].strip() for line in text.splitlines())
    return any(line and '=' not in line.replace('<=', '') for line in lines)


def _special(text: str) -> dict[str, Any]:
    """Return the values that fields have by default, where a definition says so."""
    given = filter(None, map(_default_in, text.splitlines()))
    return {name: _value(kind, value) for kind, name, value in given}


def _value(kind: str, text: str) -> Any:  # noqa: ANN401
    """Return the default value that a definition spells."""
    if kind.startswith('string') and not kind.endswith(']'):
        return _unquoted(text)
    value = yaml.safe_load(text)
    base = kind.partition('[')[0]
    convert = _CONVERT.get(base)
    if convert is None:
        return value
    return [convert(item) for item in value] if isinstance(value, list) else convert(value)


def _default_in(line: str) -> tuple[str, ...] | None:
    match = _DEFAULT.match(line)
    return match.groups() if match else None


def _unquoted(text: str) -> str:
    """Return a text without its quotes, if it has any; inside, a backslash stands before them."""
    if match := _QUOTED.match(text):
        quote, inner = match.groups()
        return inner.replace(f'\\{quote}', quote)
    return text.partition('#')[0].strip()


def _check_members(folder: Path, typename: str, members: Any, known: set[str]) -> None:  # noqa: ANN401
    names = [name for name, _ in members]
    for name, description in members:
        if names.count(name) > 1:
            raise InterfaceError(f'{folder}: {typename} has two fields named {name}')
        used = _nested(description)
        if used and used not in known:
            raise InterfaceError(f'{folder}: {typename}.{name} is of the unknown type {used}')


def _nested(description: Any) -> str:  # noqa: ANN401 (of rosbags)
    """Return the message type in a field's description; empty if there is none."""
    kind, argument = description
    if kind.name == 'NAME':
        return argument
    return '' if kind.name == 'BASE' else _nested(argument[0])


def _line(error: Exception) -> str:
    return ' '.join(str(error).split())


def fields(typename: str) -> list[tuple[str, Any]]:
    """Return the fields of a type, with descriptions in the form of rosbags."""
    return list(STORE.fielddefs[typename][1])


def defaults(typename: str) -> dict[str, Any]:
    """Return the default values that the definition of a type gives, by the names of fields."""
    return _defaults.get(typename, {})


def constants(typename: str) -> dict[str, Any]:
    """Return the constants of a type by name; those of the type ``byte`` are bytes."""
    return {
        name: bytes((value,)) if kind == 'byte' else value
        for name, kind, value in STORE.fielddefs[typename][0]
    }


def packages() -> set[str]:
    """Return the names of all known interface packages."""
    return {name.partition('/')[0] for name in STORE.fielddefs}


def names(package: str, kind: str) -> list[str]:
    """Return the names of a package's messages (``msg``) or services (``srv``)."""
    prefix, ending = f'{package}/{kind}/', '_Request' if kind == 'srv' else ''
    return sorted(
        name.removeprefix(prefix).removesuffix(ending)
        for name in STORE.fielddefs
        if name.startswith(prefix) and name.endswith(ending)
    )


def type_hash(typename: str) -> str:
    """Return the RIHS01 hash of a type; empty for releases that have none (before iron)."""
    return '' if DISTRO in _HASHLESS else STORE.hash_rihs01(typename)


def mangled(typename: str) -> str:
    """Return the name on the wire: ``sensor_msgs::msg::dds_::Image_``."""
    package, kind, name = typename.split('/')
    return f'{package}::{kind}::dds_::{name}_'


def _add_standard_services() -> None:
    """Register the services in ``interfaces/`` whose messages the release has."""
    for path in sorted(_INTERFACES.glob('*/srv/*.srv')):
        found = {
            typename: _parsed(path, typename, text)[0]
            for typename, text in _texts(path, path.parts[-3]).items()
        }
        nested = {_nested(kind) for _, members in found.values() for _, kind in members} - {''}
        if nested <= STORE.fielddefs.keys():
            STORE.register(found)


_add_standard_services()
