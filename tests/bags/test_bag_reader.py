"""Finding bags, and reading whatever a recorder left behind."""

from __future__ import annotations

import shutil
import sqlite3

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
