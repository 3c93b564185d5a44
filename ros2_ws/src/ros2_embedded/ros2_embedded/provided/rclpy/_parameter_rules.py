"""Which values a parameter may have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor

from rclpy.parameter import PARAMETER_SEPARATOR_STRING, Parameter

_SLACK = 1e-9


def as_ros(value: Any) -> Any:  # noqa: ANN401
    """Return a YAML value as a parameter may hold it: mixed numbers are doubles."""
    if isinstance(value, list) and any(isinstance(v, float) for v in value):
        return [float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value]
    return value


def as_kind(parameter: Parameter, kind: Parameter.Type) -> Parameter:
    """Return an empty list as the array it stands for: alone it does not tell its type."""
    if parameter.type_ == Parameter.Type.BYTE_ARRAY and not parameter.value:
        if kind > Parameter.Type.BYTE_ARRAY:
            return Parameter(parameter.name, kind, [])
    return parameter


def wrong_type(parameter: Parameter, descriptor: ParameterDescriptor) -> str:
    """Return why a value is not of the declared type, or an empty string."""
    if descriptor.dynamic_typing or int(parameter.type_) == descriptor.type:
        return ''
    expected = Parameter.Type(descriptor.type).name
    return (
        f'{parameter.name} is {parameter.value!r} of type {parameter.type_.name}; '
        f'the type {expected} is needed'
    )


def out_of_range(parameter: Parameter, descriptor: ParameterDescriptor) -> str:
    """Return why a number is not in the range of its descriptor, or an empty string."""
    if parameter.type_ == Parameter.Type.INTEGER:
        ranges = descriptor.integer_range
    elif parameter.type_ == Parameter.Type.DOUBLE:
        ranges = descriptor.floating_point_range
    else:
        return ''
    value = parameter.value
    for allowed in ranges:
        low, high, step = allowed.from_value, allowed.to_value, allowed.step
        if math.isclose(value, low) or math.isclose(value, high):
            continue
        if not low <= value <= high:
            return f'{parameter.name} is {value}; it must be from {low} to {high}'
        if step and abs((value - low) / step - round((value - low) / step)) > _SLACK:
            return f'{parameter.name} is {value}; it must be {low} plus a multiple of {step}'
    return ''


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
