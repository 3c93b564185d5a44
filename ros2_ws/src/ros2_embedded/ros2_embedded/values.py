"""What the fields of messages hold: checks and defaults, as in the classes that ROS 2 generates.

Sequences of numbers are ``array.array``, fixed arrays of numbers are NumPy arrays, all other
arrays are lists. ``bool[]`` and ``byte[]`` are lists too: that is how rclpy has it.
"""

from __future__ import annotations

import array
import functools
import math
from collections.abc import Callable, Sequence, Set
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

CODES = {
    'bool': '?', 'byte': 'c', 'char': 'B', 'int8': 'b', 'uint8': 'B', 'int16': 'h', 'uint16': 'H',
    'int32': 'i', 'uint32': 'I', 'int64': 'q', 'uint64': 'Q', 'float32': 'f', 'float64': 'd',
}  # fmt: skip
"""Type codes, the same in `struct`, `array` and NumPy."""

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_CLASSES = {'bool': bool, 'byte': bytes, 'float32': float, 'float64': float, 'string': str}

Check = Callable[[Any], Any]
"""Returns what a field holds after a value was assigned to it.

Raises:
    AssertionError: The value is of a wrong type, out of range, too long or too short.
"""


def is_numeric(kind: str) -> bool:
    """Return whether arrays of a base type are arrays of numbers, not lists."""
    return kind not in ('bool', 'byte', 'string')


def checked(name: str, description: Any, message_class: Callable[[str], type]) -> Check:  # noqa: ANN401
    """Return the check for a field.

    Args:
        name: Of the field, for errors.
        description: Type of the field, as rosbags describes it.
        message_class: Finds the classes of nested messages.
    """
    kind, argument = description
    if kind == Nodetype.BASE:
        return _base(name, *argument)
    if kind == Nodetype.NAME:
        return functools.partial(_check_class, name, message_class(argument))
    (sub, inner), length = argument
    fixed = kind == Nodetype.ARRAY
    if sub == Nodetype.BASE and is_numeric(inner[0]):
        convert = _fixed_numbers if fixed else _numbers
        return functools.partial(convert, name, inner[0], length)
    item = checked(f'{name}[]', (sub, inner), message_class)
    return functools.partial(_check_list, name, item, length, fixed)


def default(description: Any, message_class: Callable[[str], type]) -> Callable[[], Any]:  # noqa: ANN401
    """Return what makes the default value of a field: zeros, empty text, empty arrays."""
    kind, argument = description
    if kind == Nodetype.BASE:
        return (lambda: b'\0') if argument[0] == 'byte' else _CLASSES.get(argument[0], int)
    if kind == Nodetype.NAME:
        return message_class(argument)
    (sub, inner), length = argument
    count = length if kind == Nodetype.ARRAY else 0
    if sub == Nodetype.BASE and is_numeric(inner[0]):
        code = CODES[inner[0]]
        if count:
            return functools.partial(np.zeros, count, code)
        return functools.partial(array.array, code)
    item = default((sub, inner), message_class)
    return lambda: [item() for _ in range(count)]


def _wrong(name: str, kind: str, value: object) -> AssertionError:
    return AssertionError(
        f"The '{name}' field must be of type '{kind}', not {type(value).__name__}"
    )


def _base(name: str, kind: str, bound: int) -> Check:
    """Return the check for a single value."""
    if kind == 'string':
        return functools.partial(_check_text, name, bound)
    if kind == 'byte':
        return functools.partial(_check_byte, name)
    if kind == 'float32':
        return functools.partial(_check_float32, name)
    if kind in _CLASSES:
        return functools.partial(_check_class, name, _CLASSES[kind])
    return functools.partial(_check_integer, name, *_limits(kind))


def _limits(kind: str) -> tuple[int, int]:
    limits = np.iinfo(CODES[kind])
    return int(limits.min), int(limits.max)


def _check_class(name: str, expected: type, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, expected):
        raise _wrong(name, expected.__name__, value)
    return value


def _check_byte(name: str, value: Any) -> bytes:  # noqa: ANN401
    if not (isinstance(value, bytes) and len(value) == 1):
        raise AssertionError(f"The '{name}' field must be bytes of length 1, not {value!r}")
    return value


