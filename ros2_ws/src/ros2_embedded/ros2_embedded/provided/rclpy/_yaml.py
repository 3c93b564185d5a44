"""YAML as ROS reads parameters: by the rules of C, with arrays of one type and no references."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

_BOOLS = {
    word: value
    for words, value in (('Y y yes Yes YES true True TRUE on On ON', True),
                         ('N n no No NO false False FALSE off Off OFF', False))
    for word in words.split()
}  # fmt: skip
_SPECIAL = {f'{sign}.{word}': float(sign + word)
            for word in ('inf', 'Inf', 'INF') for sign in ('', '+', '-')}  # fmt: skip
_SPECIAL |= {f'.{word}': float('nan') for word in ('nan', 'NaN', 'NAN')}
# What strtoll and strtod take as a whole.
_INTEGER = re.compile(r'([+-]?)(?:0x([0-9a-f]+)|(0[0-7]*)|([1-9]\d*))', re.IGNORECASE)
_DECIMAL = re.compile(r'[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)', re.I)
_HEXADECIMAL = re.compile(r'[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?', re.I)
_STRING_TAG = 'tag:yaml.org,2002:str'


def parse(text: str) -> Any:  # noqa: ANN401
    """Return what a text spells: values, lists of values of one type, mappings by words.

    An empty list, of which no type can be told, is None.

    Raises:
        ValueError: It is no YAML, or holds what ROS does not read; in one line.
    """
    events = (e for e in yaml.parse(text, Loader=yaml.BaseLoader)
              if not isinstance(e, (yaml.StreamStartEvent, yaml.DocumentStartEvent)))  # fmt: skip
    try:
        return _value(events, next(events))
    except yaml.YAMLError as error:
        raise ValueError(f'not YAML: {" ".join(str(error).split())}') from None


def _value(events: Iterator[yaml.Event], event: yaml.Event) -> Any:  # noqa: ANN401
    line = _line(event)
    if isinstance(event, yaml.AliasEvent):
        raise ValueError(f'line {line}: aliases are not supported')
    if isinstance(event, yaml.MappingStartEvent):
        found: dict[str, Any] = {}
        _merge(found, _pairs(events))
        return found
    if isinstance(event, yaml.SequenceStartEvent):
        return _array(events, line)
    if not isinstance(event, yaml.ScalarEvent) or not (event.value or event.style):
        raise ValueError(f'line {line}: no value')
    if event.style in ('"', "'") or event.tag == _STRING_TAG:
        return event.value
    return scalar(event.value)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _pairs(events: Iterator[yaml.Event]) -> Iterator[tuple[str, Any]]:
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            return
        if not isinstance(key, yaml.ScalarEvent):
            raise ValueError(f'line {_line(key)}: a name is needed before ":"')
        yield key.value, _value(events, next(events))


def _merge(found: dict[str, Any], pairs: Iterable[tuple[str, Any]]) -> None:
    """Add pairs; a mapping that is named twice holds what both hold."""
    for name, value in pairs:
        if isinstance(value, dict) and isinstance(found.get(name), dict):
            _merge(found[name], value.items())
        else:
            found[name] = value


def _array(events: Iterator[yaml.Event], line: int) -> list[Any] | None:
    found: list[Any] = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        found.append(_value(events, event))
    kinds = {type(item) for item in found}
    if len(kinds) > 1 or kinds & {list, dict, type(None)}:
        raise ValueError(f'line {line}: the values of an array must be of one type, not {found}')
    return found or None


def scalar(text: str) -> bool | int | float | str:
    """Return what a word without quotes means: ``1e3`` a number, ``010`` eight, ``~`` a word."""
    if text in _BOOLS:
        return _BOOLS[text]
    if text in _SPECIAL:
        return _SPECIAL[text]
    if match := _INTEGER.fullmatch(text):
        sign, hexadecimal, octal, decimal = match.groups()
        digits, base = next(
            (found, base)
            for found, base in ((hexadecimal, 16), (octal, 8), (decimal, 10)) if found
        )
        number = int(sign + digits, base)
        if -(2**63) <= number < 2**63:
            return number
    if _HEXADECIMAL.fullmatch(text):
        return float.fromhex(text)
    if _DECIMAL.fullmatch(text):
        value = float(text)
        if math.isfinite(value) or text.lstrip('+-')[0] in 'iInN':
            return value
    return text
