"""What follows --ros-args on a command line: remaps, parameters, log levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rclpy import _names, _yaml
from rclpy._rclpy_pybind11 import RCLInvalidROSArgsError, UnknownROSArgsError
from rclpy.impl.logging_severity import LoggingSeverity

_TOKEN = '[A-Za-z_][A-Za-z0-9_]*'
_SCHEMES = {'rostopic://': False, 'rosservice://': True}
# Node, scheme and name in front of `:=`.
_SOURCE = re.compile(
    rf'(?:(?!rostopic:|rosservice:)({_TOKEN}):)?(rostopic://|rosservice://)?(.+)'
)
_NAME = re.compile(rf'(?:~/|/)?{_TOKEN}(?:/{_TOKEN})*')
_NAMESPACE = re.compile(rf'/|(?:/{_TOKEN})+')
_SPECIAL = {'__node': re.compile(_TOKEN), '__name': re.compile(_TOKEN), '__ns': _NAMESPACE}


@dataclass(frozen=True)
class Rule:
    """One remap: ``node:from:=to``.

    Attributes:
        node: The node it is for; empty: all nodes.
        source: What is renamed: ``__node``, ``__ns``, or a name.
        target: What it is called instead.
        service: Whether services only are meant, or topics only; None: both.
    """

    node: str
    source: str
    target: str
    service: bool | None = None


@dataclass(frozen=True)
class Arguments:
    """The ROS arguments of a program.

    Attributes:
        rules: Remaps in the order given; the first that fits counts.
        parameters: Values by parameter, by pattern of node names; later patterns win.
        log_levels: (logger, level); '' is the root.
        enclave: Name of the security enclave.
        rosout: Whether nodes publish their log on /rosout.
        console: Whether the log is written to the console.
    """

    rules: tuple[Rule, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    log_levels: tuple[tuple[str, LoggingSeverity], ...] = ()
    enclave: str = '/'
    rosout: bool = True
    console: bool = True

    def special(self, key: str, name: str) -> str | None:
        """Return what the namespace (``__ns``) or name (``__node``) of a node is remapped to."""
        found = (r.target for r in self.rules if r.source == key and r.node in ('', name))
        return next(found, None)

    def remap(self, full: str, node: str, namespace: str, is_service: bool) -> str | None:
        """Return the absolute name of a topic or service after remapping; None: no rule fits.

        Args:
            full: Its absolute name before.
            node: Name of the node.
            namespace: Its namespace.
            is_service: Whether it is the name of a service.
        """
        for rule in self.rules:
            fits = rule.node in ('', node) and rule.service in (None, is_service)
            if fits and rule.source not in _SPECIAL:
                if _names.expand(rule.source, node, namespace) == full:
                    return _names.expand(rule.target, node, namespace)
        return None

    def overrides(self, node: str, namespace: str) -> dict[str, Any]:
        """Return the parameters given to a node."""
        full = f'{namespace.rstrip("/")}/{node}'
        found: dict[str, Any] = {}
        for pattern, values in self.parameters.items():
            if _fits(pattern, full):
                found |= values
        return found


def _fits(pattern: str, full: str) -> bool:
    """Return whether a pattern of a parameter file (``*`` one name, ``**`` any) fits a node."""
    return re.fullmatch(pattern.replace('/*', r'(/\w+)'), full) is not None


def parse(argv: Sequence[str]) -> tuple[Arguments, list[str]]:
    """Separate the ROS arguments of a command line from the rest.

    Raises:
        UnknownROSArgsError: A ROS argument is not known.
        RCLInvalidROSArgsError: The value of one cannot be read.
    """
    found, rest = _Found(), []
    words = iter(argv)
    for word in words:
        if word == '--ros-args':
            _parse_section(words, found)
        elif rule := _rule(word):  # as it was written before there was --ros-args
            found.rules.append(rule)
        else:
            rest.append(word)
    return Arguments(
        tuple(found.rules), found.parameters, tuple(found.levels), found.enclave, found.rosout,
        found.console,
    ), rest  # fmt: skip


@dataclass
class _Found:
    rules: list[Rule] = field(default_factory=list)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    levels: list[tuple[str, LoggingSeverity]] = field(default_factory=list)
    enclave: str = '/'
    rosout: bool = True
    console: bool = True

    def give(self, node: str, name: str, value: Any) -> None:  # noqa: ANN401
        self.parameters.setdefault(f'/{node.lstrip("/")}', {})[name] = value


_SWITCHES = {
    f'--{what}-{kind}-logs': (kind, what == 'enable')
    for what in ('enable', 'disable') for kind in ('stdout', 'external-lib', 'rosout')
}  # fmt: skip


def _invalid(reason: str) -> RCLInvalidROSArgsError:
    return RCLInvalidROSArgsError(f'Failed to parse ROS arguments: {reason}')


def _parse_section(words: Iterator[str], found: _Found) -> None:
    """Read the words up to ``--`` or to the end."""
    for word in words:
        if word == '--':
            return
        if word == '--ros-args':  # launch writes it twice
            continue
        if word in _SWITCHES:
            kind, on = _SWITCHES[word]
            found.rosout = on if kind == 'rosout' else found.rosout
            found.console = on if kind == 'stdout' else found.console
            continue
        take = _TAKES.get(word)
        if take is None:
            raise UnknownROSArgsError(f'Found unknown ROS arguments: [{word!r}]')
        value = next(words, None)
        if value is None:
            raise _invalid(f'ROS argument {word} needs a value')
        take(value, found)


def _rule(word: str) -> Rule | None:
    """Return the remap that a word spells, if it spells one."""
    left, mark, target = word.partition(':=')
    match = _SOURCE.fullmatch(left) if mark else None
    if match is None:
        return None
    node, scheme, source = match.groups()
    if source in _SPECIAL and not scheme:
        key = '__node' if source == '__name' else source
        return Rule(node or '', key, target) if _SPECIAL[source].fullmatch(target) else None
    if not _NAME.fullmatch(source) or not _NAME.fullmatch(target):
        return None
    return Rule(node or '', source, target, _SCHEMES[scheme] if scheme else None)


def _take_remap(value: str, found: _Found) -> None:
    rule = _rule(value)
    if rule is None:
        raise _invalid(f'remap {value!r} must have the form from:=to')
    found.rules.append(rule)


def _take_parameter(value: str, found: _Found) -> None:
    name, mark, text = value.partition(':=')
    if not mark or not name or not text:
        raise _invalid(f'parameter {value!r} must have the form name:=value')
    node, _, name = name.rpartition(':')
    read = _read(text, value)
    if isinstance(read, dict):
        raise _invalid(f'{value}: a value or an array is needed')
    found.give(node or '**', name, read)


def _read(text: str, what: str) -> Any:  # noqa: ANN401 (any YAML value)
    try:
        return _yaml.parse(text)
    except ValueError as error:
        raise _invalid(f'{what}: {error}') from None


def _take_file(value: str, found: _Found) -> None:
    try:
        content = _read(Path(value).read_text(), value)
    except OSError as error:
        raise _invalid(f'{value}: parameter file: {error.strerror}') from None
    if not isinstance(content, dict):
        raise _invalid(f'{value}: a mapping of node names to parameters is needed')
    _take_nodes(value, '', content, found)


def _take_nodes(file: str, prefix: str, content: dict[str, Any], found: _Found) -> None:
    for name, inner in content.items():
        if not isinstance(inner, dict):
            raise _invalid(f'{file}: {name} must hold ros__parameters')
        path = f'{prefix}/{name.strip("/")}'
        for key, value in _flat(inner.get('ros__parameters') or {}, ''):
            found.give(path, key, value)
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
        raise _invalid(f'log level {level!r} is not one of {known}')
    found.levels.append((name if mark else '', LoggingSeverity[level.upper()]))


def _take_enclave(value: str, found: _Found) -> None:
    found.enclave = value


def _pass(value: str, found: _Found) -> None:
    """Take what files of log are called: this package writes none."""


_TAKES = {
    '-r': _take_remap, '--remap': _take_remap, '-p': _take_parameter, '--param': _take_parameter,
    '--params-file': _take_file, '--log-level': _take_level,
    '-e': _take_enclave, '--enclave': _take_enclave,
    '--log-config-file': _pass, '--log-file-name': _pass,
}  # fmt: skip
