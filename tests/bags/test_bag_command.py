"""`claifo bag info` and `claifo bag check`, as typed."""

from __future__ import annotations

import numpy as np
import pytest

from claifo.bags import BagWriter
from claifo.cli import main


def claifo(capsys, *words):
    code = main([str(word) for word in words])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def expert(tmp_path):
    path = tmp_path / 'expert'
    with BagWriter(path, rate_hz=25.0) as writer:
        for count in (10, 20):
            writer.write_episode(np.zeros((count, 24, 32, 3), np.uint8), true_return=1.0)
    return path


def test_info_of_a_data_set(capsys, expert):
    code, out, _ = claifo(capsys, 'bag', 'info', expert)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert '2 bags' in out and '2 episodes' in out
    (topic,) = [row for row in rows if row[:1] == ['/camera/image_raw']]
    assert topic[1:4] == ['sensor_msgs/msg/Image', '30', '25.00']
    assert topic[-2:] == ['32x24', 'rgb8']
    assert ['episode_001', '20', '0.76'] in [row[:3] for row in rows]


def test_info_lists_other_topics_and_losses(capsys, tmp_path, recorder):
    messages = [*recorder.video([10**9, 2 * 10**9]), ('/reset', 10**9, recorder.empty())]
    bag = recorder.write(tmp_path / 'b', messages)
    (bag / 'metadata.yaml').unlink()
    code, out, _ = claifo(capsys, 'bag', 'info', bag)
    assert code == 0
    rows = {row[0]: row for line in out.splitlines() if (row := line.split())}
    assert rows['/reset'][1:4] == ['std_msgs/msg/Empty', '1', '-']
    assert rows['/camera'][5] == '1'  # the longest pause, s
    assert 'warning:' in out and 'metadata.yaml is missing' in out


def test_check_of_a_good_data_set(capsys, expert):
    code, out, _ = claifo(capsys, 'bag', 'check', expert)
    assert code == 0
    assert '2 episodes of 10 to 20 frames at 25 Hz (as measured)' in out
    assert '30 frames read, 30 kept, 0 dropped, 0 repeated' in out
    assert out.endswith('usable\n') and 'warning' not in out


def test_check_lists_every_bad_bag(capsys, tmp_path, recorder):
    good = recorder.video([10**9 + k * 10**7 for k in range(5)])
    late = recorder.video([2 * 10**9, 3 * 10**9])
    recorder.write(tmp_path / 'set' / 'a', good)
    recorder.write(tmp_path / 'set' / 'b', good[:2])
    recorder.write(tmp_path / 'set' / 'c', [*late, ('/camera', 10**10, good[0][2])])
    code, out, _ = claifo(capsys, 'bag', 'check', tmp_path / 'set', '--rate-hz', 100)
    assert code == 2
    assert 'b: /camera: episode 2 has 2 frames' in out
    assert 'c: /camera: the stamp jumps back at frame 3' in out
    assert out.endswith('not usable\n')


def test_check_obeys_its_options(capsys, tmp_path, recorder):
    stamps = [10**9 + k * 10**7 for k in (0, 1, 2, 3, 400, 401, 402)]
    messages = recorder.video(stamps, '/left') + recorder.video(stamps, '/right')
    bag = recorder.write(tmp_path / 'b', messages)
    split = ('--split', 'gap', '--gap-s', 2, '--topic', '/left', '--crop', '0,0,4,4')
    code, out, _ = claifo(capsys, 'bag', 'check', bag, *split)
    assert code == 0
    assert '2 episodes of 3 to 4 frames at 100 Hz' in out
    code, out, _ = claifo(capsys, 'bag', 'check', bag, *split, '--frame-stack', 4)
    assert code == 2
    code, out, _ = claifo(capsys, 'bag', 'check', bag, '--topic', '/left')
    assert code == 0 and 'warning:' in out and 'longest pause 3.97 s' in out


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (('info', 'gone'), 'gone: does not exist'),
        (('check', 'gone'), 'gone: does not exist'),
        (('check', 'gone', '--crop', '1,2,3'), "crop is '1,2,3'; a list of 4 int"),
        (('check', 'gone', '--split', 'gaps'), 'gap'),
    ],
)
def test_errors_are_one_line_and_exit_2(capsys, tmp_path, monkeypatch, words, expected):
    monkeypatch.chdir(tmp_path)
    code, out, err = claifo(capsys, 'bag', *words)
    assert (code, out, err.count('\n')) == (2, '', 1)
    assert expected in err


def test_check_says_when_the_rate_cannot_be_measured(capsys, tmp_path, recorder):
    bag = recorder.write(tmp_path / 'b', recorder.video([10**9]))
    code, _, err = claifo(capsys, 'bag', 'check', bag)
    assert code == 2
    assert 'cannot be measured from 1 stamps; give --rate-hz' in err


@pytest.mark.parametrize(('words', 'line'), [
    (('--rate-hz', 'inf'), 'rate_hz is inf'),
    (('--rate-hz', 'nan'), 'rate_hz is nan'),
    (('--rate-hz', '1e-300'), 'rate_hz is 1e-300'),
    (('--rate-hz', '1e12'), 'rate_hz is 1000000000000.0'),
    (('--size-px', '100000'), 'size_px is 100000'),
])  # fmt: skip
def test_absurd_arguments_are_one_line(capsys, tmp_path, recorder, words, line):
    bag = recorder.write(tmp_path / 'b', recorder.video([10**9, 2 * 10**9]))
    code, _, err = claifo(capsys, 'bag', 'check', bag, *words)
    assert code == 2
    assert line in err


def test_names_from_files_cannot_steer_a_terminal(capsys, tmp_path, recorder):
    stamps = [10**9, 2 * 10**9]
    messages = [('/c', t, recorder.compressed(t, b'no', '\x1b[2Jjpeg')) for t in stamps]
    bag = recorder.write(tmp_path / '\x1b]0;b', messages)
    for action in ('info', 'check'):
        _, out, err = claifo(capsys, 'bag', action, bag)
        assert '\x1b' not in out + err
