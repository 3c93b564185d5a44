"""Finding bags, and reading whatever a recorder left behind."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import tracemalloc

import numpy as np
import pytest
import yaml
from backports import zstd
from rosbags.rosbag2 import Reader

from claifo.bags.reader import Bag, find_bags
from claifo_core.errors import ClaifoError

STORAGES = pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
SUFFIX = {'mcap': '.mcap', 'sqlite3': '.db3'}


def stamps(path):
    """Times of recording of all messages of the only bag, and what was lost."""
    (where,) = find_bags([path])
    with Bag(where) as bag:
        return [time_ns for _, time_ns, _ in bag.messages()], bag.losses


@STORAGES
@pytest.mark.parametrize('compression', ['none', 'message', 'file'])
def test_same_messages_as_rosbags(tmp_path, recorder, storage, compression):
    path = recorder.write(
        tmp_path / 'bag', recorder.video([5, 6, 9]), storage=storage, compression=compression
    )
    with Reader(path) as bag:
        expected = [t for _, t, _ in bag.messages()]
    assert stamps(path) == (expected, [])


@STORAGES
def test_a_file_alone_is_a_bag(tmp_path, recorder, storage):
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]), storage=storage)
    assert stamps(path / f'bag{SUFFIX[storage]}') == ([5, 6], [])


@STORAGES
def test_missing_metadata_is_reported(tmp_path, recorder, storage):
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]), storage=storage)
    (path / 'metadata.yaml').unlink()
    found, losses = stamps(path)
    assert found == [5, 6]
    assert 'metadata.yaml is missing' in losses[0].reason


@STORAGES
@pytest.mark.parametrize('content', ['', 'rosbag2_bagfile_', ': [', 'a: 1', '- 1'])
def test_unreadable_metadata_is_reported(tmp_path, recorder, storage, content):
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]), storage=storage)
    (path / 'metadata.yaml').write_text(content)
    found, losses = stamps(path)
    assert found == [5, 6]
    assert str(path / 'metadata.yaml') in losses[0].reason


def split_bag(tmp_path, recorder):
    """A bag of three files, as a recorder makes it when it splits at a size."""
    parts = [
        recorder.write(tmp_path / f'p{k}', recorder.video([10 * k, 10 * k + 1]))
        for k in (2, 9, 10)
    ]
    folder = tmp_path / 'split'
    folder.mkdir()
    metadata = yaml.safe_load((parts[0] / 'metadata.yaml').read_text())
    names = [f'split_{k}.mcap' for k in (2, 9, 10)]
    for part, name in zip(parts, names, strict=True):
        shutil.copy(next(part.glob('*.mcap')), folder / name)
    metadata['rosbag2_bagfile_information']['relative_file_paths'] = names
    (folder / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    return folder


def test_files_of_a_split_bag_follow_each_other(tmp_path, recorder):
    folder = split_bag(tmp_path, recorder)
    assert stamps(folder) == ([20, 21, 90, 91, 100, 101], [])
    (folder / 'metadata.yaml').unlink()  # then in natural order, 9 before 10
    assert stamps(folder)[0] == [20, 21, 90, 91, 100, 101]


def test_a_file_of_a_split_bag_may_be_missing_or_unreadable(tmp_path, recorder):
    folder = split_bag(tmp_path, recorder)
    (folder / 'split_2.mcap').unlink()
    (folder / 'split_9.mcap').write_bytes(b'')
    found, losses = stamps(folder)
    assert found == [100, 101]
    assert [
        str(folder / name) in loss.reason
        for name, loss in zip(('split_2.mcap', 'split_9.mcap'), losses, strict=True)
    ] == [True, True]


def test_a_data_set_is_read_in_natural_order(tmp_path, recorder):
    for k in (10, 9, 100):
        recorder.write(tmp_path / 'set' / f'run_{k}', recorder.video([k]))
    (tmp_path / 'set' / '.run_1.tmp').mkdir()
    (tmp_path / 'set' / 'claifo.json').write_text('{}')
    names = [bag.path.name for bag in find_bags([tmp_path / 'set'])]
    assert names == ['run_9', 'run_10', 'run_100']


def test_bare_files_in_a_folder_are_bags_of_their_own(tmp_path, recorder):
    folder = tmp_path / 'loose'
    folder.mkdir()
    for k in (1, 2):
        path = recorder.write(tmp_path / f'b{k}', recorder.video([k]))
        shutil.copy(path / f'b{k}.mcap', folder / f'take_{k}.mcap')
    assert [bag.path.name for bag in find_bags([folder])] == ['take_1.mcap', 'take_2.mcap']


def test_sqlite_with_a_log_of_a_killed_recorder(tmp_path, recorder):
    """What SQLite wrote to its log only is still there."""
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]), storage='sqlite3')
    live, folder = path / 'bag.db3', tmp_path / 'bag2'
    database = sqlite3.connect(live)
    database.execute('PRAGMA journal_mode=WAL').fetchall()
    database.execute('PRAGMA wal_autocheckpoint=0').fetchall()
    database.execute('INSERT INTO messages SELECT 3, topic_id, 7, data FROM messages WHERE id=2')
    database.commit()
    shutil.copytree(path, folder)  # as the disk is at the moment of the kill
    database.close()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    found, losses = stamps(folder)
    assert found == [5, 6, 7]
    assert 'not closed' in losses[0].reason
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_zstd_file_that_is_cut_is_read_as_far_as_it_goes(tmp_path, recorder):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (60, 120, 120, 3)).astype(np.uint8)
    messages = [('/camera', k, recorder.image(k, f)) for k, f in enumerate(frames)]
    path = recorder.write(tmp_path / 'bag', messages, compression='file')
    packed = path / 'bag.mcap.zstd'
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    found, losses = stamps(path)
    assert 20 <= len(found) < 40
    assert found == list(range(len(found)))
    assert any('damaged' in loss.reason for loss in losses)


def test_nothing_is_left_in_the_temporary_folder(tmp_path, recorder, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'scratch'))
    (tmp_path / 'scratch').mkdir()
    path = recorder.write(tmp_path / 'bag', recorder.video([5]), compression='file')
    assert stamps(path)[0] == [5]
    (path / 'bag.mcap.zstd').write_bytes(zstd.compress(b'junk'))
    with pytest.raises(ClaifoError, match='not an MCAP file'):
        stamps(path)
    assert not list((tmp_path / 'scratch').iterdir())


def test_paths_that_are_no_bag(tmp_path):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'notes.txt').write_text('x')
    (tmp_path / 'old.bag').write_text('#ROSBAG V2.0')
    (tmp_path / 'short.db3').write_bytes(b'')
    (tmp_path / 'fake.db3').write_bytes(b'no database at all, though long enough' * 30)
    (tmp_path / 'listed').mkdir()
    (tmp_path / 'listed' / 'metadata.yaml').write_text(
        'rosbag2_bagfile_information: {relative_file_paths: [gone.mcap]}'
    )
    for name, words in {
        'gone': 'does not exist',
        'empty': 'no bag in this folder',
        'notes.txt': 'not a bag',
        'old.bag': 'rosbags-convert --src',
        'short.db3': 'file is empty',
        'fake.db3': 'not a readable rosbag2 database',
        'listed': 'gone.mcap: listed in metadata.yaml but missing',
    }.items():
        with pytest.raises(ClaifoError) as caught:
            stamps(tmp_path / name)
        assert words in str(caught.value)
        assert str(tmp_path / name) in str(caught.value)


def test_a_sqlite_file_of_something_else(tmp_path):
    path = tmp_path / 'other.db3'
    database = sqlite3.connect(path)
    database.execute('CREATE TABLE notes (text TEXT)')
    database.close()
    with pytest.raises(ClaifoError, match=r'other\.db3: not a readable rosbag2 database'):
        stamps(path)


def test_a_damaged_sqlite_file_gives_what_it_can_or_says_so(tmp_path, recorder):
    path = recorder.write(tmp_path / 'bag', recorder.video(list(range(400))), storage='sqlite3')
    file = path / 'bag.db3'
    data = file.read_bytes()
    for part in (0.3, 0.6, 0.9):
        file.write_bytes(data[: int(part * len(data))])
        try:
            found, losses = stamps(path)
        except ClaifoError as error:
            assert str(file) in str(error)
        else:
            assert found == list(range(len(found)))
            assert losses


def shuffled(recorder, count=60):
    """Messages of two topics and a marker, and the same in other orders of writing."""
    times = [10**9 + k * 10**7 for k in range(count)]
    messages = recorder.video(times, '/a', (90, 90)) + recorder.video(times, '/b', (90, 90))
    messages += [('/marker', 10**9 + k * 2 * 10**8 - 1, recorder.empty()) for k in range(3)]
    return messages


@STORAGES
@pytest.mark.parametrize('compression', ['none', 'storage', 'message'])
@pytest.mark.parametrize('order', ['topics', 'backwards', 'random'])
def test_messages_come_by_log_time_however_they_were_written(
    tmp_path, recorder, storage, compression, order
):
    if storage == 'sqlite3' and compression == 'storage':
        compression = 'none'
    messages = shuffled(recorder)
    wanted = sorted((time_ns, topic) for topic, time_ns, _ in messages)
    if order == 'backwards':
        messages.reverse()
    if order == 'random':
        messages = [messages[k] for k in np.random.default_rng(0).permutation(len(messages))]
    path = recorder.write(tmp_path / 'bag', messages, storage=storage, compression=compression)
    (where,) = find_bags([path])
    with Bag(where) as bag:
        found = [(time_ns, topic.name) for topic, time_ns, _ in bag.messages()]
        assert not bag.losses
    assert [time_ns for time_ns, _ in found] == [time_ns for time_ns, _ in wanted]
    assert sorted(found) == wanted


def test_messages_of_one_time_keep_their_place(tmp_path, recorder):
    messages = [('/c', 5, m) for _, _, m in recorder.video(list(range(1, 9)))]
    (where,) = find_bags([recorder.write(tmp_path / 'bag', messages)])
    with Bag(where) as bag:
        found = [int.from_bytes(data[8:12], 'little') for _, _, data in bag.messages()]
    assert found == list(range(1, 9))


def test_frames_across_a_split_come_by_log_time(tmp_path, recorder):
    folder = split_bag(tmp_path, recorder)
    metadata = yaml.safe_load((folder / 'metadata.yaml').read_text())
    metadata['rosbag2_bagfile_information']['relative_file_paths'].reverse()
    (folder / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    assert stamps(folder)[0] == [20, 21, 90, 91, 100, 101]


def test_a_renamed_folder_of_a_killed_split_recording_is_one_bag(tmp_path, recorder):
    folder = tmp_path / 'renamed'
    folder.mkdir()
    for k in (0, 1, 2):
        path = recorder.write(tmp_path / f'b{k}', recorder.video([10 * k, 10 * k + 1]))
        shutil.copy(path / f'b{k}.mcap', folder / f'rosbag2_2026_01_01_{k}.mcap')
    assert stamps(folder)[0] == [0, 1, 10, 11, 20, 21]


@STORAGES
def test_messages_that_the_metadata_promise_are_missed(tmp_path, recorder, storage):
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6, 9]), storage=storage)
    metadata = path / 'metadata.yaml'
    metadata.write_text(metadata.read_text().replace('message_count: 3', 'message_count: 7'))
    found, losses = stamps(path)
    assert found == [5, 6, 9]
    assert '4 of 7 messages on /camera are missing' in losses[0].reason


def test_a_topic_of_two_types_is_said(tmp_path, recorder):
    folder = split_bag(tmp_path, recorder)
    other = recorder.write(tmp_path / 'other', [('/camera', 30, recorder.empty())])
    shutil.copy(other / 'other.mcap', folder / 'split_2.mcap')
    assert 'is of type std_msgs/msg/Empty and sensor_msgs' in stamps(folder)[1][-1].reason


@pytest.mark.parametrize('lost_bytes', [100, 4096, 3 * 4096])
def test_a_database_that_was_cut_is_read_as_far_as_it_goes(tmp_path, recorder, lost_bytes):
    frames = np.random.default_rng(0).integers(1, 256, (20, 60, 60, 3)).astype(np.uint8)
    messages = [('/c', k, recorder.image(k, frame)) for k, frame in enumerate(frames)]
    path = recorder.write(tmp_path / 'bag', messages, storage='sqlite3')
    file = path / 'bag.db3'
    file.write_bytes(file.read_bytes()[:-lost_bytes])
    (where,) = find_bags([path])
    with Bag(where) as bag:
        found = [(time_ns, bytes(data)) for _, time_ns, data in bag.messages()]
        lines = [loss.reason for loss in bag.losses]
    assert len(found) >= 16
    assert all(data == recorder.serialize(messages[time_ns][2]) for time_ns, data in found)
    assert 'cut off at byte' in lines[0]


def test_sqlite_values_of_other_types_are_counted(tmp_path, recorder):
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6, 9, 10]), storage='sqlite3')
    with sqlite3.connect(path / 'bag.db3') as database:
        database.execute("UPDATE messages SET timestamp = 'noon' WHERE timestamp = 5")
        database.execute("UPDATE messages SET data = 'text' WHERE timestamp = 6")
        database.execute('UPDATE messages SET topic_id = 77 WHERE timestamp = 9')
    found, losses = stamps(path)
    assert found == [10]
    assert '3 of 4 messages on /camera are missing' in losses[-1].reason


@pytest.mark.parametrize('kind', ['chunk', 'message'])
def test_bombs_are_not_unpacked(tmp_path, recorder, kind):
    bomb = b''.join(zstd.compress(bytes(1 << 25)) for _ in range(8))
    if kind == 'message':
        path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]), storage='sqlite3')
        with sqlite3.connect(path / 'bag.db3') as database:
            database.execute('UPDATE messages SET data = ? WHERE timestamp = 5', (bomb,))
    else:
        path = recorder.write(tmp_path / 'bag', recorder.video([5]), compression='storage')
        file = path / 'bag.mcap'
        data = file.read_bytes()
        head = struct.pack('<QQQII', 6, 6, 1 << 28, 0, 4) + b'zstd' + struct.pack('<Q', len(bomb))
        chunk = struct.pack('<BQ', 6, len(head) + len(bomb)) + head + bomb
        file.write_bytes(data[:8] + chunk + data[8:])
    tracemalloc.start()
    found, losses = stamps(path)
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
    assert losses and len(found) == 1


@pytest.mark.parametrize('content', [
    "a: !!int ''", 'a: 2001-99-99', 'a: !!timestamp noon', '[' * 5000, 'a: !!bool perhaps',
    'a0: &a0 {x: 1, y: 2}\n' + ''.join(
        f'a{k}: &a{k} {{<<: [{", ".join([f"*a{k - 1}"] * 9)}]}}\n' for k in range(1, 12)),
    'rosbag2_bagfile_information: {relative_file_paths: 5}',
    'rosbag2_bagfile_information: {relative_file_paths: [a], topics_with_message_count: 3}',
    'x' * 2_000_000,
])  # fmt: skip
def test_metadata_of_any_kind_are_one_warning(tmp_path, recorder, content):
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]))
    (path / 'metadata.yaml').write_text(content)
    found, losses = stamps(path)
    assert found == [5, 6]
    assert len(losses) == 1 and '\n' not in losses[0].reason


def test_what_is_no_plain_file_is_refused(tmp_path, recorder):
    os.mkfifo(tmp_path / 'pipe.mcap')
    with pytest.raises(ClaifoError, match=r'pipe\.mcap: not a bag'):
        find_bags([tmp_path / 'pipe.mcap'])
    path = recorder.write(tmp_path / 'bag', recorder.video([5, 6]))
    (path / 'metadata.yaml').unlink()
    os.mkfifo(path / 'metadata.yaml')
    assert stamps(path)[0] == [5, 6]
