"""Python classes of messages and services, made from their definitions.

They behave as those that ROS 2 generates: default values, construction by keywords, setters that
refuse values of a wrong type. Arrays of numbers are held as NumPy arrays; setters take NumPy
arrays, ``array.array``, bytes and plain sequences.
"""

from __future__ import annotations

import array
import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

from ros2_embedded import types

Convert = Callable[[Any], Any]

_INTEGERS = {f'{sign}int{bits}': (sign, bits) for sign in ('', 'u') for bits in (8, 16, 32, 64)}
_INTEGERS['char'] = ('u', 8)
_DTYPES = {'bool': '?', 'byte': 'u1', 'char': 'u1', 'float32': 'f4', 'float64': 'f8'} | {
    name: f'{"u" if sign else "i"}{bits // 8}' for name, (sign, bits) in _INTEGERS.items()
}


class Byte(bytes):
    """A value of the type ``byte``: bytes of length 1, as in rclpy, that can be serialised."""

    def __index__(self) -> int:
        """Return the number on the wire."""
        return self[0]


def _wrong(name: str, kind: str, value: object) -> AssertionError:
    return AssertionError(
        f"The '{name}' field must be of type '{kind}', not {type(value).__name__}"
    )


def _to_bool(name: str, value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise _wrong(name, 'bool', value)


def _to_byte(name: str, value: Any) -> Byte:  # noqa: ANN401
    if isinstance(value, bytes) and len(value) == 1:
        return Byte(value)
    if isinstance(value, int):  # as it comes from the wire
        return Byte((value,))
    raise _wrong(name, 'byte', value)


def _to_int(name: str, low: int, high: int, value: Any) -> int:  # noqa: ANN401
    if not isinstance(value, int):
        raise _wrong(name, 'int', value)
    if not low <= value <= high:
        raise AssertionError(f"The '{name}' field is {value}; it must be in [{low}, {high}]")
    return value


def _to_float(name: str, value: Any) -> float:  # noqa: ANN401
    if not isinstance(value, float):
        raise _wrong(name, 'float', value)
    return value


def _to_string(name: str, bound: int, value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise _wrong(name, 'str', value)
    if bound and len(value.encode()) > bound:
        raise AssertionError(f"The '{name}' field must have at most {bound} bytes")
    return value


def _to_message(name: str, typename: str, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, message_class(typename)):
        raise _wrong(name, typename, value)
    return value


def _base(name: str, kind: str, bound: int) -> tuple[Convert, Callable[[], Any]]:
    """Return the converter and the default of a single value."""
    if kind == 'string':
        return functools.partial(_to_string, name, bound), str
    if kind == 'bool':
        return functools.partial(_to_bool, name), bool
    if kind == 'byte':
        return functools.partial(_to_byte, name), lambda: Byte(b'\0')
    if kind.startswith('float'):
        return functools.partial(_to_float, name), float
    sign, bits = _INTEGERS[kind]
    low, high = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return functools.partial(_to_int, name, low, high), int


def _check_length(name: str, value: Any, length: int, fixed: bool) -> None:  # noqa: ANN401
    if (len(value) != length) if fixed else (length and len(value) > length):
        word = 'exactly' if fixed else 'at most'
        raise AssertionError(f"The '{name}' field must have {word} {length} values")


def _to_numbers(name: str, kind: str, length: int, fixed: bool, value: Any) -> np.ndarray:  # noqa: ANN401
    dtype = np.dtype(_DTYPES[kind])
    if not isinstance(value, np.ndarray):
        value = _numbers(name, kind, dtype, value)
    elif value.dtype != dtype:
        if not np.can_cast(value.dtype, dtype, 'safe'):
            raise _wrong(name, f'sequence of {kind}', value)
        value = value.astype(dtype)
    if value.ndim != 1:
        raise AssertionError(f"The '{name}' field must be a flat array, not {value.shape}")
    _check_length(name, value, length, fixed)
    return value


def _numbers(name: str, kind: str, dtype: np.dtype, value: Any) -> np.ndarray:  # noqa: ANN401
    """Return an array of what real setters take beside arrays."""
    if isinstance(value, (bytes, bytearray, memoryview)) and dtype.itemsize == 1:
        return np.frombuffer(value, dtype)
    if isinstance(value, array.array) and np.dtype(value.typecode) == dtype:
        return np.frombuffer(value, dtype)
    if isinstance(value, (str, bytes)):
        raise _wrong(name, f'sequence of {kind}', value)
    try:
        items = [_base(name, kind, 0)[0](item) for item in value]
    except TypeError:
        raise _wrong(name, f'sequence of {kind}', value) from None
    return np.array([operator.index(v) for v in items] if kind == 'byte' else items, dtype)


def _to_list(name: str, item: Convert, length: int, fixed: bool, value: Any) -> list:  # noqa: ANN401
    if isinstance(value, str):
        raise _wrong(name, 'sequence', value)
    found = [item(part) for part in value]
    _check_length(name, found, length, fixed)
    return found


def _field(name: str, description: Any) -> tuple[Convert, Callable[[], Any]]:  # noqa: ANN401
    """Return how a field takes values, and its default."""
    kind, argument = description
    if kind == Nodetype.BASE:
        return _base(name, *argument)
    if kind == Nodetype.NAME:
        return functools.partial(_to_message, name, argument), message_class(argument)
    (sub, inner), length = argument
    fixed = kind == Nodetype.ARRAY
    count = length if fixed else 0
    if sub == Nodetype.BASE and inner[0] != 'string':
        dtype = _DTYPES[inner[0]]
        numbers = functools.partial(_to_numbers, name, inner[0], length, fixed)
        return numbers, lambda: np.zeros(count, dtype)
    item, default = _field(name, (sub, inner))
    convert = functools.partial(_to_list, name, item, length, fixed)
    return convert, lambda: [default() for _ in range(count)]


class _Field:
    """A descriptor that converts what is assigned."""

    def __init__(self, name: str, convert: Convert) -> None:
        self._name, self._convert = name, convert

    def __set__(self, message: Any, value: Any) -> None:  # noqa: ANN401
        message.__dict__[self._name] = self._convert(value)

    def __get__(self, message: Any, owner: type | None = None) -> Any:  # noqa: ANN401
        return message.__dict__[self._name]


class Message:
    """What all message classes share."""

    _typename = ''
    _defaults: dict[str, Callable[[], Any]]

    def __init__(self, *values: Any, **fields: Any) -> None:  # noqa: ANN401
        """Take values by name; what is not named has its default.

        Raises:
            AssertionError: There is no field of that name, or its value is of a wrong type.
        """
        fields.update(zip(self._defaults, values))
        for name, default in self._defaults.items():
            if name in fields:
                setattr(self, name, fields.pop(name))
            else:
                self.__dict__[name] = default()
        if fields:
            known = ', '.join(self._defaults)
            raise AssertionError(
                f'{self._typename} has no field {next(iter(fields))!r}; it has {known}'
            )

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401
        """Refuse attributes that are not fields."""
        if name not in self._defaults:
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        """Compare all fields."""
        if type(self) is not type(other):
            return NotImplemented
        return all(
            np.array_equal(a, other.__dict__[name])
            if isinstance(a, np.ndarray) else a == other.__dict__[name]
            for name, a in self.__dict__.items()
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show all fields."""
        shown = ', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())
        return f'{self._typename.replace("/", ".")}({shown})'

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """Return the type of each field, in the words of interface definitions."""
        return {name: _describe(kind) for name, kind in types.fields(cls._typename)}


def _describe(description: Any) -> str:  # noqa: ANN401
    kind, argument = description
    if kind == Nodetype.BASE:
        name, bound = argument
        return {'float32': 'float', 'float64': 'double', 'byte': 'octet', 'bool': 'boolean'}.get(
            name, f'string<{bound}>' if bound else name
        )
    if kind == Nodetype.NAME:
        return argument.replace('/msg/', '/')
    inner, length = argument
    if kind == Nodetype.ARRAY:
        return f'{_describe(inner)}[{length}]'
    return f'sequence<{_describe(inner)}{f", {length}" if length else ""}>'


@functools.lru_cache(None)
def message_class(typename: str) -> type[Message]:
    """Return the class of a message, for example of ``sensor_msgs/msg/Image``."""
    parts = {name: _field(name, kind) for name, kind in types.fields(typename)}
    body: dict[str, Any] = {name: _Field(name, convert) for name, (convert, _) in parts.items()}
    body |= types.constants(typename)
    for name, kind, value in types.STORE.fielddefs[typename][0]:
        body[name] = Byte((value,)) if kind == 'byte' else value
    body |= {
        '_typename': typename,
        '_defaults': {name: default for name, (_, default) in parts.items()},
        '__module__': '.'.join(typename.split('/')[:-1]),
        '__doc__': f'Message {typename}.',
    }
    made = type(typename.rpartition('/')[2], (Message,), body)
    types.STORE.types[typename] = made
    return made


@functools.lru_cache(None)
def service_class(typename: str) -> type:
    """Return the class of a service, with ``Request`` and ``Response``."""
    body = {
        'Request': message_class(f'{typename}_Request'),
        'Response': message_class(f'{typename}_Response'),
        '_typename': typename,
        '__module__': '.'.join(typename.split('/')[:-1]),
        '__doc__': f'Service {typename}.',
    }
    return type(typename.rpartition('/')[2], (), body)


def typename_of(interface: Any) -> str:  # noqa: ANN401 (class or instance)
    """Return the ROS name of a message or service, class or instance.

    Raises:
        TypeError: It is neither.
    """
    name = getattr(interface, '_typename', None)
    if not name:
        raise TypeError(f'{interface!r} is not a message or service type')
    return name
