"""The replay against plain lists: what may be sampled, what it is, and what it costs."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import dataclass, field
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.data import Demonstration
from claifo_core.data import replay as replay_module
from claifo_core.data.replay import CHUNK_FRAMES, Replay
from claifo_core.errors import ClaifoError

SIZE = 4


def picture(label: int) -> np.ndarray:
    """Return a frame that spells ``label`` in its first bytes and differs in every pixel."""
    frame = np.arange(SIZE * SIZE * 3, dtype=np.uint8).reshape(SIZE, SIZE, 3)
    frame.reshape(-1)[:4] = np.frombuffer(np.uint32(label).tobytes(), np.uint8)
    return frame


def label_of(frame: torch.Tensor) -> int:
    """Read back the label of a planar frame (3, H, W)."""
    start = frame.permute(1, 2, 0).reshape(-1)[:4].numpy().tobytes()
    return int(np.frombuffer(start, np.uint32)[0])


@dataclass
class Step:
    """One frame of the model, and what led to the next frame."""

    label: int
    action: float = 0.0
    reward: float = 0.0


@dataclass
class ModelLane:
    """Everything that one environment ever showed, as lists of episodes."""

    episodes: list[list[Step]] = field(default_factory=list)
    terminated: list[bool] = field(default_factory=list)

    def transitions(self, keep: int, stack: int, n_step: int, discount: float) -> dict:
        """Return every legal transition by the label of its start, by brute force."""
        total = sum(map(len, self.episodes))
        found, number = {}, 0
        for episode, terminated in zip(self.episodes, self.terminated, strict=True):
            for t in range(len(episode)):
                oldest_needed = number + max(0, t - stack + 1)
                end = t + n_step
                if end < len(episode) and oldest_needed >= total - keep:
                    rewards = [discount**k * episode[t + k].reward for k in range(n_step)]
                    is_last = terminated and end == len(episode) - 1
                    found[episode[t].label] = {
                        'obs': [episode[max(0, i)].label for i in range(t - stack + 1, t + 1)],
                        'next': [
                            episode[max(0, i)].label for i in range(end - stack + 1, end + 1)
                        ],
                        'action': episode[t].action,
                        'reward': sum(rewards),
                        'discount': 0.0 if is_last else discount**n_step,
                    }
            number += len(episode)
        return found


# An episode: its number of steps, whether the task ends it. Lanes take turns step by step.
EPISODE = st.tuples(st.integers(0, 9), st.booleans())
LANES = st.lists(st.lists(EPISODE, min_size=1, max_size=6), min_size=1, max_size=3)


def fill(replay: Replay, plans: list, labels: itertools.count) -> list[ModelLane]:
    """Write the episodes of all lanes in turn to the replay and to the model."""
    model = [ModelLane() for _ in plans]

    def write(lane: int, plan: list):
        for length, terminated in plan:
            label = next(labels)
            model[lane].episodes.append([Step(label)])
            model[lane].terminated.append(False)
            replay.begin(lane, picture(label))
            yield
            for step in range(length):
                label, episode = next(labels), model[lane].episodes[-1]
                action, reward = label / 8, float((label * 7) % 11 - 5)
                episode[-1].action, episode[-1].reward = action, reward
                episode.append(Step(label))
                is_end = terminated and step == length - 1
                model[lane].terminated[-1] = is_end
                replay.append(
                    lane, np.array([action], np.float32), reward, picture(label),
                    terminated=is_end,
                )
                yield

    writers = [write(lane, plan) for lane, plan in enumerate(plans)]
    while writers:
        writers = [writer for writer in writers if next(writer, 'done') != 'done']
    return model


def check_samples(replay: Replay, expected: dict, draws: int) -> None:
    """Every sample is a transition of the model, and every transition of the model comes up."""
    batch = replay.sample(draws, torch.Generator().manual_seed(0))
    obs, next_obs, seen = batch.obs.pictures(), batch.next_obs.pictures(), set()
    for i in range(draws):
        start = label_of(obs[i, -1])
        seen.add(start)
        wanted = expected[start]
        assert [label_of(frame) for frame in obs[i]] == wanted['obs']
        assert [label_of(frame) for frame in next_obs[i]] == wanted['next']
        assert float(batch.action[i, 0]) == wanted['action']
        assert float(batch.reward[i]) == pytest.approx(wanted['reward'], abs=1e-5)
        assert float(batch.discount[i]) == pytest.approx(wanted['discount'], abs=1e-6)
    assert seen == set(expected)


@given(
    plans=LANES,
    keep=st.integers(6, 24),
    stack=st.integers(1, 4),
    n_step=st.integers(1, 4),
    discount=st.sampled_from([0.0, 0.9, 1.0]),
)
def test_samples_are_exactly_the_legal_transitions(plans, keep, stack, n_step, discount):
    replay = Replay(
        keep * len(plans), SIZE, 1, lanes=len(plans), stack=stack, n_step=n_step,
        discount=discount,
    )
    model = fill(replay, plans, itertools.count())
    expected = {}
    for lane in model:
        expected |= lane.transitions(keep, stack, n_step, discount)
    assert len(replay) == len(expected)
    if not expected:
        with pytest.raises(ClaifoError, match=f'has {n_step + 1} frames'):
            replay.sample(1, torch.Generator())
    else:
        # 20 draws per transition leave one out with probability e^-20 each.
        check_samples(replay, expected, 20 * len(expected))


@given(plans=LANES, keep=st.integers(6, 24), stack=st.integers(1, 4))
def test_latest_is_the_newest_stack_of_each_lane(plans, keep, stack):
    replay = Replay(keep * len(plans), SIZE, 1, lanes=len(plans), stack=stack)
    model = fill(replay, plans, itertools.count())
    for lane, written in enumerate(model):
        episode = written.episodes[-1]
        count = len(episode)
        wanted = [episode[max(0, i)].label for i in range(count - stack, count)]
        assert [label_of(frame) for frame in replay.latest()[0][lane]] == wanted


def test_every_transition_is_equally_likely():
    """A long and a short episode: one draw in 26 for each of the 26 starts."""
    replay = Replay(40, SIZE, 1, stack=2, n_step=1)
    fill(replay, [[(25, False), (1, False)]], itertools.count())
    batch = replay.sample(26_000, torch.Generator().manual_seed(3))
    labels = batch.obs.pictures()[:, -1].permute(0, 2, 3, 1).reshape(26_000, -1)[:, 0]
    counts = np.bincount(labels.numpy())
    counts = counts[counts > 0]
    assert len(counts) == 26
    chi_squared = float(((counts - 1000.0) ** 2 / 1000.0).sum())
    assert chi_squared < 60  # 25 degrees of freedom: exceeded once in 10 000 seeds


def test_videos_give_pairs_of_frames_without_actions():
    replay = Replay(12, SIZE, 0, stack=3, n_step=2)
    replay.add_video(np.stack([picture(i) for i in range(5)]))
    replay.add_video(np.stack([picture(i) for i in range(10, 17)]))
    batch = replay.sample(400, torch.Generator().manual_seed(0))
    pairs = {
        (label_of(a), label_of(b))
        for a, b in zip(batch.obs.pictures()[:, -1], batch.next_obs.pictures()[:, -1], strict=True)
    }
    assert pairs == {(i, i + 2) for i in (0, 1, 2, 10, 11, 12, 13, 14)}
    assert batch.action.shape == (400, 0)


@given(
    lengths=st.lists(st.integers(2, 30), min_size=1, max_size=4),
    keep=st.integers(6, 24),
    block=st.integers(1, 9),
)
def test_a_film_written_in_blocks_is_the_film_written_frame_by_frame(lengths, keep, block):
    at_once, singly = (Replay(2 * keep, SIZE, 1, lanes=2) for _ in range(2))
    labels = itertools.count()
    for length in lengths:
        video = np.stack([picture(next(labels)) for _ in range(length)])
        numbers = np.arange(length - 1, dtype=np.float32)
        shown = Demonstration(numbers[:, None], numbers / 2, terminated=length % 2 == 0)
        with mock.patch.object(replay_module, '_BLOCK_FRAMES', block):
            at_once.add_video(video, 1, shown)
        singly.begin(1, video[0])
        for k, frame in enumerate(video[1:]):
            is_end = shown.terminated and k == length - 2
            singly.append(1, shown.actions[k], float(k) / 2, frame, terminated=is_end)
    assert at_once.state() == singly.state()
    assert at_once.dirty() == singly.dirty()
    filled = slice(keep, keep + min(keep, sum(lengths)))
    for name in ('frames', 'action', 'reward'):
        assert torch.equal(getattr(at_once, name)[filled], getattr(singly, name)[filled])


def test_a_film_of_many_blocks_is_dirty_in_all_its_chunks():
    film = Replay(3 * CHUNK_FRAMES, SIZE, 0)
    film.add_video(np.zeros((2 * CHUNK_FRAMES + 1, SIZE, SIZE, 3), np.uint8))
    assert film.dirty() == [0, 1, 2]


def test_the_same_generator_seed_gives_the_same_batch():
    replay = Replay(30, SIZE, 1)
    fill(replay, [[(9, False), (9, True)]], itertools.count())
    first, again, other = (
        replay.sample(16, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(first.obs.slots, again.obs.slots)
    assert not torch.equal(first.obs.slots, other.obs.slots)


def test_state_and_chunks_restore_another_replay():
    """Only chunks written since they were marked clean are dirty, and they are enough."""
    frames = 2 * CHUNK_FRAMES + 100
    source, target = (Replay(frames, SIZE, 1, lanes=2, n_step=2) for _ in range(2))
    labels = itertools.count()
    fill(source, [[(30, True)], [(40, False)]], labels)
    first = source.dirty()
    assert first == [0, 1]  # the second lane starts in the middle of chunk 1
    source.mark_clean()
    assert source.dirty() == []
    saved = {index: {k: v.clone() for k, v in source.chunk(index).items()} for index in first}
    fill(source, [[(5, False)], []], labels)
    assert source.dirty() == [0]
    saved[0] = source.chunk(0)
    for index, tensors in saved.items():
        for key, view in target.chunk(index).items():
            view.copy_(tensors[key])
    target.restore(source.state())
    batches = [replay.sample(200, torch.Generator().manual_seed(1)) for replay in (source, target)]
    for name in ('obs', 'next_obs'):
        assert torch.equal(*(getattr(batch, name).pictures() for batch in batches))
    for name in ('action', 'reward', 'discount'):
        assert torch.equal(*(getattr(batch, name) for batch in batches))
    assert all(map(torch.equal, source.latest(), target.latest()))


def test_frames_are_stored_once_and_nothing_grows():
    """Storage is at most 1.02 frames of bytes per slot; appending keeps no other memory."""
    count, size = 2000, 32
    replay = Replay(count, size, 6, stack=3)
    per_slot = replay.action.nbytes + replay.reward.nbytes
    assert replay.frames.nbytes + per_slot <= 1.02 * count * size * size * 3

    frame, action = np.zeros((size, size, 3), np.uint8), np.zeros(6, np.float32)

    def write(episodes: int) -> None:
        for _ in range(episodes):
            replay.begin(0, frame)
            for _ in range(99):
                replay.append(0, action, 0.0, frame)

    write(30)  # once around: as many episodes as it will ever hold
    tracemalloc.start()
    try:
        write(60)
        ours = tracemalloc.Filter(True, '*/claifo_core/data/*')
        kept = tracemalloc.take_snapshot().filter_traces([ours]).traces
        grown = sum(trace.size for trace in kept)
    finally:
        tracemalloc.stop()
    assert grown < 4096
    assert len(replay) <= count
