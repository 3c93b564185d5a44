"""Names of nodes, topics, services and parameters: what is allowed, and how they expand."""

from __future__ import annotations

import re

from rclpy._rclpy_pybind11 import RCLError
from rclpy.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidParameterException,
    InvalidServiceNameException,
    InvalidTopicNameException,
    NameValidationException,
)

_MAX = 255
_TOKEN = r'[A-Za-z_][A-Za-z0-9_]*'
_NODE = re.compile(r'[A-Za-z0-9_]')
_BRACES = re.compile(r'\{([^{}]*)\}')
_TOPIC = re.compile(r'[A-Za-z0-9_/~{}]')


def _first_wrong(name: str, allowed: re.Pattern[str]) -> int | None:
    return next((i for i, c in enumerate(name) if not allowed.match(c)), None)


def node_name(name: str) -> None:
    """Check the name of a node.

    Raises:
        InvalidNodeNameException: It is empty, too long, or holds a character that is not allowed.
    """
    wrong = _first_wrong(name, _NODE)
    if not name:
        raise InvalidNodeNameException(name, 'node name must not be empty', 0)
    if wrong is not None:
        raise InvalidNodeNameException(
            name, "node name must not contain characters other than alphanumerics or '_'", wrong
        )
    if name[0].isdigit():
        raise InvalidNodeNameException(name, 'node name must not start with a number', 0)
    if len(name) > _MAX:
        raise InvalidNodeNameException(name, f'node name must not be longer than {_MAX}', _MAX)


def _problem(name: str, what: str) -> tuple[str, int] | None:
    """Return what is wrong with a topic or service name that may be relative, and where."""
    if not name:
        return f'{what} must not be empty', 0
    wrong = _first_wrong(name, _TOPIC)
    if wrong is not None:
        allowed = "alphanumerics, '_', '~', or '/'"
        return f'{what} must not contain characters other than {allowed}', wrong
    if name.endswith('/') and name != '/':
        return f'{what} must not end with a forward slash', len(name) - 1
    if '//' in name:
        return f'{what} must not contain repeated forward slashes', name.index('//') + 1
    if '~' in name[1:]:
        return f'{what} must not have a tilde other than at the start', name.index('~', 1)
    if name.startswith('~') and len(name) > 1 and name[1] != '/':
        return f'{what} must have a forward slash after a leading tilde', 1
    digit = re.search(r'(^|/)(\d)', name)
    if digit:
        return f'{what} token must not start with a number', digit.start(2)
    return _brace_problem(name, what)


def _brace_problem(name: str, what: str) -> tuple[str, int] | None:
    for match in _BRACES.finditer(name):
        inner, at = match[1], match.start(1)
        if '/' in inner or '~' in inner or not inner:
            return 'substitution name must only contain alphanumerics and underscores', at
        if inner[0].isdigit():
            return 'substitution name must not start with a number', at
    odd = re.search('[{}]', _BRACES.sub(lambda m: '_' * len(m[0]), name))
    return (f'{what} must not have unmatched curly braces', odd.start()) if odd else None


def namespace(name: str) -> None:
    """Check a namespace.

    Raises:
        InvalidNamespaceException: It is not absolute, or not allowed.
    """
    if not name:
        raise InvalidNamespaceException(name, 'namespace must not be empty', 0)
    if not name.startswith('/'):
        raise InvalidNamespaceException(name, 'namespace must be absolute, it must lead by /', 0)
    found = None if name == '/' else _problem(name, 'namespace')
    if found:
        raise InvalidNamespaceException(name, *found)


def topic(name: str, is_service: bool = False) -> None:
    """Check the name of a topic or service, which may be relative or private.

    Raises:
        InvalidTopicNameException: It is not allowed.
        InvalidServiceNameException: It is not allowed.
    """
    found = _problem(name, 'service name' if is_service else 'topic name')
    if found:
        raise (InvalidServiceNameException if is_service else InvalidTopicNameException)(
            name, *found
        )


def full_topic(name: str, is_service: bool = False) -> None:
    """Check a name that must be absolute; raises as :func:`topic`."""
    topic(name, is_service)
    if not name.startswith('/'):
        kind = InvalidServiceNameException if is_service else InvalidTopicNameException
        raise kind(name, 'name must be absolute, it must lead with a /', 0)


def parameter(name: str) -> None:
    """Check the name of a parameter.

    Raises:
        InvalidParameterException: It is empty.
    """
    if not name:
        raise InvalidParameterException(name)


def expand(name: str, node: str, space: str, is_service: bool = False) -> str:
    """Return the absolute name of a topic or service.

    Args:
        name: Absolute (``/a``), relative (``a``) or private (``~/a``).
        node: Name of the node.
        space: Its namespace.
        is_service: Whether the name is that of a service.

    Raises:
        NameValidationException: The name is not allowed.
        RCLError: It has a substitution that is not known.
    """
    topic(name, is_service)
    root = space.rstrip('/')
    if name.startswith('~'):
        name = f'{root}/{node}{name[1:]}'
    known = {'node': node, 'ns': space, 'namespace': space}
    for match in _BRACES.finditer(name):
        if match[1] not in known:
            raise RCLError(f'failed to resolve name {name}: unknown substitution: {match[0]}')
    name = _BRACES.sub(lambda match: known[match[1]], name)
    return name if name.startswith('/') else f'{root}/{name}'


__all__ = ['NameValidationException', 'expand', 'full_topic', 'namespace', 'node_name', 'topic']
