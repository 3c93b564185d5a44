"""Written data sets, as plain rosbags and the project's own reader see them."""

from __future__ import annotations

import json
import os
from fractions import Fraction

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import Reader

from claifo.bags import BagWriter, ReadOptions, read_episodes, read_truth
from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError

IMAGE = 'sensor_msgs/msg/Image'


def noise(frames=6, height=12, width=16):
    shape = (frames, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_plain_rosbags_reads_what_was_written(tmp_path, recorder):
    frames = noise()
    with BagWriter(tmp_path / 'set', rate_hz=30.0, topics=('/eye',)) as writer:
        writer.write_episode(frames)
        writer.write_episode(frames[::-1])
    assert sorted(p.name for p in (tmp_path / 'set').iterdir()) == [
        'claifo.json',
        'episode_000',
        'episode_001',
    ]
    for name, expected in (('episode_000', frames), ('episode_001', frames[::-1])):
        with Reader(tmp_path / 'set' / name) as bag:
            messages = [
                (c.topic, t, recorder.store.deserialize_cdr(d, c.msgtype))
                for c, t, d in bag.messages()
            ]
        assert {topic for topic, _, _ in messages} == {'/eye'}
        for (_, time_ns, message), frame in zip(messages, expected, strict=True):
            stamp = message.header.stamp
            assert stamp.sec * 10**9 + stamp.nanosec == time_ns
            assert (message.height, message.width, message.step) == (12, 16, 48)
            assert (message.encoding, message.is_bigendian) == ('rgb8', 0)
            np.testing.assert_array_equal(message.data.reshape(12, 16, 3), frame)


def test_metadata_is_version_8(tmp_path):
    with BagWriter(tmp_path / 'set', rate_hz=30.0) as writer:
        writer.write_episode(noise())
    text = (tmp_path / 'set' / 'episode_000' / 'metadata.yaml').read_text()
    metadata = yaml.safe_load(text)['rosbag2_bagfile_information']
    assert metadata['version'] == 8
    assert metadata['storage_identifier'] == 'mcap'
    assert metadata['message_count'] == 6
    (topic,) = metadata['topics_with_message_count']
    assert topic['topic_metadata']['name'] == '/camera/image_raw'
    assert topic['topic_metadata']['type'] == IMAGE
    # a string, because humble reads nothing else
    assert isinstance(topic['topic_metadata']['offered_qos_profiles'], str)
    assert topic['topic_metadata']['type_description_hash'].startswith('RIHS01_')


@settings(max_examples=25)
@given(rate_hz=st.floats(0.5, 1000), count=st.integers(1, 40))
def test_stamps_lie_exactly_at_the_control_rate(tmp_path_factory, rate_hz, count):
    path = tmp_path_factory.mktemp('rate') / 'set'
    with BagWriter(path, rate_hz=rate_hz) as writer:
        writer.write_episode(noise(count, 2, 2))
    with Reader(path / 'episode_000') as bag:
        stamps = [time_ns for _, time_ns, _ in bag.messages()]
    for k, stamp in enumerate(stamps):
        assert abs(stamp - stamps[0] - k * 10**9 / Fraction(rate_hz)) <= Fraction(51, 100)
    (episode,), report = read_episodes([path], ReadOptions(FrameSpec(2), rate_hz))
    np.testing.assert_array_equal(episode, noise(count, 2, 2))
    assert report.frames_dropped == report.frames_duplicated == 0


@pytest.mark.parametrize(('encoding', 'tolerance'), [('rgb8', 0), ('png', 0), ('jpeg', 12)])
def test_every_encoding_comes_back(tmp_path, encoding, tolerance):
    ramp = np.linspace(0, 255, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8)
    frames = np.stack([ramp, ramp[::-1], ramp[:, ::-1]])
    with BagWriter(tmp_path / 'set', rate_hz=20.0, encoding=encoding) as writer:
        writer.write_episode(frames)
    (episode,), report = read_episodes([tmp_path / 'set'], ReadOptions(FrameSpec(16), 20.0))
    assert np.abs(episode.astype(int) - frames).max() <= tolerance
    suffix = '' if encoding == 'rgb8' else '/compressed'
    assert report.topics == [f'/camera/image_raw{suffix}']
    assert report.encodings == [encoding]


def test_same_frames_give_the_same_bytes(tmp_path):
    for name in 'ab':
        with BagWriter(tmp_path / name, rate_hz=20.0) as writer:
            writer.write_episode(noise())
    files = [sorted(p for p in (tmp_path / name).rglob('*') if p.is_file()) for name in 'ab']
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_truth_comes_back(tmp_path):
    about = {'task': 'walker_walk', 'domain': 'light/source', 'command': 'claifo expert record'}
    with BagWriter(tmp_path / 'set', rate_hz=40.0, **about) as writer:
        writer.write_episode(noise(3), true_return=np.float32(2.5), seed=7)
        writer.write_episode(noise(4))
    truth = read_truth(tmp_path / 'set')
    assert (truth.task, truth.domain, truth.command) == tuple(about.values())
    assert truth.rate_hz == 40.0
    assert [(e.bag, e.frames, e.true_return, e.seed) for e in truth.episodes] == [
        ('episode_000', 3, 2.5, 7),
        ('episode_001', 4, None, None),
    ]
    assert truth.returns == [2.5]


def test_bags_of_others_have_no_truth_and_a_damaged_one_says_so(tmp_path):
    assert read_truth(tmp_path) is None
    for content in ('{', '[]', '{"episodes": [{"bag": 1}]}', json.dumps({'episodes': []})):
        (tmp_path / 'claifo.json').write_text(content)
        with pytest.raises(ClaifoError, match=r'claifo\.json: not a record of true returns'):
            read_truth(tmp_path)


def test_a_recording_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), BagWriter(tmp_path / 'set', rate_hz=20.0) as writer:
        writer.write_episode(noise())
        assert not (tmp_path / 'set').exists()
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_an_existing_data_set_is_not_touched(tmp_path):
    with BagWriter(tmp_path / 'set', rate_hz=20.0) as writer:
        writer.write_episode(noise())
    before = (tmp_path / 'set' / 'claifo.json').read_bytes()
    with pytest.raises(ClaifoError, match=f'{tmp_path}/set: exists already'):
        BagWriter(tmp_path / 'set', rate_hz=20.0)
    late = BagWriter(tmp_path / 'late', rate_hz=20.0)
    with pytest.raises(ClaifoError, match='exists already'), late:
        late.write_episode(noise())
        (tmp_path / 'late').mkdir()
    assert (tmp_path / 'set' / 'claifo.json').read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ['late', 'set']


@pytest.mark.parametrize(
    'frames',
    [np.zeros((2, 4, 4, 3)), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 4, 3), np.uint8)],
)
def test_frames_of_another_kind_are_refused(tmp_path, frames):
    with (
        pytest.raises(ClaifoError, match='uint8'),
        BagWriter(tmp_path / 's', rate_hz=1.0) as writer,
    ):
        writer.write_episode(frames)


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'encoding': 'jpg'}, "encoding is 'jpg' (did you mean jpeg?)"),
        ({'rate_hz': 0.0}, 'rate_hz is 0.0'),
    ],
)
def test_bad_settings(tmp_path, settings, words):
    with pytest.raises(ClaifoError) as caught:
        BagWriter(tmp_path / 's', **{'rate_hz': 20.0, **settings})
    assert words in str(caught.value)


def test_no_episode_at_all(tmp_path):
    with pytest.raises(ClaifoError, match='no episode'), BagWriter(tmp_path / 's', rate_hz=1.0):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    writer = BagWriter(tmp_path / 'file' / 'set', rate_hz=1.0)
    with pytest.raises(ClaifoError, match='cannot create the folder'), writer:
        pass
