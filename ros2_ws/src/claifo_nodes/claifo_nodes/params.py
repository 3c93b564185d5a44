"""Parameters with description, range and choices, from the configuration dataclasses."""

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException

from claifo_core import settings
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from rclpy.node import Node

_MAX_INTEGER = 2**63 - 1


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
    """Declare a parameter and return its value.

    Raises:
        ClaifoError: The value given from outside has a wrong type, is out of range or none of
            the choices.
    """
    descriptor = ParameterDescriptor(
        description=f'{text} ({unit})' if unit else text,
        additional_constraints=f'one of {", ".join(choices)}' if choices else '',
        read_only=read_only,
    )
    _limit(descriptor, default, low, high)
    try:
        value = node.declare_parameter(name, default, descriptor).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise ClaifoError(f'parameter {name} of {node.get_name()}: {_reason(error)}') from None
    if choices and value not in choices:
        raise ClaifoError(
            f'parameter {name} of {node.get_name()}: {value!r} is not possible'
            f'{did_you_mean(value, choices)}; choose one of {", ".join(choices)}'
        )
    return value


def _limit(
    descriptor: ParameterDescriptor, default: object, low: float | None, high: float | None
) -> None:
    if low is None or isinstance(default, (bool, str, list)):
        return
    if isinstance(default, int):
        limit = _MAX_INTEGER if high is None else int(high)
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=limit, step=0)]
    else:
        limit = sys.float_info.max if high is None else float(high)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(low), to_value=limit, step=0.0)
        ]


def _reason(error: Exception) -> str:
    return ' '.join(str(error.args[0]).split())


def declare_config(node: Node, section: type, prefix: str = '') -> Any:  # noqa: ANN401 (of the section's type)
    """Declare every option of a configuration dataclass and return the dataclass.

    Nested sections have dots in their names; tuples are arrays; an option that may be null is a
    word, empty for null.

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
            continue
        rule = field.metadata
        found = declare(
            node, name, as_parameter(default), rule['help'], unit=rule['unit'], low=rule['low'],
            high=rule['high'], choices=rule['choices'],
        )  # fmt: skip
        values[field.name] = settings.convert(
            _from_parameter(found, default), hints[field.name], f'parameter {name}'
        )
    try:
        return section(**values)
    except ClaifoError as error:
        raise ClaifoError(f'parameters of {node.get_name()}: {prefix}{error}') from None


def as_parameter(value: Any) -> Any:  # noqa: ANN401
    """Return a configuration value as a parameter can hold it."""
    if value is None:
        return ''
    return list(value) if isinstance(value, tuple) else value


def _from_parameter(value: Any, default: Any) -> Any:  # noqa: ANN401
    if default is None:
        return value or None
    return list(value) if isinstance(default, tuple) else value
