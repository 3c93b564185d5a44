"""Unseen looks: visible, repeatable, what they say, and in no preset or pair."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from claifo_core.config import settings
from claifo_sim import SimError, VisualDomain, make, tasks
from claifo_sim.corruption import corrupt
from claifo_sim.domains import domain, pairs, source_of, unseen
from claifo_sim.env import SimEnv
from claifo_sim.visual import overlay

CONFIG = Path(__file__).resolve().parents[2] / 'config'
SCENES = {f'{t.suite}-{t.scene}': t for t in tasks()}


@pytest.fixture(scope='module')
def env() -> SimEnv:
    world = make('walker_walk', size_px=64)
    world.reset(seed=1)
    yield world
    world.close()


def scenery(task: str) -> SimEnv:
    world = make(task, size_px=64)
    world.reset(seed=3)
    return world


@pytest.mark.parametrize('task', ['walker_walk', 'point_mass_easy', 'adroit_door', 'adroit_pen'])
def test_every_look_is_visible_and_comes_again(task):
    env = scenery(task)
    stock = env.pixels().astype(int)
    first = {}
    for name in unseen(env.info.suite):
        env.set_domain(name)
        first[name] = env.pixels()
        changed = np.abs(first[name] - stock).max(-1) > 8
        assert changed.sum() >= 20, name
    for name in reversed(first):
        env.set_domain(name)
        np.testing.assert_array_equal(env.pixels(), first[name], err_msg=name)
    assert len({picture.tobytes() for picture in first.values()}) == len(first)
    env.close()


@pytest.mark.parametrize('kind', ['blur', 'jpeg', 'sensor_noise'])
def test_a_higher_number_is_worse(env, kind):
    env.set_domain('stock')
    stock = env.pixels().astype(int)
    costs = []
    for number in (1, 2, 3):
        env.set_domain(f'unseen/{kind}_{number}')
        costs.append(np.abs(env.pixels() - stock).mean())
    assert costs == sorted(costs) and costs[2] > 1.5 * costs[0]


def test_no_preset_and_no_pair_has_an_unseen_look():
    presets = sorted(CONFIG.glob('*.yaml'))
    assert len(presets) > 15
    for path in presets:
        assert 'unseen' not in path.read_text(), path
    configs = [settings.load(path) for path in presets if not path.stem.startswith('study_')]
    for config in configs:
        assert config.env.camera_jitter == 0
    for info in SCENES.values():
        hidden = [found.look for found in unseen(info.suite).values()]
        trained = [side for pair in pairs(info.suite, info.scene).values() for side in pair[1:]]
        assert not {*hidden} & {*trained}
        for look, other in ((a, b) for a in hidden for b in trained):
            assert look.camera_shift is None or look.camera_shift != other.camera_shift
            assert look.lamp_shift is None or look.lamp_shift != other.lamp_shift
            assert not (look.surfaces or look.backdrop) or look.seed != other.seed
        corrupted = ('blur', 'sensor_noise', 'jpeg_quality')
        assert all(getattr(side, name) is None for side in trained for name in corrupted)


def test_a_look_is_laid_over_another():
    found = domain('light/target+unseen/blur_2', 'adroit', 'door')
    assert found == dataclasses.replace(VisualDomain(), lamp_diffuse=0.1, blur=0.02)
    painted = domain('color/target+unseen/photo', 'adroit', 'door')
    assert (painted.backdrop, len(painted.colours)) == ('photo', 2)
    assert overlay(painted, VisualDomain()) == painted
    assert source_of('light/target+unseen/blur_2') == 'light/source'
    assert source_of('unseen/photo') == 'stock'
    for name in ('unseen/blur_22', 'light/target+unseen/blr_2'):
        with pytest.raises(SimError, match=r'did you mean unseen/blur_2\?'):
            domain(name, 'adroit', 'door')


def picture(side: int = 48) -> np.ndarray:
    """Two views with soft and hard edges."""
    rng = np.random.default_rng(0)
    soft = gaussian_filter(rng.uniform(0, 255, (side, side, 6)), (3, 3, 0))
    soft = (soft - soft.min()) / np.ptp(soft) * 255
    soft[10:20, 10:30] = 250
    return soft.astype(np.uint8)


def test_blur_is_gaussian_in_each_view():
    image = picture()
    found = corrupt(image, VisualDomain(blur=0.03), (0,))
    sigma = 0.03 * 48
    wanted = gaussian_filter(image.astype(float), (sigma, sigma, 0), mode='nearest', truncate=3)
    assert np.abs(found - wanted).max() < 3


def test_jpeg_is_that_of_another_library():
    image = picture()
    found = corrupt(image, VisualDomain(jpeg_quality=12), (0,))
    for view in (slice(0, 3), slice(3, 6)):
        file = io.BytesIO()
        Image.fromarray(image[..., view]).save(file, 'jpeg', quality=12)
        wanted = np.asarray(Image.open(file)).astype(int)
        assert np.abs(found[..., view] - wanted).mean() < 1.5
        assert np.abs(found[..., view] - image[..., view].astype(int)).mean() > 4


def test_sensor_noise_has_the_spread_it_says_and_follows_its_seed():
    grey = np.full((64, 64, 6), 128, np.uint8)
    look = VisualDomain(sensor_noise=16.0)
    noise = corrupt(grey, look, (7, 1, 0)).astype(int) - 128
    assert abs(noise.std() - 16) < 0.5 and abs(noise.mean()) < 0.5
    again, later = (corrupt(grey, look, (7, 1, step)).astype(int) - 128 for step in (0, 1))
    np.testing.assert_array_equal(noise, again)
    assert abs(np.corrcoef(noise.ravel(), later.ravel())[0, 1]) < 0.05


def test_noise_of_an_episode_follows_its_seed_and_changes_with_the_step():
    env = make('cartpole_balance', 'unseen/sensor_noise_2', size_px=32)
    runs = []
    for seed in (5, 6, 5):
        frames = [env.reset(seed=seed)[0]['pixels']]
        frames += [env.step(np.zeros(1))[0]['pixels'] for _ in range(2)]
        runs.append(np.array(frames).astype(int))
        np.testing.assert_array_equal(env.pixels(), frames[-1])
    env.close()
    np.testing.assert_array_equal(runs[0], runs[2])
    sky = (slice(None), slice(0, 6))
    assert np.abs(runs[0][1][sky] - runs[0][2][sky]).mean() > 8
    assert np.abs(runs[0][sky] - runs[1][sky]).mean() > 8


def pose(env: SimEnv) -> tuple[np.ndarray, Rotation]:
    camera = env.cameras[0]
    return env.data.cam_xpos[camera].copy(), Rotation.from_matrix(
        env.data.cam_xmat[camera].reshape(3, 3).copy()
    )


@pytest.mark.parametrize('task', ['walker_walk', 'adroit_relocate', 'robosuite_lift'])
@pytest.mark.parametrize('size', ['small', 'medium'])
def test_a_camera_moves_as_it_says(task, size):
    if task.startswith('robosuite'):
        pytest.importorskip('robosuite')
    env = make(task, size_px=32)
    place, turn = pose(env)
    name = f'unseen/camera_{size}'
    look = unseen(env.info.suite)[name].look
    env.set_domain(name)
    new_place, new_turn = pose(env)
    env.close()
    offset = turn.apply(np.array(look.camera_shift) * env.model.stat.extent)
    np.testing.assert_allclose(new_place, place + offset, atol=1e-6)
    wanted = turn * Rotation.from_euler('XYZ', look.camera_turn_deg, degrees=True)
    assert (new_turn.inv() * wanted).magnitude() < 1e-6


def test_camera_jitter_moves_the_camera_once_an_episode_within_its_bound():
    still, env = (make('walker_walk', size_px=16, camera_jitter=j) for j in (0.0, 5.0))
    found, states = [], []
    for seed in (*range(12), 0):
        state = still.reset(seed=seed)[0]['state']
        np.testing.assert_array_equal(env.reset(seed=seed)[0]['state'], state)
        (place, turn), (moved, turned) = pose(still), pose(env)
        shift = turn.inv().apply(moved - place) / env.model.stat.extent * 100
        angles = (turn.inv() * turned).as_euler('XYZ', degrees=True)
        found.append(np.concatenate([shift, angles]))
        env.step(np.zeros(6))
        still.step(np.zeros(6))
        (place, turn), (moved, turned) = pose(still), pose(env)
        later = turn.inv().apply(moved - place) / env.model.stat.extent * 100
        np.testing.assert_allclose(later, shift, atol=1e-6)
        states.append(state)
    np.testing.assert_allclose(found[0], found[-1], atol=1e-9)
    moves = np.array(found[:-1])
    assert np.abs(moves).max() < 5 and (np.ptp(moves, axis=0) > 4).all()
    env.close()
    still.close()


def test_jitter_is_added_to_the_camera_of_a_domain():
    env = make('walker_walk', 'camera/target', size_px=16, camera_jitter=3.0)
    plain = make('walker_walk', 'camera/target', size_px=16)
    for world in (env, plain):
        world.reset(seed=4)
    (place, turn), (moved, turned) = pose(plain), pose(env)
    assert 0 < np.linalg.norm(moved - place) < 3 * 0.03 * env.model.stat.extent
    assert 0 < np.degrees((turn.inv() * turned).magnitude()) < 3 * 3
    with pytest.raises(SimError, match=r'camera_jitter 50\.0: must be in 0\.\.45'):
        make('walker_walk', camera_jitter=50.0)
