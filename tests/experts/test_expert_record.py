"""Recorded bags hold the expert's pictures at the control rate, and the truth beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rosbags.highlevel import AnyReader

import claifo_sim
from claifo import experts
from claifo.bags.truth import read_truth
from claifo.cli import main
from claifo.experts.config import RecordConfig
from claifo.experts.policies import load_expert
from claifo.experts.record import record
from claifo.films import Film, film_place
from claifo.training import read_expert, read_random, setting
from claifo_core.config import EnvConfig, TrainConfig
from claifo_core.config.settings import from_dict, merge
from claifo_core.errors import ClaifoError

TOPICS = {'action_topic': '/action', 'reward_topic': '/time_step'}
TASK, DOMAIN, STEPS, SIZE, SEED = 'cartpole_balance', 'light/source', 12, 32, 5
RATE_HZ = 100


@pytest.fixture(scope='module')
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """Return a data set of two short episodes and their returns."""
    out = tmp_path_factory.mktemp('record') / 'expert'
    config = RecordConfig(episodes=2, seed=SEED, episode_steps=STEPS)
    returns = record(Film(TASK, DOMAIN, SIZE), config, out, 'claifo x')
    return out, returns


def _messages(bag: Path) -> tuple[list[int], list[np.ndarray]]:
    """Return stamps in ns and pictures of a bag, read by rosbags alone."""
    stamps, pictures = [], []
    with AnyReader([bag]) as reader:
        for connection, _, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            assert message.encoding == 'rgb8'
            stamps.append(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)
            shape = message.height, message.width, 3
            pictures.append(np.asarray(message.data).reshape(shape))
    return stamps, pictures


def test_frames_are_stamped_at_the_control_rate(recorded: tuple[Path, list[float]]) -> None:
    """Every control step has its picture, the first and the last state too."""
    for name in ('episode_000', 'episode_001'):
        stamps, _ = _messages(recorded[0] / name)
        assert len(stamps) == STEPS + 1
        np.testing.assert_array_equal(np.diff(stamps), 10**9 // RATE_HZ)


def test_pictures_are_those_of_the_expert(recorded: tuple[Path, list[float]]) -> None:
    """Playing the second episode again gives the same pictures and the same return."""
    _, pictures = _messages(recorded[0] / 'episode_001')
    env = claifo_sim.make(TASK, DOMAIN, size_px=SIZE)
    expert, total = load_expert(TASK), 0.0
    observation, _ = env.reset(seed=SEED + 1)
    expert.reset(env)
    for index in range(STEPS):
        np.testing.assert_array_equal(pictures[index], observation['pixels'])
        action = expert.act(env, observation['state'])
        observation, reward, *_ = env.step(action)
        total += reward
    env.close()
    np.testing.assert_array_equal(pictures[STEPS], observation['pixels'])
    assert recorded[1][1] == pytest.approx(total)


def test_truth_stands_beside_the_bags(recorded: tuple[Path, list[float]]) -> None:
    """Task, domain, command, seeds and true returns can be read back."""
    truth = read_truth(recorded[0])
    assert (truth.task, truth.domain, truth.command) == (TASK, DOMAIN, 'claifo x')
    assert truth.rate_hz == RATE_HZ
    assert [episode.seed for episode in truth.episodes] == [SEED, SEED + 1]
    assert truth.returns == pytest.approx(recorded[1])


def test_an_existing_folder_is_refused_and_kept(recorded: tuple[Path, list[float]]) -> None:
    """Recording twice to the same place is an error of one line; the first stays."""
    before = sorted(recorded[0].rglob('*'))
    with pytest.raises(ClaifoError, match='exists already') as error:
        record(Film(TASK, DOMAIN), RecordConfig(episode_steps=STEPS), recorded[0])
    assert '\n' not in str(error.value)
    assert sorted(recorded[0].rglob('*')) == before


def test_nothing_is_left_of_a_failed_recording(tmp_path: Path) -> None:
    """A recording that stops half-way leaves no folder behind."""

    def stop(line: str) -> None:
        """Stop after the first episode."""
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt):
        record(Film(TASK), RecordConfig(episode_steps=STEPS), tmp_path / 'x', report=stop)
    assert list(tmp_path.iterdir()) == []


def test_each_camera_has_a_topic_and_the_films_a_place_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is where training looks for them, whatever the source is called."""
    monkeypatch.chdir(tmp_path)
    words = ('adroit_relocate', '--domain', 'source', '--cameras', 'cam3,cam1')
    assert main(['expert', 'record', *words, '--episodes', '1', '--episode-steps', '3']) == 0
    env = EnvConfig(
        task='adroit_relocate', domain='light/target', size_px=84, cameras=('cam3', 'cam1')
    )
    bag = film_place(TrainConfig(env=env))
    assert bag == Path('bags/adroit_relocate_stock_84px_cam3_cam1')
    videos = read_expert(TrainConfig(env=env)).videos
    assert [video.shape for video in videos] == [(4, 84, 84, 6)]
    world = claifo_sim.make('adroit_relocate', size_px=84, cameras=('cam3', 'cam1'))
    np.testing.assert_array_equal(videos[0][0], world.reset(seed=0)[0]['pixels'])
    world.close()


