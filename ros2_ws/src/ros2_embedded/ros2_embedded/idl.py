"""Message definitions as the structs that Cyclone DDS registers topics with.

Only the shape counts: it travels as type information and lets Cyclone check samples. The bytes
themselves are made and read in :mod:`ros2_embedded.cdr`.
"""

from __future__ import annotations

import functools
from typing import Any

import cyclonedds.idl.types
from cyclonedds.idl import make_idl_struct
from rosbags.interfaces import Nodetype

from ros2_embedded import types

idl: Any = cyclonedds.idl.types

_BASE = {
    'bool': bool, 'byte': idl.uint8, 'char': idl.uint8, 'int8': idl.int8, 'uint8': idl.uint8,
    'int16': idl.int16, 'uint16': idl.uint16, 'int32': idl.int32, 'uint32': idl.uint32,
    'int64': idl.int64, 'uint64': idl.uint64, 'float32': idl.float32, 'float64': idl.float64,
}  # fmt: skip
# What rmw_cyclonedds puts in front of every request and response.
_SERVICE_HEADER = {'client_guid': idl.uint64, 'sequence_number': idl.int64}


@functools.lru_cache(None)
def struct(typename: str, service: bool = False) -> type:
    """Return the struct of a message type.

    Args:
        typename: Name in ROS, for example ``sensor_msgs/msg/Image``.
        service: Put the header of requests and responses in front.
    """
    members = dict(_SERVICE_HEADER) if service else {}
    members |= {name: _type(description) for name, description in types.fields(typename)}
    name = types.mangled(typename)
    return make_idl_struct(name.rpartition('::')[2], name.replace('::', '.'), members)


def _type(description: Any) -> Any:  # noqa: ANN401 (descriptions of rosbags, types of cyclonedds)
    kind, argument = description
    if kind == Nodetype.BASE:
        name, bound = argument
        if name == 'string':
            return idl.bounded_str[bound] if bound else str
        return _BASE[name]
    if kind == Nodetype.NAME:
        return struct(argument)
    inner, count = argument
    if kind == Nodetype.ARRAY:
        return idl.array[_type(inner), count]
    return idl.sequence[_type(inner), count] if count else idl.sequence[_type(inner)]
