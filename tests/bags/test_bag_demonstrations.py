"""Actions beside a film: which of them belongs to a frame that the agent sees, every bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_msg

from claifo.bags import BagWriter, ReadOptions, read_episodes
from claifo.bags.demonstrations import read_demonstrations
from claifo.resources import interfaces_dir
from claifo_core.data import Demonstration
from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError

MS = 1_000_000
START_MS = 1000
ACTION = 'claifo_msgs/msg/Action'


@pytest.fixture(scope='module')
def acting(recorder):
    """Returns what makes an Action message, by plain rosbags."""
    text = (interfaces_dir() / 'msg' / 'Action.msg').read_text()
    recorder.store.register(get_types_from_msg(text, ACTION))

    def action(stamp_ns: int, numbers) -> object:
        return recorder.store.types[ACTION](
            recorder.header(stamp_ns), 0, 0, 0, 0, 1, np.array(numbers, np.float32),
            0, 0, 0, 0, 0, 0,
        )  # fmt: skip

    return action


@pytest.fixture(scope='module')
def bag_of(recorder, acting):
    """Returns what writes a bag: a film of frames at these times, and {time: action}, in ms."""

    def write(path, frames_ms, actions):
        stamps = [(START_MS + ms) * MS for ms in frames_ms]
        messages = recorder.video(stamps)
        for ms, numbers in actions.items():
            stamp = (START_MS + ms) * MS
            messages.append(('/action', stamp, acting(stamp, numbers)))
        messages.sort(key=lambda message: message[1])
        return recorder.write(path, messages, topics={'/action': ACTION})

    return write


def read(bag, rate_hz=50.0, topic='/action', **changes):
    options = ReadOptions(frames=FrameSpec(8), rate_hz=rate_hz, **changes)
    films, shown, report = read_demonstrations([bag], options, 2, action_topic=topic)
    return films, [known.actions for known in shown], report


def number(k: int) -> list[float]:
    """The action at frame k tells which one it is."""
    return [k / 100, -k / 100]


@pytest.mark.parametrize('repeat', [1, 2, 3, 5])
def test_an_agent_that_holds_its_actions_gets_those_of_the_frames_it_sees(
    tmp_path, bag_of, repeat
):
    """17 frames every 20 ms; frame k, and so every repeat-th one, has the action k."""
    bag = bag_of(tmp_path / 'b', range(0, 17 * 20, 20), {20 * k: number(k) for k in range(16)})
    films, actions, report = read(bag, 50.0 / repeat)
    seen = list(range(0, 17, repeat))
    assert [int(frame[0, 0, 0]) for frame in films[0]] == seen
    np.testing.assert_allclose(actions[0], [number(k) for k in seen[:-1]])
    assert actions[0].dtype == np.float32 and report.episodes == 1


@settings(max_examples=40, deadline=None)
@given(
    jitter=st.lists(st.integers(-2, 2), min_size=12, max_size=30),
    repeat=st.integers(1, 4),
    rate_hz=st.sampled_from([20, 30, 50]),
)
def test_frames_and_actions_of_one_stamp_stay_together(
    tmp_path_factory, bag_of, jitter, repeat, rate_hz
):
    """Whatever frame a tick shows, its action is the one that was stamped with it."""
    stamps = [round(1000 * k / rate_hz) + late for k, late in enumerate(jitter)]
    bag = bag_of(
        tmp_path_factory.mktemp('jitter') / 'b', stamps,
        {ms: number(k) for k, ms in enumerate(stamps[:-1])},
    )  # fmt: skip
    try:
        films, actions, _ = read(bag, rate_hz / repeat)
    except ClaifoError as error:  # the clock's jitter made a pause
        assert 'no action at frame' in str(error)
        return
    shown = [int(frame[0, 0, 0]) for frame in films[0]][:-1]
    np.testing.assert_allclose(actions[0], np.reshape([number(k) for k in shown], (-1, 2)))


def test_episodes_of_one_bag_have_their_own(tmp_path, bag_of):
    times = [0, 20, 40, 60, 2000, 2020, 2040]
    bag = bag_of(tmp_path / 'b', times, {ms: number(k) for k, ms in enumerate(times)})
    films, actions, _ = read(bag, split='gap')
    assert [len(film) for film in films] == [4, 3]
    np.testing.assert_allclose(actions[0], [number(k) for k in (0, 1, 2)])
    np.testing.assert_allclose(actions[1], [number(k) for k in (4, 5)])
    assert len(read(bag, split='gap', max_episodes=1)[1]) == 1


def test_what_the_writer_writes_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    film = rng.integers(0, 256, (7, 8, 8, 3)).astype(np.uint8)
    taken = rng.uniform(-1, 1, (6, 2)).astype(np.float32)
    with BagWriter(tmp_path / 'set', rate_hz=30.0) as writer:
        writer.write_episode(film, shown=Demonstration(taken))
        writer.write_episode(film[::-1], shown=Demonstration(taken[::-1]))
    films, actions, _ = read(tmp_path / 'set', 30.0)
    for found, wanted in zip((*films, *actions), (film, film[::-1], taken, taken[::-1]),
                             strict=True):  # fmt: skip
        np.testing.assert_array_equal(found, wanted)
    assert len(read_episodes([tmp_path / 'set'], ReadOptions(FrameSpec(8), 30.0))[0]) == 2
    with Reader(tmp_path / 'set' / 'episode_001') as bag:
        kinds = {c.topic: (c.msgtype, c.msgcount) for c in bag.connections}
    assert kinds['/action'] == (ACTION, 6)


def test_actions_that_do_not_fit_the_frames_are_not_written(tmp_path):
    film = np.zeros((4, 8, 8, 3), np.uint8)
    with (
        pytest.raises(ClaifoError, match='there are 4 actions; 3 are needed'),
        BagWriter(tmp_path / 'set', rate_hz=30.0) as writer,
    ):
        writer.write_episode(film, shown=Demonstration(np.zeros((4, 2), np.float32)))
    assert list(tmp_path.iterdir()) == []


GOOD = {20 * k: number(k) for k in range(5)}


@pytest.mark.parametrize(
    ('actions', 'topic', 'told'),
    [
        (GOOD, '/actoin', 'no claifo_msgs/msg/Action on /actoin (did you mean /action?); record'),
        (GOOD, '/camera', 'no claifo_msgs/msg/Action on /camera; record the film with `claifo '
         'expert record --actions`'),
        ({**GOOD, 40: [0.5]}, '/action', '/action: action [0.5] must be 2 finite numbers in'),
        ({**GOOD, 40: [0.5, np.nan]}, '/action', 'action [0.5, nan] must be 2 finite numbers'),
        ({**GOOD, 40: [0.5, np.inf]}, '/action', 'action [0.5, inf] must be 2 finite numbers'),
        ({**GOOD, 40: [0.5, -1.5]}, '/action', 'action [0.5, -1.5] must be 2 finite numbers'),
        ({}, '/action', '/action: episode 1: no action at frame 0 of 5 that need one (50 per'),
        ({k: a for k, a in GOOD.items() if k}, '/action', 'no action at frame 0 of 5'),
        ({k: a for k, a in GOOD.items() if k < 40}, '/action', 'no action at frame 3 of 5'),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_one_line(tmp_path, bag_of, actions, topic, told):
    bag = bag_of(tmp_path / 'b', range(0, 120, 20), actions)
    with pytest.raises(ClaifoError) as caught:
        read(bag, topic=topic)
    assert told in str(caught.value) and str(bag) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_message_that_is_no_action_is_told(tmp_path, recorder, acting, monkeypatch):
    messages = recorder.video([(START_MS + 20 * k) * MS for k in range(4)])
    messages += [('/action', START_MS * MS, acting(START_MS * MS, [0, 0]))]
    whole = recorder.serialize
    cut = lambda m: whole(m)[: 40 if m.__msgtype__ == ACTION else None]  # noqa: E731
    monkeypatch.setattr(recorder, 'serialize', cut)
    bag = recorder.write(tmp_path / 'b', messages)
    with pytest.raises(ClaifoError, match='/action: a message cannot be decoded'):
        read(bag)


STEP = 'claifo_msgs/msg/TimeStep'


@pytest.fixture(scope='module')
def earning(recorder, acting):
    """Returns what makes a TimeStep message of (reward, discount), by plain rosbags."""
    text = (interfaces_dir() / 'msg' / 'TimeStep.msg').read_text()
    recorder.store.register(get_types_from_msg(text, STEP))
    none = np.zeros(0, np.float32)

    def step(stamp_ns: int, reward, discount=(1,)) -> object:
        return recorder.store.types[STEP](
            recorder.header(stamp_ns), '', '', 0, 0, 0, 0, 1, 0, 0, 0, np.zeros(0, np.uint8), none,
            none, np.array(reward, np.float32), np.array(discount, np.float32),
            np.zeros(1, np.uint8), np.zeros(0, bool),
        )  # fmt: skip

    return step


def write_earned(recorder, acting, earning, path, steps, count=11):
    """Write frames and actions every 20 ms, and {time: (reward, discount)}, in ms."""
    times = [(START_MS + 20 * k) * MS for k in range(count)]
    messages = recorder.video(times)
    messages += [('/action', stamp, acting(stamp, [0, 0])) for stamp in times[:-1]]
    for ms, numbers in steps.items():
        stamp = (START_MS + ms) * MS
        messages.append(('/time_step', stamp, earning(stamp, *numbers)))
    messages.sort(key=lambda message: message[1])
    return recorder.write(path, messages, topics={'/time_step': STEP})


def read_earned(bag, rate_hz=50.0):
    options = ReadOptions(frames=FrameSpec(8), rate_hz=rate_hz)
    topics = {'action_topic': '/action', 'reward_topic': '/time_step'}
    return read_demonstrations([bag], options, 2, **topics)[1][0]


@pytest.mark.parametrize('repeat', [1, 2, 3, 4])
@pytest.mark.parametrize('ended', [False, True])
def test_an_agent_that_holds_its_actions_earns_all_until_the_next(
    tmp_path, recorder, acting, earning, repeat, ended
):
    """Step k, which ends at frame k, earns 2^k; whether the task ended it is known at its end."""
    steps = {20 * k: ([2.0**k], [float(k < 10 or not ended)]) for k in range(1, 11)}
    bag = write_earned(recorder, acting, earning, tmp_path / 'b', steps)
    shown = read_earned(bag, 50.0 / repeat)
    starts = range(0, 11 - repeat, repeat)
    wanted = [sum(2.0**k for k in range(a + 1, a + repeat + 1)) for a in starts]
    np.testing.assert_allclose(shown.rewards, wanted)
    assert shown.rewards.dtype == np.float32 and len(shown.actions) == len(wanted)
    assert shown.terminated == (ended and 10 % repeat == 0)


EARNED = {20 * k: ([1.0],) for k in range(1, 11)}


@pytest.mark.parametrize(
    ('steps', 'told'),
    [
        ({}, '/time_step: episode 1: no reward between frames 0 and 1 (50 per second)'),
        ({k: s for k, s in EARNED.items() if k != 60}, 'no reward between frames 2 and 3'),
        ({**EARNED, 60: ([np.nan],)}, '/time_step: reward [nan] and discount [1.0] must be'),
        ({**EARNED, 60: ([1.0, 2.0],)}, 'reward [1.0, 2.0] and discount [1.0] must be one'),
        ({**EARNED, 60: ([1.0], [])}, 'reward [1.0] and discount [] must be one'),
    ],
)
def test_rewards_that_cannot_be_learnt_from_are_one_line(
    tmp_path, recorder, acting, earning, steps, told
):
    bag = write_earned(recorder, acting, earning, tmp_path / 'b', steps)
    with pytest.raises(ClaifoError) as caught:
        read_earned(bag)
    assert told in str(caught.value) and '\n' not in str(caught.value)


def test_a_film_with_actions_alone_has_no_rewards(tmp_path):
    with BagWriter(tmp_path / 'set', rate_hz=50.0) as writer:
        writer.write_episode(
            np.zeros((4, 8, 8, 3), np.uint8), shown=Demonstration(np.zeros((3, 2), np.float32))
        )
    with pytest.raises(ClaifoError, match=r'no claifo_msgs/msg/TimeStep on /time_step; record the '
                       r'film with .*, or name the topic with `--expert.reward_topic`'):
        read_earned(tmp_path / 'set')


def test_rewards_and_the_end_are_read_back(tmp_path):
    rng = np.random.default_rng(1)
    for terminated in (False, True):
        shown = Demonstration(
            np.zeros((6, 2), np.float32), rng.normal(size=6).astype(np.float32), terminated
        )
        with BagWriter(tmp_path / str(terminated), rate_hz=50.0) as writer:
            writer.write_episode(np.zeros((7, 8, 8, 3), np.uint8), shown=shown)
        found = read_earned(tmp_path / str(terminated))
        np.testing.assert_allclose(found.rewards, shown.rewards, atol=1e-6)
        assert found.terminated == terminated
