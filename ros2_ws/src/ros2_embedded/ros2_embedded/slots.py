"""The types of fields as objects, as `rosidl_parser.definition` has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rosbags.interfaces import Nodetype

_ROS_WORDS = {'float32': 'float', 'float64': 'double', 'byte': 'octet', 'bool': 'boolean',
              'char': 'uint8'}  # fmt: skip


class AbstractType:
    """Any type."""


class AbstractNestableType(AbstractType):
    """A type of which there are arrays."""


class AbstractNestedType(AbstractType):
    """An array or a sequence."""


class AbstractSequence(AbstractNestedType):
    """A sequence."""


class AbstractString(AbstractNestableType):
    """A text."""


@dataclass(frozen=True)
class BasicType(AbstractNestableType):
    """A number, a boolean or an octet."""

    typename: str


@dataclass(frozen=True)
class NamespacedType(AbstractNestableType):
    """A message."""

    namespaces: list[str]
    name: str

    def namespaced_name(self) -> tuple[str, ...]:
        """Return package, kind and name."""
        return (*self.namespaces, self.name)


class UnboundedString(AbstractString):
    """A text of any length."""

    def __eq__(self, other: object) -> bool:
        """Compare the kinds: it has nothing else."""
        return type(self) is type(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class BoundedString(AbstractString):
    """A text of limited length."""

    maximum_size: int


@dataclass(frozen=True)
class Array(AbstractNestedType):
    """A fixed number of values."""

    value_type: AbstractType
    size: int


@dataclass(frozen=True)
class UnboundedSequence(AbstractSequence):
    """Any number of values."""

    value_type: AbstractType


@dataclass(frozen=True)
class BoundedSequence(AbstractSequence):
    """A limited number of values."""

    value_type: AbstractType
    maximum_size: int


def slot_type(description: Any) -> AbstractType:  # noqa: ANN401 (of rosbags)
    """Return the type of a field."""
    kind, argument = description
    if kind == Nodetype.BASE:
        name, bound = argument
        if name != 'string':
            return BasicType(_ROS_WORDS.get(name, name))
        return BoundedString(bound) if bound else UnboundedString()
    if kind == Nodetype.NAME:
        *spaces, name = argument.split('/')
        return NamespacedType(spaces, name)
    inner, length = argument
    if kind == Nodetype.ARRAY:
        return Array(slot_type(inner), length)
    return BoundedSequence(slot_type(inner), length) if length else UnboundedSequence(
        slot_type(inner)
    )
