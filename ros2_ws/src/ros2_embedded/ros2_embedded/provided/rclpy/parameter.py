"""Parameters: names with values of the nine types of ROS."""

from __future__ import annotations

import array
from enum import IntEnum
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue

PARAMETER_SEPARATOR_STRING = '.'

_FIELDS = (
    '', 'bool_value', 'integer_value', 'double_value', 'string_value', 'byte_array_value',
    'bool_array_value', 'integer_array_value', 'double_array_value', 'string_array_value',
)  # fmt: skip
_INTEGER_LIMIT = 2**63


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Parameter:
    """A parameter: name, type and value."""

    class Type(IntEnum):
        """Types, as in rcl_interfaces/msg/ParameterType."""

        NOT_SET = 0
        BOOL = 1
        INTEGER = 2
        DOUBLE = 3
        STRING = 4
        BYTE_ARRAY = 5
        BOOL_ARRAY = 6
        INTEGER_ARRAY = 7
        DOUBLE_ARRAY = 8
        STRING_ARRAY = 9

        @classmethod
        def from_parameter_value(cls, parameter_value: Any) -> Parameter.Type:  # noqa: ANN401
            """Return the type of a Python value.

            Raises:
                TypeError: There is none.
            """
            value = parameter_value
            if value is None:
                return cls.NOT_SET
            for single, many, fits in _KINDS:
                if fits(value):
                    return cls[single]
                if isinstance(value, (list, tuple)) and value and all(map(fits, value)):
                    return cls[many]
            return cls._of_array(value)

        @classmethod
        def _of_array(cls, value: Any) -> Parameter.Type:  # noqa: ANN401
            if isinstance(value, array.array):
                if value.typecode in 'bBhHiIlLqQ':
                    return cls.INTEGER_ARRAY
                if value.typecode in 'fd':
                    return cls.DOUBLE_ARRAY
            if isinstance(value, (list, tuple)):
                if not value or all(isinstance(v, bytes) for v in value):
                    return cls.BYTE_ARRAY
                if all(isinstance(v, float) or _is_integer(v) for v in value):
                    return cls.DOUBLE_ARRAY
            raise TypeError(f"The given value is not one of the allowed types '{value}'.")

        def check(self, parameter_value: Any) -> bool:  # noqa: ANN401
            """Return whether a Python value is of this type."""
            if isinstance(parameter_value, (list, tuple)) and not parameter_value:
                return self >= Parameter.Type.BYTE_ARRAY
            try:
                return Parameter.Type.from_parameter_value(parameter_value) == self
            except TypeError:
                return False

    @classmethod
    def from_parameter_msg(cls, param_msg: ParameterMessage) -> Parameter:
        """Return the parameter in a message."""
        value = parameter_value_to_python(param_msg.value)
        return cls(param_msg.name, Parameter.Type(param_msg.value.type), value)

    def __init__(self, name: str, type_: Parameter.Type | None = None, value: Any = None) -> None:  # noqa: ANN401
        """Take name and value; the type follows from the value if it is not given.

        Raises:
            TypeError: The type is none.
            ValueError: Type and value do not fit.
        """
        if type_ is None:
            type_ = Parameter.Type.from_parameter_value(value)
        if not isinstance(type_, Parameter.Type):
            raise TypeError('type must be an instance of `Parameter.Type`')
        if not type_.check(value):
            raise ValueError(f"Type '{type_}' and value '{value}' do not agree")
        if _is_integer(value) and not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise ValueError(f'{name} is {value}; integers have 64 bits')
        self._name, self._type, self._value = name, type_, value

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self._name

    @property
    def type_(self) -> Parameter.Type:
        """Type of its value."""
        return self._type

    @property
    def value(self) -> Any:  # noqa: ANN401
        """Its value."""
        return self._value

    def get_parameter_value(self) -> ParameterValue:
        """Return the value as a message."""
        if self._type == Parameter.Type.NOT_SET:
            return ParameterValue(type=0)
        value = list(self._value) if self._type >= Parameter.Type.BYTE_ARRAY else self._value
        if self._type == Parameter.Type.DOUBLE_ARRAY:
            value = [float(v) for v in value]
        return ParameterValue(type=int(self._type), **{_FIELDS[self._type]: value})

    def to_parameter_msg(self) -> ParameterMessage:
        """Return the parameter as a message."""
        return ParameterMessage(name=self._name, value=self.get_parameter_value())

    def __eq__(self, other: object) -> bool:
        """Compare name, type and value."""
        if not isinstance(other, Parameter):
            return NotImplemented
        ours, theirs = ((p._name, p._type, p._value) for p in (self, other))
        return ours == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show name, type and value."""
        return f'Parameter({self._name!r}, {self._type.name}, {self._value!r})'


_KINDS = (
    ('BOOL', 'BOOL_ARRAY', lambda v: isinstance(v, bool)),
    ('INTEGER', 'INTEGER_ARRAY', _is_integer),
    ('DOUBLE', 'DOUBLE_ARRAY', lambda v: isinstance(v, float)),
    ('STRING', 'STRING_ARRAY', lambda v: isinstance(v, str)),
)


def get_parameter_value(string_value: str) -> ParameterValue:
    """Return the value that a YAML text spells, as a message."""
    try:
        value = yaml.safe_load(string_value)
        return Parameter('', value=value).get_parameter_value()
    except (yaml.YAMLError, TypeError):
        return Parameter('', value=string_value).get_parameter_value()


def parameter_value_to_python(parameter_value: ParameterValue) -> Any:  # noqa: ANN401
    """Return the Python value in a message.

    Raises:
        RuntimeError: The type is not known.
    """
    if not 0 <= parameter_value.type < len(_FIELDS):
        raise RuntimeError(f'unexpected parameter type {parameter_value.type}')
    if parameter_value.type == 0:
        return None
    value = getattr(parameter_value, _FIELDS[parameter_value.type])
    return value.tolist() if hasattr(value, 'tolist') else value