def test_actions_are_those_of_the_expert_at_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: tuple[Path, list[float]]
) -> None:
    """At the rate of an agent that holds each action for three steps; films have no actions."""
    monkeypatch.chdir(tmp_path)
    words = ('--domain', DOMAIN, '--size-px', str(SIZE), '--episode-steps', str(STEPS))
    more = ('--episodes', '2', '--seed', str(SEED), '--actions')
    assert main(['expert', 'record', TASK, *words, *more]) == 0
    world = {'task': TASK, 'domain': 'light/target', 'size_px': SIZE, 'action_repeat': 3}
    config = from_dict({'env': world, 'expert': TOPICS})
    assert film_place(config) == Path(f'bags/{TASK}_light_source_{SIZE}px_actions')
    expert = read_expert(config)

    env = claifo_sim.make(TASK, DOMAIN, size_px=SIZE)
    player, taken, earned = load_expert(TASK), [], []
    observation, _ = env.reset(seed=SEED + 1)
    player.reset(env)
    for _ in range(STEPS):
        taken.append(player.act(env, observation['state']))
        observation, reward, *_ = env.step(taken[-1])
        earned.append(reward)
    env.close()
    assert [len(video) for video in expert.videos] == [5, 5]
    found = expert.demonstrations[1]
    np.testing.assert_array_equal(found.actions, np.clip(taken, -1, 1)[::3])
    np.testing.assert_allclose(found.rewards, np.reshape(earned, (-1, 3)).sum(1), rtol=1e-6)
    assert not found.terminated

    film, _ = recorded
    plain = read_expert(from_dict({'env': world, 'expert': {'bag': str(film)}}))
    assert plain.demonstrations == []
    for mine, theirs in zip(plain.videos, expert.videos, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    named = {'bag': str(film), 'action_topic': '/action'}
    with pytest.raises(ClaifoError, match='no claifo_msgs/msg/Action on /action; record the film'):
        read_expert(from_dict({'env': world, 'expert': named}))


def test_what_is_missing_is_named_with_the_command_that_makes_it() -> None:
    env = EnvConfig(task='adroit_pen', domain='light', size_px=84)
    command = 'claifo expert record adroit_pen --domain light/source --size-px 84'
    with pytest.raises(ClaifoError, match=f'there is no bags/adroit_pen_stock_84px.*{command}'):
        read_expert(TrainConfig(env=env))


def test_films_of_random_actions_are_found_where_they_are_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of both worlds; until they are there, each is named with what records it."""
    monkeypatch.chdir(tmp_path)
    options = {'env.task': TASK, 'env.domain': 'light/target', 'env.size_px': SIZE}
    config = from_dict(merge({}, {**options, 'agent.contrastive_data': 'all'}))
    assert read_random(from_dict(merge({}, options))) == []
    for end, option in (('target', 'random_agent_bag'), ('source', 'random_bag')):
        words = f'{TASK} --domain light/{end} --size-px {SIZE} --random'
        with pytest.raises(ClaifoError, match=f'expert.{option} is empty.*record {words}`'):
            read_random(config)
        short = ('--episodes', '2', '--episode-steps', str(STEPS))
        assert main(['expert', 'record', *words.split(), *short]) == 0
    agent, expert = read_random(config)
    assert [v.shape for v in agent + expert] == 4 * [(STEPS + 1, SIZE, SIZE, 3)]
    assert agent[0].mean() < 0.95 * expert[0].mean()  # the agent's world is the darker one
    world = claifo_sim.make(TASK, 'light/target', size_px=SIZE)
    rng = np.random.default_rng(0)
    world.reset(seed=0)
    for frame in agent[0][1:]:
        seen = world.step(rng.uniform(-1, 1, world.info.action_dim).astype(np.float32))[0]
        np.testing.assert_array_equal(frame, seen['pixels'])
    world.close()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'cameras': ('top', 'top')}, "'top' is listed twice"),
        ({'domain': 'colour/target'}, "domain 'colour/target': adroit door does not offer it"),
        ({'task': 'adroit_dor'}, 'did you mean adroit_door'),
    ],
)
def test_a_misspelt_world_is_said_before_a_missing_film(options: dict, message: str) -> None:
    env = EnvConfig(**{'task': 'adroit_door', 'domain': 'color/target', 'size_px': 84} | options)
    with pytest.raises(claifo_sim.SimError, match=message):
        read_expert(TrainConfig(env=env))


def test_runs_compare_with_what_was_measured_once_for_the_film(
    recorded: tuple[Path, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The return of random actions stands beside the film, and is not played again."""
    out, _ = recorded
    measured = experts.random_return(TASK, experts.COMPARED_EPISODES)
    assert read_truth(out).random_return == measured
    monkeypatch.setattr(experts, 'random_return', None)
    config = from_dict({'env': {'task': TASK}, 'expert': {'bag': str(out)}})
    assert setting(config).compared()['random_return'] == measured
