"""The seam to DDS: bytes in, the same bytes out, in one process and in two."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from ros2_embedded import transport
from ros2_embedded.cdr import from_cdr, to_cdr
from ros2_embedded.messages import message_class
from ros2_embedded.transport import Qos

STRING = 'std_msgs/msg/String'
String = message_class(STRING)


@pytest.fixture
def participant():
    made = transport.Participant()
    yield made
    made.close()


def wait(question, limit_s=10.0):
    end = time.monotonic() + limit_s
    while not question():
        assert time.monotonic() < end, 'it did not come to pass'
        time.sleep(0.01)


def taken(reader, count):
    found = []

    def enough():
        found.extend(reader.take(100))
        return len(found) >= count

    wait(enough)
    return found


def test_bytes_arrive_unchanged(participant):
    writer = participant.writer('rt/a', STRING, Qos())
    reader = participant.reader('rt/a', STRING, Qos())
    sent = to_cdr(String(data='grüße'))
    before = time.time_ns()
    writer.write(sent)
    (sample,) = taken(reader, 1)
    assert sample.data == bytes(sent)
    assert before <= sample.source_ns <= time.time_ns()
    assert sample.publisher == writer.handle


def test_late_readers_get_what_the_writer_keeps(participant):
    writer = participant.writer('rt/b', STRING, Qos(depth=2, transient_local=True))
    for word in 'abc':
        writer.write(to_cdr(String(data=word)))
    reader = participant.reader('rt/b', STRING, Qos(depth=10, transient_local=True))
    assert [from_cdr(s.data, STRING).data for s in taken(reader, 2)] == ['b', 'c']


def test_the_newest_wins_when_one_is_kept(participant):
    writer = participant.writer('rt/c', STRING, Qos(depth=1, reliable=False))
    reader = participant.reader('rt/c', STRING, Qos(depth=1, reliable=False))
    for word in 'abc':
        writer.write(to_cdr(String(data=word)))
    time.sleep(0.2)
    assert [from_cdr(s.data, STRING).data for s in reader.take(10)] == ['c']


def test_a_wait_ends_by_a_sample_a_guard_or_time(participant):
    writer = participant.writer('rt/d', STRING, Qos())
    reader = participant.reader('rt/d', STRING, Qos())
    guard, waits = participant.guard(), participant.waitset()
    waits.attach(reader)
    waits.attach(guard)
    assert waits.wait(0.02) == []
    writer.write(to_cdr(String(data='x')))
    wait(lambda: waits.wait(0.05) == [reader])
    taken(reader, 1)
    threading.Timer(0.05, guard.trigger).start()
    wait(lambda: waits.wait(0.05) == [guard])
    guard.clear()
    waits.detach(reader)
    writer.write(to_cdr(String(data='y')))
    assert waits.wait(0.1) == []


def test_other_threads_run_during_a_wait(participant):
    """A wait that held the GIL would stop this counter."""
    waits, guard = participant.waitset(), participant.guard()
    waits.attach(guard)
    counted, over = [0], threading.Event()

    def count():
        while not over.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = counted[0]
    waits.wait(0.1)
    over.set()
    thread.join()
    assert counted[0] - before > 1000


def test_matches_and_incompatible_requests_are_counted(participant):
    writer = participant.writer('rt/e', STRING, Qos(reliable=False))
    assert writer.matches()[1] == 0
    fits = participant.reader('rt/e', STRING, Qos(reliable=False))
    wants_more = participant.reader('rt/e', STRING, Qos(reliable=True))
    wait(lambda: writer.matches()[1] == 1 and fits.matches()[1] == 1)
    assert wants_more.matches()[1] == 0
    assert wants_more.status().incompatible_qos == 1
    assert writer.status().incompatible_qos == 1
    fits.close()
    wait(lambda: writer.matches()[1] == 0)


def test_a_missed_deadline_is_counted(participant):
    writer = participant.writer('rt/f', STRING, Qos(deadline_ns=20_000_000))
    reader = participant.reader('rt/f', STRING, Qos(deadline_ns=20_000_000))
    writer.write(to_cdr(String(data='x')))
    wait(lambda: reader.status().deadline_missed > 0 and writer.status().deadline_missed > 0)


def test_endpoints_tell_what_was_asked_for(participant):
    qos = Qos(depth=3, transient_local=True, deadline_ns=10**9, lifespan_ns=2 * 10**9)
    writer = participant.writer('rt/g', STRING, qos, user_data='typehash=x;')
    (found,) = [e for e in participant.endpoints() if e.guid == writer.guid]
    assert found.topic == 'rt/g'
    assert found.typename == 'std_msgs::msg::dds_::String_'
    assert found.is_writer
    assert found.participant[:12] == participant.guid[:12]
    assert found.qos == qos
    assert found.user_data == 'typehash=x;'
    writer.close()
    wait(lambda: all(e.guid != writer.guid for e in participant.endpoints()))


def test_closing_twice_and_out_of_order_is_harmless():
    participant = transport.Participant()
    writer = participant.writer('rt/h', STRING, Qos())
    reader, guard = participant.reader('rt/h', STRING, Qos()), participant.guard()
    participant.close()
    for part in (writer, reader, guard, participant, writer):
        part.close()
    guard.trigger()
    with pytest.raises(transport.RCLError):
        writer.write(to_cdr(String(data='x')))
    again = transport.Participant()
    again.close()


def test_a_wait_ends_when_the_participant_is_closed():
    participant = transport.Participant()
    waits, guard = participant.waitset(), participant.guard()
    waits.attach(guard)
    threading.Timer(0.05, participant.close).start()
    begun = time.monotonic()
    while time.monotonic() - begun < 0.5:
        waits.wait(None)


PEER = """
import sys, time
from ros2_embedded import transport
from ros2_embedded.cdr import from_cdr, to_cdr
from ros2_embedded.messages import message_class
Image = message_class('sensor_msgs/msg/Image')
p = transport.Participant()
r = p.reader('rt/big', 'sensor_msgs/msg/Image', transport.Qos())
w = p.writer('rt/back', 'sensor_msgs/msg/Image', transport.Qos())
s = p.waitset(); s.attach(r)
while True:
    s.wait(None)
    for sample in r.take(10):
        w.write(to_cdr(from_cdr(sample.data, Image)))
"""


def test_large_messages_go_to_another_process_and_back(participant):
    Image = message_class('sensor_msgs/msg/Image')  # noqa: N806 (a class)
    child = subprocess.Popen([sys.executable, '-c', PEER], env=environment())
    try:
        writer = participant.writer('rt/big', 'sensor_msgs/msg/Image', Qos())
        reader = participant.reader('rt/back', 'sensor_msgs/msg/Image', Qos())
        wait(lambda: writer.matches()[1] and reader.matches()[1], 20)
        data = bytes(range(256)) * 3600
        sent = to_cdr(Image(height=480, width=640, encoding='rgb8', step=1920, data=data))
        for _ in range(5):
            writer.write(sent)
            assert taken(reader, 1)[0].data == bytes(sent)
    finally:
        child.kill()
        child.wait()


def environment():
    import os

    import ros2_embedded

    return os.environ | {'PYTHONPATH': os.path.dirname(os.path.dirname(ros2_embedded.__file__))}


def test_a_process_that_never_closes_ends_cleanly():
    code = (
        'from ros2_embedded import transport as t\n'
        "p = t.Participant(); w = p.writer('rt/a', 'std_msgs/msg/String', t.Qos())\n"
        "r = p.reader('rt/a', 'std_msgs/msg/String', t.Qos()); s = p.waitset(); s.attach(r)"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], env=environment(), capture_output=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, b'')
