"""From plain dictionaries, YAML and `--key value` words to a checked configuration, and back."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from claifo_core.config import TrainConfig, yamls
from claifo_core.errors import ClaifoError, did_you_mean

_T = typing.TypeVar('_T')


def to_dict(config: TrainConfig) -> dict[str, Any]:
    """Return the configuration as nested dictionaries of plain JSON and YAML values."""
    return typing.cast('dict[str, Any]', plain(config))


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def from_dict(values: Mapping[str, Any], source: str = 'configuration') -> TrainConfig:
    """Build a configuration; what is not named keeps its default.

    Args:
        values: Nested mapping of sections and options.
        source: File or origin named in error messages.

    Raises:
        ClaifoError: an unknown key (the nearest is named), a value of a wrong type or range.
    """
    return build(TrainConfig, values, source)


def build(kind: type[_T], values: Mapping[str, Any], source: str) -> _T:
    """Build any dataclass, with dataclasses inside, from nested mappings.

    Raises:
        ClaifoError: as :func:`from_dict`; also when a field without a default is missing.
    """
    return typing.cast('_T', _section(kind, values, source, ''))


def plain(value: Any) -> Any:  # noqa: ANN401 (any dataclass)
    """Return a dataclass as mappings and lists that YAML and JSON can hold."""
    return _plain(dataclasses.asdict(value))


def _section(kind: Any, values: Mapping[str, Any], source: str, prefix: str) -> Any:  # noqa: ANN401
    hints = typing.get_type_hints(kind)
    if not isinstance(values, Mapping):
        where = prefix.rstrip('.') or 'top level'
        raise ClaifoError(f'{source}: {where} must be a mapping of options')
    for key in values:
        if key not in hints:
            hint = did_you_mean(str(key), hints)
            raise ClaifoError(f'{source}: unknown key {prefix}{key}{hint}')
    for field in dataclasses.fields(kind):
        if field.name not in values and _is_required(field):
            raise ClaifoError(f'{source}: key {prefix}{field.name} is missing')
    built = {
        key: _value(value, hints[key], source, f'{prefix}{key}') for key, value in values.items()
    }
    try:
        return kind(**built)
    except ClaifoError as error:
        raise ClaifoError(f'{source}: {prefix}{error}') from None


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _value(value: Any, kind: Any, source: str, key: str) -> Any:  # noqa: ANN401
    """Return a value of a section, which may be a section itself, or a list of them."""
    if isinstance(kind, types.UnionType) and value is not None:
        inner = next(k for k in typing.get_args(kind) if k is not type(None))
        if dataclasses.is_dataclass(inner):
            kind = inner
    if dataclasses.is_dataclass(kind):
        return _section(kind, value, source, f'{key}.')
    part: Any = (*typing.get_args(kind), None)[0]
    if typing.get_origin(kind) is tuple and dataclasses.is_dataclass(part):
        if not isinstance(value, list):
            raise ClaifoError(f'{source}: {key} must be a list')
        parts = enumerate(value)
        return tuple(_section(part, item, source, f'{key}[{n}].') for n, item in parts)
    return convert(value, kind, f'{source}: {key}')


def convert(value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 (any field type)
    """Return ``value`` as ``kind``; a string stands for the value it spells.

    Args:
        value: Any YAML value.
        kind: Annotation of a field of the configuration.
        where: File and key, named in the error.

    Raises:
        ClaifoError: It cannot be read as that type.
    """
    if isinstance(kind, types.UnionType):
        if value is None or value == 'null':
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    if typing.get_origin(kind) is tuple:
        return _convert_tuple(value, kind, where)
    wrong = ClaifoError(f'{where} is {value!r}; {_describe(kind)} is needed')
    if typing.get_origin(kind) is Mapping:
        if not isinstance(value, Mapping):
            raise wrong
        return dict(value)
    if kind is bool:
        truth = {'true': True, 'false': False}.get(str(value).lower())
        if truth is None:
            raise wrong
        return truth
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise wrong
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None


def _convert_tuple(value: Any, kind: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401
    parts = value.strip('[]()').split(',') if isinstance(value, str) else value
    inner = typing.get_args(kind)
    if inner[0] is str and parts in ([], (), ['']):  # no words; of numbers there must be some
        return ()
    fixed = None if inner[-1] is Ellipsis else len(inner)
    if not isinstance(parts, Sequence) or len(parts) != (fixed or len(parts) or 1):
        raise ClaifoError(f'{where} is {value!r}; {_describe(kind)} is needed')
    return tuple(convert(part, inner[0], where) for part in parts)


def _describe(kind: Any) -> str:  # noqa: ANN401 (any field type)
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)
        count = 'some' if inner[-1] is Ellipsis else str(len(inner))
        return f'a list of {count} {inner[0].__name__} values'
    if typing.get_origin(kind) is Mapping:
        return 'a mapping'
    return {int: 'a whole number', float: 'a number', bool: 'true or false'}.get(kind, 'a word')


def load(path: Path | str) -> TrainConfig:
    """Read a YAML preset.

    Raises:
        ClaifoError: the file is missing, is not YAML, or holds a wrong key or value.
    """
    return from_dict(read_yaml(path), str(path))


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Return the mapping in a YAML file; see :func:`load` for the errors."""
    path = Path(path)
    if not path.is_file():
        near = sorted(str(p) for p in path.parent.glob('*.yaml'))
        raise ClaifoError(f'{path}: no such file{did_you_mean(str(path), near)}')
    values = yamls.load(path)
    if not isinstance(values, dict | None):
        raise ClaifoError(f'{path}: top level must be a mapping of options')
    return values or {}


def dump(config: TrainConfig) -> str:
    """Return the configuration as YAML that :func:`load` reads back unchanged."""
    return yaml.safe_dump(to_dict(config), sort_keys=False)


def merge(values: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Return ``values`` with dotted overrides such as ``{'agent.n_step': '3'}`` put in."""
    merged: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()
    }
    for dotted, value in overrides.items():
        *sections, key = dotted.split('.')
        place = merged
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ClaifoError(f'{section} must be a mapping of options, not {place!r}')
        place[key] = value
    return merged


def options(
    config: TrainConfig | None = None,
) -> Iterator[tuple[str, Any, dataclasses.Field[Any]]]:
    """Yield each option as (dotted name, value, field with help, unit and range).

    Args:
        config: Whose values; None: the defaults.
    """
    yield from _walk(config or TrainConfig(), '')


def _walk(section: Any, prefix: str) -> Iterator[tuple[str, Any, dataclasses.Field[Any]]]:  # noqa: ANN401
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f'{prefix}{field.name}.')
        else:
            yield f'{prefix}{field.name}', value, field


def differences(ours: TrainConfig, theirs: TrainConfig) -> list[str]:
    """Return ``'key: ours, not theirs'`` for every option in which two configurations differ."""
    pairs = zip(_walk(ours, ''), _walk(theirs, ''), strict=True)
    return [f'{name}: {a}, not {b}' for (name, a, _), (_, b, _) in pairs if a != b]
