"""Python classes of messages and services, made from their definitions.

They behave as those that ROS 2 generates: default values, construction by keywords, setters that
refuse values of a wrong type, constants as class attributes.
"""

from __future__ import annotations

import array
import copy
import functools
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from rosbags.interfaces import Nodetype

from ros2_embedded import slots, types, values

_ROS_WORDS = {'float32': 'float', 'float64': 'double', 'byte': 'octet', 'bool': 'boolean'}


class Member(NamedTuple):
    """A field of a message class.

    Attributes:
        store: Puts a value into a message, unchecked.
        default: Makes the default value.
    """

    store: Callable[[Any, Any], None]
    default: Callable[[], Any]


class Message:
    """What all message classes share."""

    __slots__ = ()
    _typename = ''
    _members: dict[str, Member] = {}  # noqa: RUF012 (each class has its own)

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401
        """Take values by name; what is not named has its default.

        Raises:
            AssertionError: There is no field of that name, or its value is of a wrong type.
        """
        for name, member in self._members.items():
            if name in fields:
                setattr(self, name, fields.pop(name))
            else:
                member.store(self, member.default())
        if fields:
            raise AssertionError(
                f'Invalid arguments passed to constructor: {self._typename} has no field '
                f'{next(iter(fields))!r}; it has {", ".join(self._members)}'
            )

    def __eq__(self, other: object) -> bool:
        """Compare all fields."""
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in self._members)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show all fields."""
        shown = ', '.join(f'{name}={_shown(getattr(self, name))}' for name in self._members)
        return f'{self._typename.replace("/", ".")}({shown})'

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """Return the type of each field, in the words of interface definitions."""
        return {
            name: _described(description)
            for name, description in types.fields(cls._typename)
            if name in cls._members
        }


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def _shown(value: Any) -> str:  # noqa: ANN401
    """Return the numbers of an array as a list, all else as it shows itself."""
    return repr(value.tolist() if isinstance(value, (array.array, np.ndarray)) else value)


def _described(description: Any) -> str:  # noqa: ANN401 (of rosbags)
    kind, argument = description
    if kind == Nodetype.BASE:
        name, bound = argument
        return f'string<{bound}>' if bound else _ROS_WORDS.get(name, name)
    if kind == Nodetype.NAME:
        return argument.replace('/msg/', '/')
    inner, length = argument
    if kind == Nodetype.ARRAY:
        return f'{_described(inner)}[{length}]'
    return f'sequence<{_described(inner)}{f", {length}" if length else ""}>'


@functools.lru_cache(None)
def message_class(typename: str) -> type[Message]:
    """Return the class of a message, for example of ``sensor_msgs/msg/Image``."""
    fields = [field for field in types.fields(typename) if field[0] != types.PLACEHOLDER]
    body: dict[str, Any] = types.constants(typename) | {
        '__slots__': tuple(f'_{name}' for name, _ in fields),
        '__module__': '.'.join(typename.split('/')[:-1]),
        '__qualname__': _qualname(typename),
        '__doc__': f'Message {typename}.',
        '_typename': typename,
        'SLOT_TYPES': tuple(slots.slot_type(description) for _, description in fields),
    } | {f'{n.upper()}__DEFAULT': value for n, value in types.defaults(typename).items()}
    made: type[Message] = type(typename.rpartition('/')[2], (Message,), body)
    made._members = {name: _add(made, name, description) for name, description in fields}
    return made


def _qualname(typename: str) -> str:
    """Return where the class is found in its module: those of services in the service."""
    name = typename.rpartition('/')[2]
    return re.sub('_(Request|Response)$', r'.\1', name) if '/srv/' in typename else name


def _add(owner: type[Message], name: str, description: Any) -> Member:  # noqa: ANN401 (of rosbags)
    """Make a field of a class accessible, and return it."""
    check = values.checked(name, description, message_class)
    store = vars(owner)[f'_{name}'].__set__

    def assign(message: Message, value: Any) -> None:  # noqa: ANN401
        store(message, check(value))

    setattr(owner, name, property(operator.attrgetter(f'_{name}'), assign))
    special = types.defaults(owner._typename).get(name)
    if special is not None:
        return Member(store, lambda: check(copy.copy(special)))
    return Member(store, values.default(description, message_class))


@functools.lru_cache(None)
def service_class(typename: str) -> type:
    """Return the class of a service, with ``Request`` and ``Response``."""
    body = {
        'Request': message_class(f'{typename}_Request'),
        'Response': message_class(f'{typename}_Response'),
        '__module__': '.'.join(typename.split('/')[:-1]),
        '__doc__': f'Service {typename}.',
        '_typename': typename,
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