def _check_integer(name: str, low: int, high: int, value: Any) -> int:  # noqa: ANN401
    if not isinstance(value, int):
        raise _wrong(name, 'int', value)
    if not low <= value <= high:
        raise AssertionError(f"The '{name}' field is {value}; it must be in [{low}, {high}]")
    return value


def _check_float32(name: str, value: Any) -> float:  # noqa: ANN401
    if not isinstance(value, float):
        raise _wrong(name, 'float', value)
    if abs(value) > _LARGEST_FLOAT32 and not math.isinf(value):
        raise AssertionError(f"The '{name}' field is {value}; it must fit into a float32")
    return value


def _check_text(name: str, bound: int, value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise _wrong(name, 'str', value)
    if bound and len(value.encode()) > bound:
        raise AssertionError(f"The '{name}' field must have at most {bound} bytes")
    return value


def _check_length(name: str, count: int, length: int, fixed: bool) -> None:
    if (count != length) if fixed else (length and count > length):
        word = 'exactly' if fixed else 'at most'
        raise AssertionError(f"The '{name}' field must have {word} {length} values, not {count}")


def _check_list(name: str, item: Check, length: int, fixed: bool, value: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, (Sequence, Set)):
        raise _wrong(name, 'sequence', value)
    for part in value:
        item(part)
    _check_length(name, len(value), length, fixed)
    return value if isinstance(value, list) else list(value)


def _numbers(name: str, kind: str, bound: int, value: Any) -> array.array[Any]:  # noqa: ANN401
    """Return what a sequence of numbers holds; at most one copy is made."""
    found = value if isinstance(value, array.array) else _array(name, kind, value)
    if found.typecode != CODES[kind]:
        raise AssertionError(
            f"The '{name}' field must be an array.array of the type code {CODES[kind]!r}, "
            f'not {found.typecode!r}'
        )
    _check_length(name, len(found), bound, fixed=False)
    return found


def _fixed_numbers(name: str, kind: str, length: int, value: Any) -> np.ndarray:  # noqa: ANN401
    """Return what a fixed array of numbers holds."""
    if isinstance(value, np.ndarray):
        found = _cast(name, kind, value)
    else:
        found = np.frombuffer(_numbers(name, kind, 0, value), CODES[kind])
    _check_length(name, len(found), length, fixed=True)
    return found


def _array(name: str, kind: str, value: Any) -> array.array[Any]:  # noqa: ANN401
    """Return numbers as an ``array.array``."""
    code = CODES[kind]
    if code == 'B' and _is_bytes(value):
        return _copied(code, value)
    if isinstance(value, np.ndarray):
        return _copied(code, _cast(name, kind, value).view(np.uint8))
    number = _CLASSES.get(kind, int)
    if isinstance(value, str) or not isinstance(value, (Sequence, Set)):
        raise _wrong(name, f'sequence of {kind}', value)
    if not all(isinstance(item, number) for item in value):
        raise AssertionError(f"The '{name}' field must be a sequence of {number.__name__} values")
    try:
        return array.array(code, value)
    except OverflowError:
        raise AssertionError(f"The '{name}' field must have values of the type {kind}") from None


def _is_bytes(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, memoryview):
        return value.format == 'B' and value.c_contiguous
    return isinstance(value, (bytes, bytearray))


def _copied(code: str, value: Any) -> array.array[Any]:  # noqa: ANN401 (any buffer)
    copy: array.array[Any] = array.array(code)
    copy.frombytes(value)
    return copy


def _cast(name: str, kind: str, value: np.ndarray) -> np.ndarray:
    """Return a flat array of the type of a field, without a copy where that is possible."""
    dtype = np.dtype(CODES[kind])
    if value.ndim != 1:
        raise AssertionError(f"The '{name}' field must be flat, not of shape {value.shape}")
    if value.dtype != dtype:
        if value.dtype.kind not in ('fiu' if dtype.kind == 'f' else 'iu'):
            raise AssertionError(f"The '{name}' field must have {kind} values, not {value.dtype}")
        with np.errstate(over='ignore'):
            cast = value.astype(dtype)
        if dtype.kind != 'f' and not np.array_equal(cast, value):
            raise AssertionError(f"The '{name}' field must have values of the type {kind}")
        value = cast
    return np.ascontiguousarray(value)
