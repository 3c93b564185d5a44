"""Video files become films: every frame, at its time."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from claifo import cli
from claifo.bags import ReadOptions, read_episodes
from claifo_core.data.frames import FrameSpec, prepare

HZ, COUNT = 25.0, 15


def write(path, count=COUNT, size=(48, 32), hz=HZ):
    """Write a video and return its frames as OpenCV reads them."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), hz, size)
    for k in range(count):
        writer.write(np.full((size[1], size[0], 3), 15 * k, np.uint8))
    writer.release()
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    assert len(frames) == count
    return frames


def call(*words):
    return cli.main(['bag', 'from-video', *map(str, words)])


def read(bag, size_px=32, hz=HZ, crop=None):
    return read_episodes([bag], ReadOptions(frames=FrameSpec(size_px, crop), rate_hz=hz))[0]


@pytest.mark.parametrize('encoding', ['rgb8', 'png'])
def test_every_video_is_an_episode_with_all_its_frames(tmp_path, encoding):
    films = [write(tmp_path / f'{k}.avi', COUNT + k) for k in range(2)]
    out = tmp_path / 'bag'
    assert call(tmp_path / '0.avi', tmp_path / '1.avi', '--out', out, '--encoding', encoding) == 0
    episodes = read(out)
    assert [len(episode) for episode in episodes] == [COUNT, COUNT + 1]
    for episode, film in zip(episodes, films, strict=True):
        wanted = [prepare(np.ascontiguousarray(frame), FrameSpec(32)) for frame in film]
        assert np.array_equal(episode, wanted)


def test_cropped_and_shrunk_as_a_live_camera_is(tmp_path):
    film = write(tmp_path / 'a.avi')
    out, crop = tmp_path / 'bag', (4, 2, 30, 28)
    words = ('--size-px', 16, '--crop', '4,2,30,28', '--encoding', 'rgb8')
    assert call(tmp_path / 'a.avi', '--out', out, *words) == 0
    wanted = [prepare(np.ascontiguousarray(frame), FrameSpec(16, crop)) for frame in film]
    assert np.array_equal(read(out, 16)[0], wanted)


def test_another_rate_takes_frames_by_their_time(tmp_path):
    film = write(tmp_path / 'a.avi', 26)
    assert call(tmp_path / 'a.avi', '--out', tmp_path / 'bag', '--rate-hz', 12.5,
                '--encoding', 'png') == 0  # fmt: skip
    episode = read(tmp_path / 'bag', hz=12.5)[0]
    wanted = [prepare(np.ascontiguousarray(frame), FrameSpec(32)) for frame in film[::2]]
    assert np.array_equal(episode, wanted)


@pytest.mark.parametrize('degrees', [0, 90, 180, 270])
def test_a_phone_video_is_upright(tmp_path, write_mp4, degrees):
    path = write_mp4(tmp_path / 'phone.mp4', degrees=degrees)
    assert call(path, '--out', tmp_path / 'bag', '--encoding', 'png') == 0
    stored = np.zeros((48, 64))
    stored[:, 32:] = 200
    wanted = np.rot90(stored, -degrees // 90)
    with Reader(tmp_path / 'bag' / 'episode_000') as bag:
        data = bytes(next(iter(bag.messages()))[2])
    picture = cv2.imdecode(np.frombuffer(data[data.index(b'\x89PNG'):], np.uint8), 0)
    assert picture.shape == wanted.shape
    assert np.abs(picture - wanted)[abs(np.gradient(wanted)[0]) + abs(np.gradient(wanted)[1]) == 0
                                    ].max() < 30  # fmt: skip


def test_frames_keep_their_times_whatever_the_file_announces(tmp_path, write_mp4, capsys):
    steps = [1] * 20 + [60] + [1] * 19
    path = write_mp4(tmp_path / 'browser.mp4', count=len(steps), steps=steps)
    assert call(path, '--out', tmp_path / 'bag') == 0
    assert f'{len(steps)} frames read, {len(steps)} written at 25 Hz' in capsys.readouterr().out
    with Reader(tmp_path / 'bag' / 'episode_000') as bag:
        times = np.array([t for _, t, _ in bag.messages()])
    assert np.diff(times) / 1e9 == pytest.approx(np.array(steps[:-1]) / 25, abs=2e-3)
    assert call(path, '--out', tmp_path / 'even', '--rate-hz', '25') == 0
    assert len(read(tmp_path / 'even')[0]) == len(read(tmp_path / 'bag')[0]) == sum(steps[:-1]) + 1


def test_training_would_take_it(tmp_path, capsys):
    write(tmp_path / 'a.avi')
    assert call(tmp_path / 'a.avi', '--out', tmp_path / 'bag') == 0
    assert cli.main(['bag', 'check', str(tmp_path / 'bag')]) == 0
    assert 'usable' in capsys.readouterr().out


def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, capsys):
    write(tmp_path / 'a.avi')
    write(tmp_path / 'b.avi', size=(64, 32))
    (tmp_path / 'text.mp4').write_text('no video')
    (tmp_path / 'there').mkdir()
    for words, line in (
        (['nothing.mp4'], 'no such video file'),
        (['text.mp4'], 'not a video that can be read'),
        (['a.avi', 'b.avi'], 'pictures of 64x32 pixels, those before had 48x32'),
        (['a.avi', '--crop', '0,0,9,9'], '--crop needs --size-px'),
        (['a.avi', '--size-px', '8', '--crop', '40,0,20,9'], 'leaves the image of 48x32'),
        (['a.avi', '--quality', '0'], '--quality is 0'),
        (['a.avi', '--rate-hz', '0'], 'rate_hz is 0.0'),
    ):
        paths = [tmp_path / word if '.' in word and word[0].isalpha() else word for word in words]
        assert call(*paths, '--out', tmp_path / 'bag') == 2, words
        told = capsys.readouterr().err
        assert line in told, told
        assert not (tmp_path / 'bag').exists()
    assert call(tmp_path / 'a.avi', '--out', tmp_path / 'there') == 2


def test_a_video_that_was_cut_off_is_said(tmp_path, capsys):
    path = tmp_path / 'a.avi'
    write(path, 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code = call(path, '--out', tmp_path / 'bag')
    told = capsys.readouterr()
    assert (code == 0 and 'is it whole?' in told.out) or (code == 2 and str(path) in told.err)
