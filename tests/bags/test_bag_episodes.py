"""From bags to episodes: splitting, resampling, the report, and every kind of bad input."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claifo.bags import BagWriter, ReadOptions, read_episodes
from claifo_core.data.frames import FrameSpec, prepare
from claifo_core.errors import ClaifoError

MS = 1_000_000
EMPTY = 'std_msgs/msg/Empty'


def options(**changes):
    return ReadOptions(**{'frames': FrameSpec(8), 'rate_hz': 50.0, **changes})


def numbers(episodes):
    """The grey value of each frame: its number in the bag."""
    return [[int(frame[0, 0, 0]) for frame in episode] for episode in episodes]


def at(*stamps_ms):
    return [10**9 + ms * MS for ms in stamps_ms]


def test_each_bag_is_an_episode(tmp_path, recorder):
    for k in (1, 2):
        recorder.write(tmp_path / 'set' / f'e{k}', recorder.video(at(*range(0, 60 * k, 20))))
    episodes, report = read_episodes([tmp_path / 'set'], options())
    assert numbers(episodes) == [[0, 1, 2], [0, 1, 2, 3, 4, 5]]
    assert all(
        episode.dtype == np.uint8 and episode.shape[1:] == (8, 8, 3) for episode in episodes
    )
    assert (report.bags, report.episodes, report.lengths) == (2, 2, [3, 6])
    assert report.rate_hz == pytest.approx(50)
    assert report.warnings() == []


def test_pauses_split_episodes(tmp_path, recorder):
    bag = recorder.write(tmp_path / 'b', recorder.video(at(0, 20, 40, 1041, 1061, 2061, 2081)))
    episodes, report = read_episodes([bag], options(split='gap', gap_s=1.0))
    # a pause of exactly gap_s is held, not split: the frame before it is repeated
    assert [e[0] for e in numbers(episodes)] == [0, 3]
    assert numbers(episodes)[0] == [0, 1, 2]
    assert numbers(episodes)[1][-1] == 6
    assert report.longest_pause_s == pytest.approx(1.0)


@settings(max_examples=40)
@given(steps=st.lists(st.integers(1, 200), min_size=1, max_size=30), gap_ms=st.integers(20, 150))
def test_gap_split_keeps_every_frame_in_its_run(tmp_path_factory, recorder, steps, gap_ms):
    stamps = [0]
    for step in steps:
        stamps.append(stamps[-1] + step)
    bag = recorder.write(tmp_path_factory.mktemp('gap') / 'b', recorder.video(at(*stamps)))
    read = options(rate_hz=1000.0, split='gap', gap_s=gap_ms / 1000)
    episodes, report = read_episodes([bag], read)
    runs, current = [], [0]
    for k, step in enumerate(steps, 1):
        if step > gap_ms:
            runs.append(current)
            current = []
        current.append(k)
    runs.append(current)
    assert [list(dict.fromkeys(e)) for e in numbers(episodes)] == runs
    assert report.frames_read == report.frames_kept == len(stamps)


def test_markers_begin_episodes(tmp_path, recorder):
    times = at(0, 20, 40, 60, 80, 100)
    messages = recorder.video(times)
    for before in (5, 3, 3, 1):  # two markers in a row begin one episode
        messages.insert(before, ('/reset', times[before] - 1, recorder.empty()))
    bag = recorder.write(tmp_path / 'b', messages)
    episodes, report = read_episodes([bag], options(split='marker', marker_topic='/reset'))
    assert numbers(episodes) == [[1, 2], [3, 4], [5]]
    assert (report.frames_read, report.frames_kept, report.frames_dropped) == (6, 5, 1)


def test_stamps_may_begin_anew_behind_a_marker(tmp_path, recorder):
    """A simulator that resets its clock with every episode."""
    messages = []
    for start in (0, 1000):
        messages.append(('/reset', start, recorder.empty()))
        messages += [
            ('/camera', start + 1 + k, m)
            for k, (_, _, m) in enumerate(recorder.video(at(0, 20, 40)))
        ]
    bag = recorder.write(tmp_path / 'b', messages)
    episodes, _ = read_episodes([bag], options(split='marker', marker_topic='/reset'))
    assert numbers(episodes) == [[0, 1, 2], [0, 1, 2]]


def test_frames_are_counted_honestly_when_rates_differ(tmp_path, recorder):
    bag = recorder.write(tmp_path / 'b', recorder.video(at(0, 10, 20, 30, 110)))
    episodes, report = read_episodes([bag], options())
    # at the last tick, 100 ms after the first, frame 4 is not there yet
    assert numbers(episodes) == [[0, 2, 3, 3, 3, 3]]
    assert (report.frames_read, report.frames_kept, report.frames_duplicated) == (5, 3, 3)
    assert report.frames_dropped == 2
    assert any('repeat the one before' in line for line in report.warnings())


def test_frames_pass_through_the_one_image_pipeline(tmp_path, recorder):
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    bag = recorder.write(tmp_path / 'b', [('/c', 1, recorder.image(1, picture))])
    spec = FrameSpec(16, (8, 0, 48, 48))
    (episode,), report = read_episodes([bag], options(frames=spec))
    np.testing.assert_array_equal(episode[0], prepare(picture, spec))
    assert report.sizes == [(64, 48)]
    assert report.encodings == ['rgb8']


def test_episode_longer_than_the_first_guess_of_its_buffer(tmp_path, recorder):
    bag = recorder.write(tmp_path / 'b', recorder.video(at(*range(0, 20 * 250, 20))))
    (episode,), _ = read_episodes([bag], options(rate_hz=500.0))
    assert len(episode) == 2491
    assert numbers([episode])[0] == [k // 10 for k in range(2491)]


def test_max_episodes_stops_reading(tmp_path, recorder):
    for k in range(3):
        recorder.write(tmp_path / 'set' / f'e{k}', recorder.video(at(0, 2000, 4000)))
    episodes, report = read_episodes([tmp_path / 'set'], options(split='gap', max_episodes=4))
    assert len(episodes) == report.episodes == 4
    assert report.bags == 2


def test_topic_is_chosen_among_several(tmp_path, recorder):
    messages = recorder.video(at(0, 20), '/left') + recorder.video(at(0, 20, 40), '/right')
    bag = recorder.write(tmp_path / 'b', messages)
    episodes, report = read_episodes([bag], options(topics=('/right',)))
    assert numbers(episodes) == [[0, 1, 2]]
    assert report.topics == ['/right']


def test_frames_without_stamp_are_placed_by_the_time_of_recording(tmp_path, recorder):
    picture = np.zeros((8, 8, 3), np.uint8)
    messages = [('/c', stamp, recorder.image(0, picture)) for stamp in at(0, 20, 40)]
    (episode,), report = read_episodes([recorder.write(tmp_path / 'b', messages)], options())
    assert len(episode) == 3
    assert report.unstamped == 3
    assert '3 frames have no header stamp' in report.warnings()[0]


def cut(bag, part):
    """Kill the recorder: no metadata, and the file ends early."""
    (bag / 'metadata.yaml').unlink()
    file = bag / f'{bag.name}.mcap'
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])


def test_a_cut_recording_is_read_as_far_as_it_goes(tmp_path, recorder):
    noise = np.random.default_rng(0).integers(0, 256, (100, 80, 80, 3)).astype(np.uint8)
    messages = [
        ('/c', t, recorder.image(t, f))
        for t, f in zip(at(*range(0, 2000, 20)), noise, strict=True)
    ]
    bag = recorder.write(tmp_path / 'b', messages)
    cut(bag, 0.6)
    (episode,), report = read_episodes([bag], options(frames=FrameSpec(80)))
    assert len(episode) in range(55, 61)
    np.testing.assert_array_equal(episode, noise[: len(episode)])
    assert report.lost_bytes > 0
    assert 'metadata.yaml is missing' in report.lost[0]
    assert 'cut off at byte' in report.lost[1]


def test_a_last_episode_that_was_cut_too_short_is_left_out(tmp_path, recorder):
    bag = recorder.write(tmp_path / 'b', recorder.video(at(0, 20, 40, 5000)))
    (bag / 'metadata.yaml').unlink()
    episodes, report = read_episodes([bag], options(split='gap', min_frames=3))
    assert numbers(episodes) == [[0, 1, 2]]
    assert any('1 frames at 50 Hz, was left out' in line for line in report.lost)
    alone = recorder.write(tmp_path / 'alone', recorder.video(at(0, 20)))
    (alone / 'metadata.yaml').unlink()
    with pytest.raises(ClaifoError, match='alone: 0 episodes: not enough frames on /camera'):
        read_episodes([alone], options(min_frames=3))


BAD = (
    'no_image_topic',
    'two_image_topics',
    'unknown_topic',
    'unknown_marker',
    'unsupported_encoding',
    'zero_size',
    'data_too_small',
    'stamp_jumps_back',
    'clock_jumps_ahead',
    'shorter_than_stack',
    'sizes_differ',
    'corrupt_jpeg',
    'no_frames',
    'no_marker',
    'crop_outside',
)


def bad_bags(recorder):
    """Messages, options and the words that the error must hold, by name."""
    rgb = np.zeros((8, 8, 3), np.uint8)
    good = recorder.image(10**9, rgb)

    def one(**changes):
        return [('/c', 1, recorder.image(10**9, rgb, **changes))]

    jpeg = b'\xff\xd8\xff\xe0 nothing that could be shown'
    return {
        'no_image_topic': ([('/odom', 1, recorder.empty())], {}, ['/odom (std_msgs/msg/Empty)']),
        'two_image_topics': ([('/a', 1, good), ('/b', 1, good)], {}, ['2 image topics (/a, /b)']),
        'unknown_topic': (
            [('/camera', 1, good)],
            {'topics': ('/camra',)},
            ["'/camra'", 'did you mean /camera?'],
        ),
        'unknown_marker': (
            [('/c', 1, good), ('/reset', 1, recorder.empty())],
            {'split': 'marker', 'marker_topic': '/rest'},
            ["'/rest'", 'did you mean /reset?'],
        ),
        'unsupported_encoding': (
            one(encoding='32FC1'),
            {},
            ["'32FC1'", 'supported: rgb8', 'frame 1'],
        ),
        'zero_size': (one(height=0, data=np.zeros(0, np.uint8)), {}, ['8x0 pixels', 'frame 1']),
        'data_too_small': (one(height=9), {}, ['8x9', '216 bytes', '192 bytes']),
        'stamp_jumps_back': (
            [('/c', k, m) for k, (_, _, m) in enumerate(recorder.video(at(0, 20, 400, 10)))],
            {},
            ['jumps back at frame 4', '1.400000 s to 1.010000 s'],
        ),
        'clock_jumps_ahead': (
            recorder.video(at(0, 20, 3_600_000)),
            {},
            ['no frame for 3600.0 s before frame 3', 'gap'],
        ),
        'shorter_than_stack': (
            recorder.video(at(0, 20)),
            {'min_frames': 3},
            ['episode 1 has 2 frames at 50 Hz', 'fewer than the 3'],
        ),
        'sizes_differ': (
            recorder.video(at(0, 20)) + recorder.video(at(40), size=(6, 4)),
            {},
            ['frame 3: 6x4 pixels', '8x8'],
        ),
        'corrupt_jpeg': (
            [('/c', 1, recorder.compressed(1, jpeg))],
            {},
            ['frame 1', 'corrupted', f'{len(jpeg)} bytes'],
        ),
        'no_frames': ([('/x', 1, recorder.empty())], {}, ['0 episodes', '/camera']),
        'no_marker': (
            recorder.video(at(0, 20)),
            {'split': 'marker', 'marker_topic': '/reset'},
            ['0 episodes', 'behind a message on /reset'],
        ),
        'crop_outside': (
            one(),
            {'frames': FrameSpec(8, (4, 0, 8, 8))},
            ['frame 1', 'crop', '8x8'],
        ),
    }


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('name', BAD)
def test_bad_bags_are_refused_with_file_and_value(tmp_path, recorder, storage, name):
    messages, changes, words = bad_bags(recorder)[name]
    silent = {'no_frames': {'/camera': 'sensor_msgs/msg/Image'}, 'no_marker': {'/reset': EMPTY}}
    bag = recorder.write(tmp_path / name, messages, storage=storage, topics=silent.get(name))
    with pytest.raises(ClaifoError) as caught:
        read_episodes([bag], options(**changes))
    assert '\n' not in str(caught.value)
    for word in [str(bag), *words]:
        assert word in str(caught.value)


def test_an_empty_recording_names_its_cause(tmp_path, recorder):
    bag = recorder.write(tmp_path / 'b', recorder.video(at(0)))
    cut(bag, 0.02)
    with pytest.raises(ClaifoError, match=r'no image topic.*metadata\.yaml is missing'):
        read_episodes([bag], options())


@pytest.fixture(scope='module')
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp('small') / 'set'
    with BagWriter(path, rate_hz=50.0) as writer:
        writer.write_episode(np.zeros((6, 4, 4, 3), np.uint8))
    return path / 'episode_000' / 'episode_000.mcap'


@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))),
    end=st.floats(0.01, 1),
)
def test_a_damaged_file_gives_frames_or_one_plain_line(small_file, changes, end):
    data = bytearray(small_file.read_bytes())
    for where, value in changes:
        data[int(where * len(data))] = value
    damaged = small_file.with_name('damaged.mcap')
    damaged.write_bytes(data[: int(end * len(data))])
    try:
        episodes, _ = read_episodes([damaged], options())
        assert episodes
    except ClaifoError as error:
        assert 'damaged.mcap' in str(error)
        assert '\n' not in str(error)


def test_no_path_at_all():
    with pytest.raises(ClaifoError, match='no bag given'):
        read_episodes([], options())


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'split': 'gaps'}, "split is 'gaps' (did you mean gap?)"),
        ({'split': 'marker'}, 'marker_topic is empty'),
        ({'rate_hz': 0.0}, 'rate_hz is 0.0; it must be from 0.001 to 10000'),
        ({'rate_hz': float('nan')}, 'rate_hz is nan'),
        ({'gap_s': -1.0}, 'gap_s is -1.0'),
        ({'min_frames': 0}, 'min_frames is 0'),
        ({'max_episodes': -1}, 'max_episodes is -1'),
    ],
)
def test_bad_options(changes, words):
    with pytest.raises(ClaifoError) as caught:
        options(**changes)
    assert words in str(caught.value)


def test_true_returns_are_never_opened_by_the_reader(tmp_path):
    """Learning from a data set opens its bags and nothing else of it."""
    path = tmp_path / 'expert'
    with BagWriter(path, rate_hz=50.0) as writer:
        writer.write_episode(np.zeros((5, 8, 8, 3), np.uint8), true_return=123.0)
    program = (
        'import sys, pathlib\n'
        'opened = []\n'
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' "
        'else None)\n'
        'from claifo.bags import ReadOptions, read_episodes\n'
        'from claifo_core.data.frames import FrameSpec\n'
        'options = ReadOptions(FrameSpec(8), 50.0)\n'
        'episodes, _ = read_episodes([pathlib.Path(sys.argv[1])], options)\n'
        'assert len(episodes[0]) == 5\n'
        'print("\\n".join(name for name in opened if name.startswith(sys.argv[1])))\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={'PYTHONPATH': ':'.join(sys.path)},
    )
    names = sorted({line.rsplit('/', 1)[-1] for line in result.stdout.split()})
    assert names == ['episode_000.mcap', 'metadata.yaml']


def test_two_swapped_frames_lose_one(tmp_path, recorder):
    messages = [('/c', k, m) for k, (_, _, m) in enumerate(recorder.video(at(0, 20, 60, 40, 80)))]
    episodes, report = read_episodes([recorder.write(tmp_path / 'b', messages)], options())
    assert numbers(episodes) == [[0, 1, 1, 2, 4]]
    assert (report.frames_read, report.frames_kept) == (5, 4)


WALL = 10**18


def stamped(recorder, stamps_ms, log_ns=WALL):
    """Frames with stamps of their own, recorded every 20 ms."""
    return [
        ('/c', log_ns + k * 20_000_000, recorder.image(stamp * 10**6, pictures(k)))
        for k, stamp in enumerate(stamps_ms)
    ]


def pictures(k):
    return np.full((8, 8, 3), k, np.uint8)


@pytest.mark.parametrize(
    ('stamps_ms', 'start_ns', 'unstamped'),
    [
        ([0, 20, 40, 60, 80], 0, 0),  # a simulator begins
        ([1000, 1020, 0, 1060, 1080], WALL, 1),
        ([0, 0, 9040, 9060, 9080], WALL, 2),  # the clock came late
        ([0, 9020, 9040, 9060, 9080], WALL, 1),
        ([0, 0, 0, 0, 0], WALL, 5),
        ([1000, 1020, 1040, 1060, 0], WALL, 1),
    ],
)
def test_a_topic_has_one_clock(tmp_path, recorder, stamps_ms, start_ns, unstamped):
    bag = recorder.write(tmp_path / 'b', stamped(recorder, stamps_ms))
    episodes, report = read_episodes([bag], options())
    assert numbers(episodes) == [[0, 1, 2, 3, 4]]
    assert report.starts_ns == [start_ns]
    assert report.unstamped == unstamped
    assert any('no header stamp' in line for line in report.warnings()) == bool(unstamped)


def test_a_simulator_that_is_reset_begins_at_zero_again(tmp_path, recorder):
    messages = stamped(recorder, [0, 20, 40, 0, 20, 40])
    messages += [('/go', messages[k][1] - 1, recorder.empty()) for k in (0, 3)]
    bag = recorder.write(tmp_path / 'b', messages)
    episodes, report = read_episodes([bag], options(split='marker', marker_topic='/go'))
    assert numbers(episodes) == [[0, 1, 2], [3, 4, 5]]
    assert not report.unstamped


@pytest.mark.parametrize('stamps_ms', [
    [0, 20, 60, 40, 80], [20, 0, 40, 60, 80], [0, 20, 40, 80, 60],
    [1000, 2000, 4000, 3000, 5000],
])  # fmt: skip
def test_neighbours_that_are_swapped_lose_one_frame(tmp_path, recorder, stamps_ms):
    bag = recorder.write(tmp_path / 'b', stamped(recorder, [9 + stamp for stamp in stamps_ms]))
    _, report = read_episodes([bag], options())
    assert report.late == 1
    assert any('behind a later one' in line for line in report.warnings())
