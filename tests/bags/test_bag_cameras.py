"""Bags of several cameras: one topic each, aligned by stamp."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claifo.bags import BagWriter, ReadOptions, read_episodes
from claifo.bags.topics import camera_topics, split_topics
from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError

MS = 1_000_000
LEFT, RIGHT = '/camera/left/image_raw', '/camera/right/image_raw'


def options(**changes):
    return ReadOptions(
        **{'frames': FrameSpec(8), 'rate_hz': 50.0, 'topics': (LEFT, RIGHT), **changes}
    )


def film(recorder, path, left_ms, right_ms):
    """A bag whose left frames have the grey values 0, 1, 2, and whose right ones 100, 101, 102."""
    messages = []
    for topic, stamps_ms, first in ((LEFT, left_ms, 0), (RIGHT, right_ms, 100)):
        for number, ms in enumerate(stamps_ms):
            stamp = 10**9 + ms * MS
            picture = np.full((8, 8, 3), first + number, np.uint8)
            messages.append((topic, stamp, recorder.image(stamp, picture)))
    return recorder.write(path, sorted(messages, key=lambda message: message[1]))


def shown(episode):
    """The grey value of both cameras in each frame."""
    return [(int(frame[0, 0, 0]), int(frame[0, 0, 3])) for frame in episode]


def held(stamps_ms, tick_ms):
    """The number of the newest frame that is at most a tenth of the period (2 ms) late."""
    return max(k for k, ms in enumerate(stamps_ms) if ms <= tick_ms + 2)


GAPS = st.lists(st.integers(1, 70), min_size=1, max_size=12)


@settings(max_examples=60)
@given(left=GAPS, right=GAPS, delay=st.integers(-60, 60))
def test_each_camera_shows_its_newest_frame_at_each_tick(
    tmp_path_factory, recorder, left, right, delay
):
    left_ms = np.cumsum([100, *left]).tolist()
    right_ms = np.cumsum([100 + delay, *right]).tolist()
    bag = film(recorder, tmp_path_factory.mktemp('rig') / 'b', left_ms, right_ms)
    start, end = max(left_ms[0], right_ms[0]), min(left_ms[-1], right_ms[-1])
    if start > end:
        with pytest.raises(ClaifoError, match='no time in common'):
            read_episodes([bag], options())
        return
    episodes, report = read_episodes([bag], options())
    ticks = range(start, end + 3, 20)
    wanted = [(held(left_ms, t), 100 + held(right_ms, t)) for t in ticks]
    assert shown(episodes[0]) == wanted
    assert report.frames_kept == sum(len(set(side)) for side in zip(*wanted, strict=True))
    assert report.frames_duplicated == 2 * len(wanted) - report.frames_kept


def test_a_written_film_comes_back_camera_by_camera(tmp_path):
    rng = np.random.default_rng(0)
    films = [rng.integers(0, 256, (length, 8, 8, 6), dtype=np.uint8) for length in (5, 9)]
    with BagWriter(tmp_path / 'set', rate_hz=50.0, topics=(LEFT, RIGHT)) as writer:
        for frames in films:
            writer.write_episode(frames)
    episodes, _ = read_episodes([tmp_path / 'set'], options())
    assert all(map(np.array_equal, episodes, films))
    swapped, _ = read_episodes([tmp_path / 'set'], options(topics=(RIGHT, LEFT)))
    assert np.array_equal(swapped[1][..., :3], films[1][..., 3:])
    alone, _ = read_episodes([tmp_path / 'set'], options(topics=(LEFT,)))
    assert np.array_equal(alone[0], films[0][..., :3])


def test_pauses_split_the_films_of_both_cameras(tmp_path, recorder):
    stamps = [0, 20, 40, 2000, 2020]
    bag = film(recorder, tmp_path / 'b', stamps, [ms + 5 for ms in stamps])
    episodes, _ = read_episodes([bag], options(split='gap', gap_s=1.0))
    assert [len(episode) for episode in episodes] == [2, 1]
    assert shown(episodes[1])[0] == (3, 103)


@pytest.mark.parametrize(
    ('left', 'right', 'message'),
    [
        ([0, 20, 40], [5000, 5020], r'no time in common \(/camera/left.* 1.000 to 1.040 s; '),
        ([0, 20, 40], [], 'no image topic|no time in common'),
        ([100, 400, 20], [0, 20, 40], r'left/image_raw: the stamp jumps back .* s to 1\.020000 s'),
    ],
)
def test_what_cannot_be_aligned_is_said(tmp_path, recorder, left, right, message):
    messages = []
    for topic, stamps in ((LEFT, left), (RIGHT, right)):
        for number, ms in enumerate(stamps):
            picture = np.zeros((8, 8, 3), np.uint8)
            image = recorder.image(10**9 + ms * MS, picture)
            messages.append((topic, 10**9 + number * MS, image))
    bag = recorder.write(tmp_path / 'b', messages)
    with pytest.raises(ClaifoError, match=message):
        read_episodes([bag], options())


def test_topics_follow_from_the_cameras():
    assert camera_topics(('side',)) == ('camera/image_raw',)
    assert camera_topics(('left', 'right')) == (LEFT[1:], RIGHT[1:])
    assert split_topics(f' {LEFT}, {RIGHT}') == (LEFT, RIGHT)
    assert split_topics('') == ()
    with pytest.raises(ClaifoError, match="'/a' is listed twice"):
        split_topics('/a,/b,/a')
