"""Which values a parameter may have, and which names are below a prefix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor

from rclpy.parameter import PARAMETER_SEPARATOR_STRING, Parameter

_SLACK = 1e-6


def refusal(
    parameter: Parameter, descriptor: ParameterDescriptor, declared: bool, check_read_only: bool
) -> str:
    """Return why a value is not possible, or an empty string.

    Args:
        parameter: What is to be set; a dynamic descriptor takes over its type.
        descriptor: How it was declared.
        declared: Whether there is such a parameter already.
        check_read_only: Whether a parameter that is read-only is refused.
    """
    if check_read_only and descriptor.read_only:
        return f'Trying to set a read-only parameter: {parameter.name}.'
    unset = parameter.type_ == Parameter.Type.NOT_SET
    if descriptor.dynamic_typing:
        descriptor.type = parameter.type_.value
    elif unset and declared:
        return 'Static parameter cannot be undeclared'
    elif not unset and parameter.type_.value != descriptor.type:
        expected = Parameter.Type(descriptor.type)
        return f"Wrong parameter type, expected '{expected}' got '{parameter.type_}'"
    return _out_of_range(parameter, descriptor)


def _out_of_range(parameter: Parameter, descriptor: ParameterDescriptor) -> str:
    if parameter.type_ == Parameter.Type.INTEGER:
        ranges = descriptor.integer_range
    elif parameter.type_ == Parameter.Type.DOUBLE:
        ranges = descriptor.floating_point_range
    else:
        return ''
    return _outside(parameter, ranges[0]) if ranges else ''


def _outside(parameter: Parameter, allowed: Any) -> str:  # noqa: ANN401 (a range of either kind)
    value, step = parameter.value, allowed.step
    low, high = sorted((allowed.from_value, allowed.to_value))
    if _close(value, low) or _close(value, high):
        return ''
    limits = f'Min: {low}, Max: {high}, value: {value}'
    if not low < value < high:
        return f'Parameter {parameter.name} out of range. {limits}'
    if step and not _close(low + round((value - low) / step) * step, value):
        about = f'The parameter value for {parameter.name} is not a valid step'
        return f'{about}. {limits}, step: {step}'
    return ''


def _close(one: float, other: float) -> bool:
    """Return whether two numbers are the same; floats may differ by rounding."""
    exact = isinstance(one, int) and isinstance(other, int)
    return one == other if exact else math.isclose(one, other, rel_tol=_SLACK)


def listed(name: str, prefixes: Sequence[str], depth: int) -> bool:
    """Return whether a name is below one of the prefixes and not too deep."""
    dot = PARAMETER_SEPARATOR_STRING
    if not prefixes:
        return depth == 0 or name.count(dot) < depth
    for prefix in prefixes:
        if name == prefix:
            return True
        if name.startswith(prefix + dot):
            rest = name.removeprefix(prefix + dot)
            if depth == 0 or rest.count(dot) < depth:
                return True
    return False
