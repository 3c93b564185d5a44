"""Numbers and declared settings on a command line, for argparse."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import typing
from collections.abc import Iterable
from typing import Any

from claifo_core.config import options, settings
from claifo_core.errors import ClaifoError


def whole(text: str) -> int:
    """Return a whole number from 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _from(0, text)


def count(text: str) -> int:
    """Return a whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _from(1, text)


def _from(low: int, text: str) -> int:
    if not text.isdecimal() or int(text) < low:
        raise argparse.ArgumentTypeError(f'{text} is not a whole number from {low}')
    return int(text)


def pairs(words: Iterable[str], mark: str) -> dict[str, str]:
    """Return values by name from words of the form ``name=value``.

    Args:
        words: One for each.
        mark: What stands between, as ``=``.

    Raises:
        ClaifoError: it stands nowhere in a word.
    """
    parts = {word: word.partition(mark) for word in words}
    for word, (_, found, _) in parts.items():
        if not found:
            raise ClaifoError(f'{word!r} must have the form name{mark}value')
    return {name: value for name, _, value in parts.values()}


def add_settings(
    parser: argparse.ArgumentParser, section: type, names: tuple[str, ...] = ()
) -> None:
    """Add an option for every setting that a dataclass declares.

    Args:
        parser: Gets the options.
        section: The dataclass; see :func:`claifo_core.config.option`.
        names: Only these settings, in this order; none: all.
    """
    hints = typing.get_type_hints(section)
    fields = {field.name: field for field in dataclasses.fields(section) if field.metadata}
    for name in names or fields:
        field, flag = fields[name], f'--{name.replace("_", "-")}'
        if hints[name] is bool:
            parser.add_argument(flag, action='store_true', help=field.metadata['help'])
            continue
        parser.add_argument(
            flag, default=field.default, metavar=metavar_of(field.default), help=help_of(field),
            type=functools.partial(_setting, field, hints[name]),
        )  # fmt: skip


def settings_of(args: argparse.Namespace, section: type) -> dict[str, Any]:
    """Return the values of what :func:`add_settings` added for all of a dataclass, by name."""
    names = (field.name for field in dataclasses.fields(section) if field.metadata)
    return {name: getattr(args, name) for name in names}


def _setting(field: dataclasses.Field[Any], kind: Any, text: str) -> Any:  # noqa: ANN401
    try:
        value = settings.convert(text, kind, field.name)
        options.check(field, value)
    except ClaifoError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return value


def metavar_of(default: object) -> str:
    """Return what stands for the value of an option in the help."""
    return {bool: 'true|false', int: 'N', float: 'X', str: 'WORD'}.get(type(default), 'A,B,…')


def help_of(field: dataclasses.Field[Any]) -> str:
    """Return what an option does, its range and its default."""
    rule, default = field.metadata, field.default
    parts = [rule['help']]
    if rule['choices']:
        parts.append(f'one of {", ".join(rule["choices"])}')
    elif rule['low'] is not None:
        high = '' if rule['high'] is None else f' to {rule["high"]}'
        parts.append(f'{rule["low"]}{high or " or more"} {rule["unit"]}'.rstrip())
    shown = default if default not in ('', None, ()) else 'none'
    return f'{"; ".join(parts)} (default: {shown})'.replace('%', '%%')
