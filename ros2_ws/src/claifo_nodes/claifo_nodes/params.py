"""Parameters with description, range and choices, from the configuration dataclasses."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from claifo_core.config import settings
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from rclpy.node import Node

_MAX_INTEGER = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class _Rule:
    """What a parameter means, and what values it may have.

    Attributes:
        kind: Type of the value, as it is annotated in a configuration.
        text: What it means.
        unit: Unit of a number.
        low: Smallest number.
        high: Largest number.
        choices: All words.
        read_only: Whether it cannot be changed while the node runs.
    """

    kind: Any
    text: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = True

    @property
    def limits(self) -> str:
        if self.low is None:
            return ''
        if self.high is None:
            return f'at least {self.low:g}'
        return f'from {self.low:g} to {self.high:g}'

    @property
    def many(self) -> bool:
        """Whether the value is an array."""
        return self.kind not in (bool, int, float, str)


def declare(
    node: Node,
    name: str,
    default: Any,  # noqa: ANN401 (any parameter value)
    text: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = True,
) -> Any:  # noqa: ANN401 (of the type of the default)
    """Declare a parameter and return its value; a whole number may stand for a float.

    Args:
        node: Its node.
        name: Its name.
        default: Its value if nobody sets it: bool, int, float, str, or a list of words.
        text: What it means.
        unit: Unit of a number.
        low: Smallest number.
        high: Largest number.
        choices: All words that it may be.
        read_only: Whether it cannot be changed while the node runs.

    Raises:
        ClaifoError: The value given from outside has a wrong type, is out of range or none of
            the choices.
    """
    kind = tuple[str, ...] if isinstance(default, list) else type(default)
    found = _declare(node, name, default, _Rule(kind, text, unit, low, high, choices, read_only))
    return list(found) if isinstance(default, list) else found


def declare_config(node: Node, section: type, prefix: str = '') -> Any:  # noqa: ANN401 (of the section's type)
    """Declare every option of a configuration dataclass and return the dataclass.

    Nested sections have dots in their names; tuples are arrays; an option that may be null is an
    empty word for null.

    Args:
        node: Owner of the parameters.
        section: Class such as :class:`claifo_core.config.TrainConfig`.
        prefix: Put in front of the names.

    Raises:
        ClaifoError: A value given from outside is not possible.
    """
    hints = typing.get_type_hints(section)
    defaults = section()
    values = {}
    for field in dataclasses.fields(section):
        default, name = getattr(defaults, field.name), f'{prefix}{field.name}'
        if dataclasses.is_dataclass(default):
            values[field.name] = declare_config(node, type(default), f'{name}.')
        else:
            told = field.metadata
            rule = _Rule(
                hints[field.name], told['help'], told['unit'], told['low'], told['high'],
                told['choices'],
            )  # fmt: skip
            values[field.name] = _declare(node, name, _as_parameter(default), rule)
    try:
        return section(**values)
    except ClaifoError as error:
        raise ClaifoError(f'parameters of {node.get_name()}: {prefix}{error}') from None


def _as_parameter(value: Any) -> Any:  # noqa: ANN401
    """Return a configuration value as a parameter can hold it."""
    if value is None:
        return ''
    return list(value) if isinstance(value, tuple) else value


def _declare(node: Node, name: str, default: Any, rule: _Rule) -> Any:  # noqa: ANN401
    found = _checked(f'parameter {name} of {node.get_name()}', _given(node, name, default), rule)
    node.declare_parameter(name, _as_parameter(found), _descriptor(rule), ignore_override=True)
    return found


def _given(node: Node, name: str, default: Any) -> Any:  # noqa: ANN401
    """Return what the user has set a parameter to, whatever it is; empty lists mean nothing."""
    value = node.declare_parameter(name, default, ParameterDescriptor(dynamic_typing=True)).value
    node.undeclare_parameter(name)
    return default if value is None else value


def _descriptor(rule: _Rule) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=f'{rule.text} ({rule.unit})' if rule.unit else rule.text,
        additional_constraints=(
            f'one of {", ".join(rule.choices)}' if rule.choices else rule.limits
        ),
        read_only=rule.read_only,
        dynamic_typing=rule.many,  # whole numbers may stand for floats, an empty word for null
    )
    if rule.low is not None and rule.kind is int:
        limit = _MAX_INTEGER if rule.high is None else int(rule.high)
        descriptor.integer_range = [IntegerRange(from_value=int(rule.low), to_value=limit, step=0)]
    elif rule.low is not None and rule.kind is float:
        bound = sys.float_info.max if rule.high is None else float(rule.high)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(rule.low), to_value=bound, step=0.0)
        ]
    return descriptor


def _checked(where: str, value: Any, rule: _Rule) -> Any:  # noqa: ANN401
    """Return a parameter in the type of its option.

    Raises:
        ClaifoError: It has another type, is out of range or none of the choices.
    """
    kind = rule.kind
    if isinstance(kind, types.UnionType) and value == '':
        value = None
    if hasattr(value, 'tolist'):  # an array
        value = value.tolist()
    if kind is str and not isinstance(value, str):
        raise ClaifoError(f'{where} is {value!r}; a word is needed')
    found = settings.convert(value, kind, where)
    if rule.choices and found not in rule.choices:
        raise ClaifoError(
            f'{where} is {found!r}{did_you_mean(found, rule.choices)}; it must be one of '
            f'{", ".join(rule.choices)}'
        )
    for number in (found or ()) if rule.many else (found,):
        high = float('inf') if rule.high is None else rule.high
        if rule.low is not None and not rule.low <= number <= high:  # true for NaN, too
            raise ClaifoError(f'{where} is {value}; it must be {rule.limits}')
    return found
