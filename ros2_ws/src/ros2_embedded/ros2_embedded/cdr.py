"""Messages to bytes and back: CDR, version 1, with the encapsulation header in front.

Numbers that follow one another are packed by one `struct.Struct`; arrays of numbers are copied in
one piece. Alignment counts from the end of the encapsulation header.
"""

from __future__ import annotations

import array
import functools
import operator
import struct
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from rosbags.interfaces import Nodetype

from ros2_embedded import types
from ros2_embedded.messages import Message, message_class, typename_of
from ros2_embedded.values import CODES, is_numeric

_HEADER = b'\0\1\0\0'  # plain CDR, little-endian
_ORDERS = {b'\0\0': '>', b'\0\1': '<'}
_ZEROS = (b'', b'\0', b'\0\0', b'\0\0\0')


class CdrError(ValueError):
    """Bytes that are not a message of the type."""


def to_cdr(message: Message, prefix: bytes = b'') -> bytearray:
    """Serialise a message, little-endian.

    Args:
        message: Any message.
        prefix: Put between header and body: the request header of a service (16 bytes, so that
            alignment does not change).

    Returns:
        The bytes, padded to a multiple of 4.

    Raises:
        TypeError: A list in the message was given items of a wrong type, or too few or many.
    """
    typename = typename_of(message)
    sink = _Sink([_HEADER, prefix])
    try:
        _codec(typename).write(message, sink)
        sink.parts.append(_ZEROS[-sink.position & 3])
        return bytearray().join(sink.parts)
    except (AttributeError, TypeError, ValueError, struct.error) as error:
        raise TypeError(f'{typename} cannot be serialised: {error}') from None


def from_cdr(data: Any, kind: type | str, prefix: int = 0) -> Any:  # noqa: ANN401 (buffer, message)
    """Build a message from its bytes, which are copied.

    Args:
        data: Buffer with the encapsulation header; little- or big-endian.
        kind: Class or name of the message.
        prefix: Bytes between header and body.

    Raises:
        CdrError: The bytes are too short, or not CDR.
    """
    view = memoryview(data)
    typename = kind if isinstance(kind, str) else typename_of(kind)
    order = _ORDERS.get(bytes(view[:2]))
    if order is None:
        raise CdrError(f'{typename}: bytes that begin with {bytes(view[:4]).hex()!r} are not CDR')
    source = _Source(view[len(_HEADER) + prefix :], order)
    try:
        return _codec(typename).read(source)
    except (ValueError, struct.error) as error:
        raise CdrError(f'{len(view)} bytes are not a {typename}: {error}') from None


class _Sink:
    """Bytes being put together."""

    __slots__ = ('parts', 'position')

    def __init__(self, parts: list[Any]) -> None:
        self.parts, self.position = parts, 0

    def add(self, part: Any, size: int) -> None:  # noqa: ANN401 (any buffer)
        self.parts.append(part)
        self.position += size

    def pack(self, codes: str, *numbers: Any) -> None:  # noqa: ANN401
        layout = _layout('<', codes, self.position & 7)
        self.parts.append(layout.pack(*numbers))
        self.position += layout.size

    def align(self, size: int) -> None:
        self.add(b'\0' * (-self.position % size), -self.position % size)


class _Source:
    """Bytes being taken apart."""

    __slots__ = ('order', 'position', 'view')

    def __init__(self, view: memoryview, order: str) -> None:
        self.view, self.order, self.position = view, order, 0

    def unpack(self, codes: str) -> tuple[Any, ...]:
        layout = _layout(self.order, codes, self.position & 7)
        numbers = layout.unpack_from(self.view, self.position)
        self.position += layout.size
        return numbers

    def take(self, size: int, alignment: int = 1) -> memoryview:
        begin = self.position + -self.position % alignment
        self.position = begin + size
        if self.position > len(self.view):
            raise ValueError(f'{self.position} are needed')
        return self.view[begin : self.position]


@functools.lru_cache(None)
def _layout(order: str, codes: str, phase: int) -> struct.Struct:
    """Return the layout of numbers, padding included.

    Args:
        order: '<' or '>'.
        codes: One type code for each number.
        phase: Position of the first byte, modulo 8.
    """
    text, position = '', phase
    for code in codes:
        size = struct.calcsize(f'={code}')
        padding = -position % size
        text += f'{padding}x{code}'
        position += padding + size
    return struct.Struct(order + text)


class _Codec(Protocol):
    """Writes and reads values of one type."""

    def write(self, value: Any, sink: _Sink) -> None: ...  # noqa: ANN401
    def read(self, source: _Source) -> Any: ...  # noqa: ANN401


class _Text:
    """A string: its length with the final zero, its bytes, the zero."""

    def write(self, value: str, sink: _Sink) -> None:
        encoded = value.encode()
        sink.pack('I', len(encoded) + 1)
        sink.add(encoded, len(encoded))
        sink.add(b'\0', 1)

    def read(self, source: _Source) -> str:
        (length,) = source.unpack('I')
        # As rclpy does: a text in another code must not stop a node.
        return bytes(source.take(length)[:-1]).decode(errors='replace')


class _Array:
    """What sequences and fixed arrays share: the count in front of the former."""

    def __init__(self, count: int | None) -> None:
        self._count = count

    def _write_count(self, values: Any, sink: _Sink) -> int:  # noqa: ANN401
        found = len(values)
        if self._count is None:
            sink.pack('I', found)
        elif found != self._count:
            raise ValueError(f'an array has {found} values; it must have {self._count}')
        return found

    def _read_count(self, source: _Source) -> int:
        return source.unpack('I')[0] if self._count is None else self._count


