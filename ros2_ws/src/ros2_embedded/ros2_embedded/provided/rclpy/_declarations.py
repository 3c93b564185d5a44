"""What is given where a parameter is declared: name, default value or type, descriptor."""

from __future__ import annotations

import warnings
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterValue

from rclpy.parameter import Parameter, parameter_value_to_python


def declaration(index: int, given: tuple[Any, ...]) -> tuple[str, Any, ParameterDescriptor]:
    """Return name, default and descriptor of what is to be declared.

    Raises:
        TypeError: The tuple holds something else.
    """
    where = f'at index {index} in parameters list'
    if not 1 <= len(given) <= 3:
        raise TypeError(f'Invalid parameter tuple length {where}: {given}')
    name, value, descriptor = (*given, None, None)[:3]
    if not isinstance(name, str):
        raise TypeError(f'First element {name} {where} is not a str.')
    if len(given) < 3:
        descriptor = ParameterDescriptor()
    if not isinstance(descriptor, ParameterDescriptor):
        raise TypeError(f'Third element {descriptor} {where} is not a ParameterDescriptor.')
    if len(given) == 1:
        warnings.warn(
            f"parameter '{name}' is declared by its name only, which is deprecated: give a value, "
            'a type, or a descriptor with dynamic_typing=True', stacklevel=4,
        )  # fmt: skip
        descriptor.dynamic_typing = True
    return name, value, descriptor


def typed(name: str, value: Any, descriptor: ParameterDescriptor) -> Any:  # noqa: ANN401
    """Return the default of a parameter; its descriptor has the type that follows.

    Raises:
        ValueError: No type follows, or two contradict each other.
    """
    if isinstance(value, Parameter.Type):
        if value == Parameter.Type.NOT_SET:
            raise ValueError(
                f'Cannot declare parameter {name} as statically typed of type NOT_SET'
            )
        if descriptor.dynamic_typing:
            raise ValueError(f'parameter {name} has a type and dynamic_typing=True: give one')
        descriptor.type = value.value
        return None
    if isinstance(value, ParameterValue):
        value = parameter_value_to_python(value)
    if not descriptor.dynamic_typing:
        descriptor.type = Parameter.Type.from_parameter_value(value).value
        if value is None:
            raise ValueError(
                'Cannot declare a statically typed parameter with default value of type '
                'PARAMETER_NOT_SET'
            )
    return value
