"""Parameters: names with values of the nine types of ROS."""

from __future__ import annotations

import array
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue

PARAMETER_SEPARATOR_STRING = '.'

_FIELDS = (
    '', 'bool_value', 'integer_value', 'double_value', 'string_value', 'byte_array_value',
    'bool_array_value', 'integer_array_value', 'double_array_value', 'string_array_value',
)  # fmt: skip
_ITEMS = {'BYTE': bytes, 'BOOL': bool, 'INTEGER': int, 'DOUBLE': float, 'STRING': str}
_SINGLE = ('BOOL', 'INTEGER', 'DOUBLE', 'STRING')  # a bool is an int, too


class Parameter:
    """A parameter: name, type and value."""

    class Type(Enum):
        """Types, as in rcl_interfaces/msg/ParameterType."""

        NOT_SET = ParameterType.PARAMETER_NOT_SET
        BOOL = ParameterType.PARAMETER_BOOL
        INTEGER = ParameterType.PARAMETER_INTEGER
        DOUBLE = ParameterType.PARAMETER_DOUBLE
        STRING = ParameterType.PARAMETER_STRING
        BYTE_ARRAY = ParameterType.PARAMETER_BYTE_ARRAY
        BOOL_ARRAY = ParameterType.PARAMETER_BOOL_ARRAY
        INTEGER_ARRAY = ParameterType.PARAMETER_INTEGER_ARRAY
        DOUBLE_ARRAY = ParameterType.PARAMETER_DOUBLE_ARRAY
        STRING_ARRAY = ParameterType.PARAMETER_STRING_ARRAY

        @classmethod
        def from_parameter_value(cls, parameter_value: Any) -> Parameter.Type:  # noqa: ANN401
            """Return the type of a Python value; that of an empty list is BYTE_ARRAY.

            Raises:
                TypeError: There is none.
            """
            if parameter_value is None:
                return cls.NOT_SET
            if isinstance(parameter_value, (list, tuple, array.array)):
                for name, kind in _ITEMS.items():
                    if all(isinstance(item, kind) for item in parameter_value):
                        return cls[f'{name}_ARRAY']
                raise TypeError(
                    'The given value is not a list of one of the allowed types '
                    f"'{parameter_value}'."
                )
            for name in _SINGLE:
                if isinstance(parameter_value, _ITEMS[name]):
                    return cls[name]
            raise TypeError(
                f"The given value is not one of the allowed types '{parameter_value}'."
            )

        def check(self, parameter_value: Any) -> bool:  # noqa: ANN401
            """Return whether a Python value is of this type."""
            if self is Parameter.Type.NOT_SET:
                return parameter_value is None
            name, is_array, _ = self.name.partition('_ARRAY')
            if not is_array:
                return isinstance(parameter_value, _ITEMS[name])
            numeric = isinstance(parameter_value, array.array) and name in ('INTEGER', 'DOUBLE')
            if not numeric and not isinstance(parameter_value, (list, tuple)):
                return False
            single = name != 'BYTE' or all(len(item) == 1 for item in parameter_value)
            return single and all(isinstance(item, _ITEMS[name]) for item in parameter_value)

    @classmethod
    def from_parameter_msg(cls, param_msg: ParameterMessage) -> Parameter:
        """Return the parameter in a message; arrays of numbers stay ``array.array``."""
        kind = Parameter.Type(param_msg.value.type)
        field = _FIELDS[kind.value]
        return cls(param_msg.name, kind, getattr(param_msg.value, field) if field else None)

    def __init__(self, name: str, type_: Parameter.Type | None = None, value: Any = None) -> None:  # noqa: ANN401
        """Take name and value; the type follows from the value if it is not given.

        Raises:
            TypeError: The type is none.
            ValueError: Type and value do not fit.
        """
        if type_ is None:
            type_ = Parameter.Type.from_parameter_value(value)
        if not isinstance(type_, Parameter.Type):
            raise TypeError(f"type must be an instance of '{Parameter.Type!r}'")
        if not type_.check(value):
            raise ValueError(f"Type '{type_}' and value '{value}' do not agree")
        self._name, self._type_, self._value = name, type_, value

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self._name

    @property
    def type_(self) -> Parameter.Type:
        """Type of its value."""
        return self._type_

    @property
    def value(self) -> Any:  # noqa: ANN401
        """Its value."""
        return self._value

    def get_parameter_value(self) -> ParameterValue:
        """Return the value as a message."""
        field = _FIELDS[self._type_.value]
        value = list(self._value) if isinstance(self._value, tuple) else self._value
        return ParameterValue(type=self._type_.value, **({field: value} if field else {}))

    def to_parameter_msg(self) -> ParameterMessage:
        """Return the parameter as a message."""
        return ParameterMessage(name=self._name, value=self.get_parameter_value())


def get_parameter_value(string_value: str) -> ParameterValue:
    """Return the value that a YAML text spells, as a message; what is no value is a word."""
    try:
        value = yaml.safe_load(string_value)
        if value == []:
            return ParameterValue(type=ParameterType.PARAMETER_BOOL_ARRAY)
        if value is not None:
            return Parameter('', value=value).get_parameter_value()
    except (yaml.parser.ParserError, TypeError):
        pass
    return Parameter('', value=string_value).get_parameter_value()


def parameter_value_to_python(parameter_value: ParameterValue) -> Any:  # noqa: ANN401
    """Return the Python value in a message.

    Raises:
        RuntimeError: The type is not known.
    """
    if parameter_value.type >= len(_FIELDS):
        raise RuntimeError(f'unexpected parameter type {parameter_value.type}')
    if parameter_value.type == ParameterType.PARAMETER_NOT_SET:
        return None
    value = getattr(parameter_value, _FIELDS[parameter_value.type])
    return list(value) if isinstance(value, array.array) else value


def parameter_dict_from_yaml_file(
    parameter_file: str,
    use_wildcard: bool = False,
    target_nodes: Sequence[str] | None = None,
    namespace: str = '',
) -> dict[str, ParameterMessage]:
    """Return the parameters in a file, as messages by their names.

    Args:
        parameter_file: YAML, with parameters below the names of nodes.
        use_wildcard: Take what stands below ``/**``, too; what is said of a node wins.
        target_nodes: The nodes whose parameters are taken; none: all.
        namespace: Put in front of the names.

    Raises:
        RuntimeError: A node is missing, or the file holds no parameters.
    """
    content = yaml.safe_load(Path(parameter_file).read_text())
    nodes = ['/**'] if use_wildcard and '/**' in content else []
    nodes += target_nodes or [node for node in content if node != '/**']
    for node in nodes:
        if node not in content:
            raise RuntimeError(
                f'Param file does not contain parameters for {node}, only for nodes: '
                f'{list(content)}'
            )
    if not nodes:
        raise RuntimeError('Param file does not contain selected parameters')
    found: dict[str, ParameterMessage] = {}
    for node in nodes:
        if not isinstance(content[node], dict) or 'ros__parameters' not in content[node]:
            raise RuntimeError(f'YAML file is not a valid ROS parameter file for node {node}')
        for name, value in _flat(namespace, content[node]['ros__parameters']):
            found[name] = ParameterMessage(name=name, value=get_parameter_value(str(value)))
    return found


def _flat(prefix: str, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f'{prefix}{name}{PARAMETER_SEPARATOR_STRING}', value)
        else:
            yield f'{prefix}{name}', value
