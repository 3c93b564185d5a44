"""What the agent sees is the same from a film, from the simulator, and in training."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from claifo import cli
from claifo.environments import env_spec, evaluation_env
from claifo.experts import load_expert
from claifo.films import film_place
from claifo.training import read_expert
from claifo_core.config import settings
from claifo_core.data.observations import KINDS, film_kind
from claifo_core.errors import ClaifoError
from claifo_sim import VectorEnv


def config(**env):
    values = {
        'env': {'task': 'point_mass_easy_big', 'domain': 'dim/target', 'size_px': 32,
                'num_envs': 1, **env},
        'seed_steps': 10,
    }  # fmt: skip
    return settings.from_dict(values, 'test')


def film(run, monkeypatch, folder):
    """Film the expert where training looks for its films."""
    monkeypatch.chdir(folder)
    image = film_kind(run.env.observation)
    words = ('expert', 'record', run.env.task, '--domain', 'dim/source', '--episodes', '2',
             '--size-px', '32', '--episode-steps', '25', '--seed', '3', '--image', image)
    assert cli.main(words) == 0
    assert film_place(run).is_dir()
    return read_expert(run)[0]


@pytest.mark.parametrize('kind', KINDS)
def test_a_film_shows_what_the_simulator_shows(kind, monkeypatch, tmp_path):
    run = config(observation=kind)
    films = film(run, monkeypatch, tmp_path)
    env = evaluation_env(dataclasses.replace(run.env, domain='dim/source'))
    expert = load_expert(run.env.task)
    for number, episode in enumerate(films):
        seen = [env.reset(seed=3 + number)[0]]
        expert.reset(env)
        while len(seen) < len(episode):
            seen.append(env.step(expert.act(env, seen[-1]['state']))[0])
        np.testing.assert_array_equal([obs['pixels'] for obs in seen], episode)
    assert episode.shape == (26, 32, 32, 3)
    colourful = (episode[..., 0] != episode[..., 1]).any()
    assert colourful == (kind in ('rgb', 'event'))
    env.close()


def test_workers_begin_anew_with_every_episode():
    run = config(observation='event', episode_steps=6)
    with VectorEnv([env_spec(run.env)]) as envs:
        films = []
        for _ in range(2):
            frames = [envs.reset([8]).pixels[0].copy()]
            for _ in range(6):
                envs.step_async(np.ones((1, 2), np.float32))
                frames.append(envs.step_wait().pixels[0].copy())
            films.append(np.array(frames))
    np.testing.assert_array_equal(*films)
    assert not films[0][0].any() and films[0][1:].any()


def test_a_missing_film_of_depth_is_told_with_its_command(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClaifoError, match=r'size-px 32 --image depth`'):
        read_expert(config(observation='depth'))
    assert cli.main(['expert', 'record', 'walker_walk', '--image', 'dept']) == 2


def test_jitter_is_of_training_alone():
    run = config(camera_jitter=4.0)
    assert env_spec(run.env).camera_jitter == 4.0
    env = evaluation_env(run.env)
    places = []
    for seed in (0, 1):
        env.reset(seed=seed)
        places.append(env.data.cam_xpos[env.cameras[0]].copy())
    env.close()
    np.testing.assert_array_equal(*places)