class _Numbers(_Array):
    """An array of numbers, copied in one piece."""

    def __init__(self, code: str, count: int | None) -> None:
        super().__init__(count)
        self._code, self._size = code, struct.calcsize(f'={code}')

    def write(self, value: Any, sink: _Sink) -> None:  # noqa: ANN401 (array.array, ndarray)
        count = self._write_count(value, sink)
        if count:
            sink.align(self._size)
            sink.add(value, count * self._size)

    def read(self, source: _Source) -> Any:  # noqa: ANN401 (array.array, ndarray)
        count = self._read_count(source)
        numbers = array.array(self._code)
        if count:
            numbers.frombytes(source.take(count * self._size, self._size))
        if source.order == '>':
            numbers.byteswap()
        return numbers if self._count is None else np.frombuffer(numbers, self._code)


class _Flags(_Array):
    """A list of bool."""

    def write(self, value: list[bool], sink: _Sink) -> None:
        count = self._write_count(value, sink)
        sink.add(bytes(value), count)

    def read(self, source: _Source) -> list[bool]:
        return [flag != 0 for flag in source.take(self._read_count(source))]


class _Octets(_Array):
    """A list of byte, each bytes of length 1."""

    def write(self, value: list[bytes], sink: _Sink) -> None:
        count = self._write_count(value, sink)
        sink.add(b''.join(value), count)

    def read(self, source: _Source) -> list[bytes]:
        return [bytes((octet,)) for octet in source.take(self._read_count(source))]


class _Items(_Array):
    """A list of strings or messages."""

    def __init__(self, item: _Codec, count: int | None) -> None:
        super().__init__(count)
        self._item = item

    def write(self, value: list[Any], sink: _Sink) -> None:
        self._write_count(value, sink)
        for item in value:
            self._item.write(item, sink)

    def read(self, source: _Source) -> list[Any]:
        # A wrong count ends where the bytes do: every item takes at least one.
        return [self._item.read(source) for _ in range(self._read_count(source))]


class _Run:
    """Numbers of a message that follow one another."""

    def __init__(self, kind: type[Message], fields: list[tuple[str, str]]) -> None:
        self._codes = ''.join(CODES[base] for _, base in fields)
        names = [name for name, _ in fields]
        # attrgetter makes a tuple only of more than one.
        one = operator.attrgetter(*names)
        self._get: Callable[[Any], Any] = one if len(names) > 1 else lambda m: (one(m),)
        self._stores = [kind._members[name].store for name in names]

    def write(self, message: Message, sink: _Sink) -> None:
        sink.pack(self._codes, *self._get(message))

    def read(self, message: Message, source: _Source) -> None:
        for store, number in zip(self._stores, source.unpack(self._codes), strict=True):
            store(message, number)


class _Member:
    """Any other field of a message."""

    def __init__(self, kind: type[Message], name: str, codec: _Codec) -> None:
        self._get, self._store = operator.attrgetter(name), kind._members[name].store
        self._codec = codec

    def write(self, message: Message, sink: _Sink) -> None:
        self._codec.write(self._get(message), sink)

    def read(self, message: Message, source: _Source) -> None:
        self._store(message, self._codec.read(source))


class _Nothing:
    """The byte that stands for a message without fields."""

    def write(self, message: Message, sink: _Sink) -> None:
        sink.add(b'\0', 1)

    def read(self, message: Message, source: _Source) -> None:
        source.take(1)


class _Struct:
    """A message."""

    def __init__(self, typename: str) -> None:
        self._class = message_class(typename)
        self._steps = list(_steps(self._class, types.fields(typename)))

    def write(self, value: Message, sink: _Sink) -> None:
        for step in self._steps:
            step.write(value, sink)

    def read(self, source: _Source) -> Message:
        message = self._class.__new__(self._class)
        for step in self._steps:
            step.read(message, source)
        return message


def _steps(kind: type[Message], fields: list[tuple[str, Any]]) -> list[Any]:
    """Return what writes and reads the fields of a message, in order."""
    steps: list[Any] = []
    run: list[tuple[str, str]] = []
    for name, description in fields:
        if description[0] == Nodetype.BASE and description[1][0] != 'string':
            run.append((name, description[1][0]))
            continue
        if run:
            steps.append(_Run(kind, run))
            run = []
        steps.append(_Member(kind, name, _value(description)))
    if not kind._members:
        return [_Nothing()]
    return [*steps, _Run(kind, run)] if run else steps


def _value(description: Any) -> _Codec:  # noqa: ANN401 (of rosbags)
    """Return the codec of a field that is not a single number."""
    kind, argument = description
    if kind == Nodetype.BASE:
        return _Text()
    if kind == Nodetype.NAME:
        return _codec(argument)
    (sub, inner), length = argument
    count = length if kind == Nodetype.ARRAY else None
    if sub == Nodetype.BASE and is_numeric(inner[0]):
        return _Numbers(CODES[inner[0]], count)
    if sub == Nodetype.BASE and inner[0] != 'string':
        return _Flags(count) if inner[0] == 'bool' else _Octets(count)
    return _Items(_value((sub, inner)), count)


@functools.lru_cache(None)
def _codec(typename: str) -> _Struct:
    return _Struct(typename)
