"""What follows --ros-args on a command line: remaps, parameters, log levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rclpy import _names
from rclpy.impl.logging_severity import LoggingSeverity


class UnknownROSArgsError(RuntimeError):
    """An argument after --ros-args that is not known, or cannot be read."""


@dataclass(frozen=True)
class Rule:
    """One remap: ``node:from:=to``; an empty node means all nodes."""

    node: str
    source: str
    target: str


@dataclass(frozen=True)
class Arguments:
    """The ROS arguments of a program.

    Attributes:
        rules: Remaps in the order given; the first that fits counts.
        parameters: (pattern of node names, parameter, value) in the order given; the last counts.
        log_levels: (logger, level); '' is the root.
        enclave: Name of the security enclave.
        rosout: Whether nodes publish their log on /rosout.
    """

    rules: tuple[Rule, ...] = ()
    parameters: tuple[tuple[str, str, Any], ...] = ()
    log_levels: tuple[tuple[str, LoggingSeverity], ...] = ()
    enclave: str = '/'
    rosout: bool = True

    def node_name(self, name: str) -> str:
        """Return the name of a node after remapping."""
        return self._special('__node', name, name)

    def namespace(self, namespace: str, name: str) -> str:
        """Return the namespace of a node after remapping."""
        return self._special('__ns', namespace, name)

    def _special(self, key: str, value: str, name: str) -> str:
        found = (r.target for r in self.rules if r.source == key and r.node in ('', name))
        return next(found, value)

    def remap(self, full: str, node: str, namespace: str) -> str:
        """Return the absolute name of a topic or service after remapping.

        Args:
            full: Its absolute name before.
            node: Name of the node.
            namespace: Its namespace.
        """
        for rule in self.rules:
            if rule.node in ('', node) and not rule.source.startswith('__'):
                if _names.expand(rule.source, node, namespace) == full:
                    return _names.expand(rule.target, node, namespace)
        return full

    def overrides(self, node: str, namespace: str) -> dict[str, Any]:
        """Return the parameters given to a node."""
        full = f'{namespace.rstrip("/")}/{node}'
        return {name: value for pattern, name, value in self.parameters if _fits(pattern, full)}


def _fits(pattern: str, full: str) -> bool:
    """Return whether a pattern of a parameter file (``*`` one name, ``**`` any) fits a node."""
    parts = ['.*' if p == '**' else '[^/]*' if p == '*' else re.escape(p)
             for p in pattern.strip('/').split('/')]  # fmt: skip
    expression = '/'.join(parts).replace('.*/', '(.*/)?')
    return re.fullmatch(expression, full.strip('/')) is not None


def parse(argv: Sequence[str]) -> tuple[Arguments, list[str]]:
    """Separate the ROS arguments of a command line from the rest.

    Raises:
        UnknownROSArgsError: A ROS argument is not known, or its value cannot be read.
    """
    found, rest = _Found(), []
    words = iter(argv)
    for word in words:
        if word == '--ros-args':
            _parse_section(words, found)
        else:
            rest.append(word)
    return Arguments(
        tuple(found.rules), tuple(found.parameters), tuple(found.levels), found.enclave,
        found.rosout,
    ), rest  # fmt: skip


@dataclass
class _Found:
    rules: list[Rule] = field(default_factory=list)
    parameters: list[tuple[str, str, Any]] = field(default_factory=list)
    levels: list[tuple[str, LoggingSeverity]] = field(default_factory=list)
    enclave: str = '/'
    rosout: bool = True


_SWITCHES = {
    f'--{what}-{kind}-logs'
    for what in ('enable', 'disable') for kind in ('stdout', 'external-lib', 'rosout')
}  # fmt: skip


def _parse_section(words: Iterator[str], found: _Found) -> None:
    """Read the words up to ``--`` or to the end."""
    for word in words:
        if word == '--':
            return
        if word in _SWITCHES:
            if word.endswith('rosout-logs'):
                found.rosout = word.startswith('--enable')
            continue
        take = _TAKES.get(word)
        if take is None:
            raise UnknownROSArgsError(f'unknown ROS argument {word!r} after --ros-args')
        value = next(words, None)
        if value is None:
            raise UnknownROSArgsError(f'ROS argument {word} needs a value')
        take(value, found)


def _split(value: str, what: str) -> tuple[str, str]:
    left, mark, right = value.partition(':=')
    if not mark or not left or not right:
        raise UnknownROSArgsError(f'{what} {value!r} must have the form name:=value')
    return left, right


def _take_remap(value: str, found: _Found) -> None:
    source, target = _split(value, 'remap')
    node, _, source = source.rpartition(':')
    found.rules.append(Rule(node, source, target))


def _take_parameter(value: str, found: _Found) -> None:
    name, text = _split(value, 'parameter')
    node, _, name = name.rpartition(':')
    found.parameters.append((f'/**/{node}' if node else '/**', name, _read(text, value)))


def _read(text: str, what: str) -> Any:  # noqa: ANN401 (any YAML value)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnknownROSArgsError(f'{what}: not YAML: {" ".join(str(error).split())}') from None


def _take_file(value: str, found: _Found) -> None:
    try:
        content = _read(Path(value).read_text(), value)
    except OSError as error:
        raise UnknownROSArgsError(f'{value}: parameter file: {error.strerror}') from None
    if not isinstance(content, dict):
        raise UnknownROSArgsError(f'{value}: a mapping of node names to parameters is needed')
    _take_nodes(value, '', content, found)


def _take_nodes(file: str, prefix: str, content: dict[str, Any], found: _Found) -> None:
    for name, inner in content.items():
        if not isinstance(inner, dict):
            raise UnknownROSArgsError(f'{file}: {name} must hold ros__parameters')
        path = f'{prefix}/{str(name).strip("/")}'
        for key, value in _flat(inner.get('ros__parameters') or {}, ''):
            found.parameters.append((path, key, value))
        nested = {k: v for k, v in inner.items() if k != 'ros__parameters'}
        _take_nodes(file, path, nested, found)


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


def _take_level(value: str, found: _Found) -> None:
    name, mark, level = value.rpartition(':=')
    if level.upper() not in LoggingSeverity.__members__:
        known = ', '.join(s.name for s in LoggingSeverity)
        raise UnknownROSArgsError(f'log level {level!r} is not one of {known}')
    found.levels.append((name if mark else '', LoggingSeverity[level.upper()]))


def _take_enclave(value: str, found: _Found) -> None:
    found.enclave = value


_TAKES = {
    '-r': _take_remap, '--remap': _take_remap, '-p': _take_parameter, '--param': _take_parameter,
    '--params-file': _take_file, '--log-level': _take_level,
    '-e': _take_enclave, '--enclave': _take_enclave,
}  # fmt: skip
