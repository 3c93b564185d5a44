"""Types of fields, as they stand in ``SLOT_TYPES`` of message classes."""

from ros2_embedded.slots import (
    AbstractNestableType,
    AbstractNestedType,
    AbstractSequence,
    AbstractString,
    AbstractType,
    Array,
    BasicType,
    BoundedSequence,
    BoundedString,
    NamespacedType,
    UnboundedSequence,
    UnboundedString,
)

__all__ = [
    'AbstractNestableType', 'AbstractNestedType', 'AbstractSequence', 'AbstractString',
    'AbstractType', 'Array', 'BasicType', 'BoundedSequence', 'BoundedString', 'NamespacedType',
    'UnboundedSequence', 'UnboundedString',
]  # fmt: skip
