"""What rclpy raises."""

from __future__ import annotations

from typing import Any

from rclpy._rclpy_pybind11 import InvalidHandle


class NotInitializedException(Exception):
    """`rclpy.init` has not been called, or the context was shut down."""

    def __init__(self, message: str | None = None) -> None:
        """Say so, and what cannot be done."""
        hint = f' msg:{message}' if message else ''
        super().__init__(f'rclpy.init() has not been called.{hint}')


class NoTypeSupportImportedException(Exception):
    """A class that is not a message or service."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__('no type_support imported')


class NameValidationException(Exception):
    """A name with a character that is not allowed."""

    def __init__(self, name_type: str, name: str, error_msg: str, invalid_index: int) -> None:
        """Say what is wrong and where.

        Args:
            name_type: What the name is for, for example ``topic name``.
            name: The name.
            error_msg: What is wrong.
            invalid_index: Index of the first wrong character.
        """
        super().__init__(
            f"Invalid {name_type}: {error_msg}:\n  '{name}'\n   {' ' * invalid_index}^"
        )


class InvalidNamespaceException(NameValidationException):
    """A namespace that is not allowed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        """Say what is wrong and where."""
        super().__init__('namespace', name, error_msg, invalid_index)


class InvalidNodeNameException(NameValidationException):
    """A node name that is not allowed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        """Say what is wrong and where."""
        super().__init__('node name', name, error_msg, invalid_index)


class InvalidTopicNameException(NameValidationException):
    """A topic name that is not allowed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        """Say what is wrong and where."""
        super().__init__('topic name', name, error_msg, invalid_index)


class InvalidServiceNameException(NameValidationException):
    """A service name that is not allowed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        """Say what is wrong and where."""
        super().__init__('service name', name, error_msg, invalid_index)


class ParameterException(Exception):
    """Something about a parameter."""

    def __init__(self, error_msg: str, parameters: str | list[str]) -> None:
        """Say what is wrong with which parameters."""
        super().__init__(f'{error_msg}: {parameters}')


class ParameterNotDeclaredException(ParameterException):
    """A parameter that was not declared."""

    def __init__(self, parameters: str | list[str]) -> None:
        """Name it."""
        super().__init__('Invalid access to undeclared parameter(s)', parameters)


class ParameterAlreadyDeclaredException(ParameterException):
    """A parameter that is declared twice."""

    def __init__(self, parameters: str | list[str]) -> None:
        """Name it."""
        super().__init__('Parameter(s) already declared', parameters)


class InvalidParameterException(ParameterException):
    """A parameter name that is not allowed."""

    def __init__(self, parameter_name: str) -> None:
        """Name it."""
        super().__init__('Invalid parameter name', parameter_name)


class InvalidParameterTypeException(ParameterException):
    """A parameter set to a value of another type than it was declared with."""

    def __init__(self, desired_parameter: Any, expected_type: Any) -> None:  # noqa: ANN401
        """Name the parameter, the type found and the one expected."""
        name, found = desired_parameter.name, desired_parameter.type_.name
        super().__init__(
            f"Trying to set parameter '{name}' to '{desired_parameter.value}' of type "
            f"'{found}', expecting type '{expected_type}'", name,
        )  # fmt: skip


class InvalidParameterValueException(ParameterException):
    """A parameter value that is refused."""

    def __init__(self, parameter: str, value: Any, reason: str) -> None:  # noqa: ANN401
        """Name the parameter, the value and the reason."""
        super().__init__(
            f'Invalid parameter value ({value}) for parameter. Reason: {reason}', parameter
        )


class ParameterImmutableException(ParameterException):
    """A read-only parameter that is changed."""

    def __init__(self, parameter_name: str) -> None:
        """Name it."""
        super().__init__('Attempted to modify read-only parameter', parameter_name)


class ParameterUninitializedException(ParameterException):
    """A parameter without a value."""

    def __init__(self, parameter_name: str) -> None:
        """Name it."""
        super().__init__(f"The parameter '{parameter_name}' is not initialized", parameter_name)


class ROSInterruptException(Exception):
    """A wait that was ended by shutdown."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__('rclpy.shutdown() has been called')


__all__ = [
    'InvalidHandle', 'InvalidNamespaceException', 'InvalidNodeNameException',
    'InvalidParameterException', 'InvalidParameterTypeException', 'InvalidParameterValueException',
    'InvalidServiceNameException', 'InvalidTopicNameException', 'NameValidationException',
    'NoTypeSupportImportedException', 'NotInitializedException',
    'ParameterAlreadyDeclaredException', 'ParameterException', 'ParameterImmutableException',
    'ParameterNotDeclaredException', 'ParameterUninitializedException', 'ROSInterruptException',
]  # fmt: skip
