"""What we use of the private parts of cyclonedds; a new version must keep it, or this fails."""

from __future__ import annotations

import ctypes
import inspect
from importlib import metadata

from cyclonedds import _clayer
from cyclonedds.core import Entity, GuardCondition, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import load_cyclonedds
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from ros2_embedded import idl
from ros2_embedded.cdr import to_cdr
from ros2_embedded.messages import message_class

ANY = 0b111_1111


def test_the_version_is_the_one_that_was_looked_at():
    assert metadata.version('cyclonedds').startswith('11.0.')


def test_take_gives_bytes_with_the_info_that_we_read():
    participant = DomainParticipant(0, qos=Qos())
    topic = Topic(participant, 'rt/contract', idl.struct('std_msgs/msg/String'))
    reader, writer = DataReader(participant, topic), DataWriter(participant, topic)
    assert _clayer.ddspy_take(reader._ref, ANY, 1) == []
    data = to_cdr(message_class('std_msgs/msg/String')(data='abc'))
    assert _clayer.ddspy_write(writer._ref, bytes(data)) == 0
    ((found, info),) = _clayer.ddspy_take(reader._ref, ANY, 1)
    assert found == bytes(data)
    assert info.valid_data
    assert info.source_timestamp > 0
    assert info.publication_handle & (2**64 - 1)


def test_a_closed_reader_gives_a_number():
    assert isinstance(_clayer.ddspy_take(1, ANY, 1), int)


def test_the_library_has_the_functions_that_we_call():
    library = load_cyclonedds()
    for name in ('dds_write', 'dds_waitset_attach', 'dds_waitset_detach', 'dds_waitset_wait'):
        assert isinstance(getattr(library, name), ctypes._CFuncPtr)


def test_entities_are_deleted_once_by_their_finaliser():
    source = inspect.getsource(Entity.__del__)
    assert 'self._ref not in self._entities' in source
    participant = DomainParticipant(0)
    participant.__del__()
    participant.__del__()


def test_guards_can_be_set_by_reference():
    participant = DomainParticipant(0)
    guard = GuardCondition(participant)
    assert guard._set_guardcondition(guard._ref, True) == 0
    assert guard.read()
