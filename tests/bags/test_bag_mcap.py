"""MCAP files cut, damaged and whole, written by a small writer of the test's own."""

from __future__ import annotations

import struct
import zlib

import lz4.frame
import numpy as np
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from rosbags.rosbag2 import Reader

from claifo.bags.mcap import McapFile
from claifo_core.errors import ClaifoError

MAGIC = b'\x89MCAP0\r\n'
PACK = {'': lambda data: data, 'zstd': zstd.compress, 'lz4': lz4.frame.compress}
MESSAGES = [
    (1 + k % 2, 1000 + k, bytes([k]) * (5 + 3 * k)) for k in range(12)
]  # channel, time, data
TOPICS = {1: '/camera', 2: '/marker'}


def text(value):
    return struct.pack('<I', len(value)) + value.encode()


def record(opcode, body):
    return struct.pack('<BQ', opcode, len(body)) + body


def announce(key):
    schema = struct.pack('<H', key) + text(f'pkg/msg/Type{key}') + text('ros2msg') + text('')
    channel = struct.pack('<HH', key, key) + text(TOPICS[key]) + text('cdr') + text('')
    return record(3, schema) + record(4, channel)


def message(channel, time_ns, data):
    return record(5, struct.pack('<HIQQ', channel, 0, time_ns, time_ns) + data)


def chunk(content, compression, *, checksum=True):
    packed = PACK[compression](content)
    head = struct.pack('<QQQI', 0, 0, len(content), zlib.crc32(content) if checksum else 0)
    return record(6, head + text(compression) + struct.pack('<Q', len(packed)) + packed)


def build(compression, per_chunk):
    """Return the file, and per message the position from which on it is certainly whole."""
    out, whole = MAGIC + record(1, text('ros2') + text('test')), []
    for first in range(0, len(MESSAGES), per_chunk or 1):
        group = MESSAGES[first : first + (per_chunk or 1)]
        content = announce(1) + announce(2) if first == 0 else b''
        content += b''.join(message(*m) for m in group)
        out += chunk(content, compression) if per_chunk else content
        whole += [len(out)] * len(group)
    return out + record(15, b'\0\0\0\0') + record(2, bytes(20)) + MAGIC, whole


def read(path):
    file = McapFile(path)
    return [(t.name, n, bytes(d)) for t, n, d in file.messages()], file.losses


EXPECTED = [(TOPICS[channel], time, data) for channel, time, data in MESSAGES]
kinds = pytest.mark.parametrize(
    ('compression', 'per_chunk'), [('', 0), ('', 4), ('zstd', 4), ('lz4', 4), ('zstd', 12)]
)


@kinds
def test_whole_file(tmp_path, compression, per_chunk):
    path = tmp_path / 'a.mcap'
    path.write_bytes(build(compression, per_chunk)[0])
    assert read(path) == (EXPECTED, [])
    assert {(t.name, t.type) for t in McapFile(path).topics()} == {
        ('/camera', 'pkg/msg/Type1'),
        ('/marker', 'pkg/msg/Type2'),
    }


@kinds
def test_cut_at_every_byte(tmp_path, compression, per_chunk):
    data, whole = build(compression, per_chunk)
    path = tmp_path / 'a.mcap'
    end_of_data = len(data) - len(record(2, bytes(20)) + MAGIC)
    for size in range(1, len(data)):
        path.write_bytes(data[:size])
        found, losses = read(path)
        assert found == EXPECTED[: len(found)], size
        assert len(found) >= sum(end <= size for end in whole), size
        if size < end_of_data:
            assert len(losses) == 1 and str(path) in losses[0].reason, size
            assert 0 <= losses[0].lost_bytes <= size
        else:
            assert not losses, size


@kinds
@given(tail=st.binary(max_size=60), zeros=st.integers(0, 60), where=st.floats(0.05, 1))
def test_junk_behind_a_cut_is_never_a_crash(
    tmp_path_factory, compression, per_chunk, tail, zeros, where
):
    data, whole = build(compression, per_chunk)
    path = tmp_path_factory.mktemp('junk') / 'a.mcap'
    size = int(where * len(data))
    path.write_bytes(data[:size] + bytes(zeros) + tail)
    try:
        found, _ = read(path)
    except ClaifoError:
        assert size < len(MAGIC)
        return
    sure = sum(end <= size for end in whole)
    assert [message for message in found if message in EXPECTED[:sure]] == EXPECTED[:sure]


@pytest.mark.parametrize('compression', ['', 'zstd', 'lz4'])
def test_a_damaged_chunk_is_left_out_and_the_rest_is_read(tmp_path, compression):
    data, whole = build(compression, 4)
    data = bytearray(data)
    data[whole[7] - 12] ^= 0xFF  # in the last message of the second chunk
    path = tmp_path / 'a.mcap'
    path.write_bytes(data)
    found, losses = read(path)
    assert found == EXPECTED[:4] + EXPECTED[8:]
    assert len(losses) == 1
    assert 'chunk is damaged' in losses[0].reason


def test_cut_chunk_gives_what_is_left_of_it(tmp_path):
    """Images come in chunks of a megabyte: a cut must not cost all frames of the last one."""
    for compression in ('', 'zstd'):
        rng = np.random.default_rng(0)
        content = announce(1) + b''.join(message(1, k, rng.bytes(200_000)) for k in range(5))
        data = MAGIC + chunk(content, compression)
        path = tmp_path / 'a.mcap'
        path.write_bytes(data[: int(0.7 * len(data))])
        found, losses = read(path)
        assert len(found) >= 2, compression
        assert 'cut off' in losses[0].reason


@pytest.mark.parametrize('compression', ['none', 'storage'])
def test_reads_what_rosbags_reads(tmp_path, recorder, compression):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (300, 40, 40, 3)).astype(np.uint8)
    messages = [('/camera', 10 + k, recorder.image(k, p)) for k, p in enumerate(pictures)]
    messages += [('/marker', 10_000 + k, recorder.empty()) for k in range(3)]
    path = recorder.write(tmp_path / 'bag', messages, compression=compression)
    with Reader(path) as bag:
        expected = [(c.topic, c.msgtype, t, bytes(d)) for c, t, d in bag.messages()]
    file = McapFile(path / 'bag.mcap')
    assert {t.name for t in file.topics()} == {'/camera', '/marker'}
    assert [(t.name, t.type, n, bytes(d)) for t, n, d in file.messages()] == expected
    assert not file.losses


def test_topics_of_a_whole_file_come_from_its_index(tmp_path, recorder):
    path = recorder.write(
        tmp_path / 'bag', recorder.video([1, 2]), topics={'/x': 'std_msgs/msg/Empty'}
    )
    file = path / 'bag.mcap'
    data = bytearray(file.read_bytes())
    data[len(MAGIC) : len(MAGIC) + 1] = b'\0'  # the records in front can no longer be walked
    file.write_bytes(data)
    assert {t.name for t in McapFile(file).topics()} == {'/camera', '/x'}


def test_not_mcap(tmp_path):
    path = tmp_path / 'a.mcap'
    path.write_bytes(b'SQLite format 3')
    with pytest.raises(ClaifoError, match=r'a\.mcap: not an MCAP file'):
        McapFile(path)
    path.write_bytes(b'')
    with pytest.raises(ClaifoError, match=r'a\.mcap: the file is empty'):
        McapFile(path)
