"""A domain changes what it names and nothing else, with the published values."""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest

from claifo_sim import SimError, VisualDomain, domain_names, make, tasks
from claifo_sim.domains import domain, pairs, same_look, source_of
from claifo_sim.env import SimEnv
from claifo_sim.rendering import View, probe

probe()
from dm_control.suite import walker  # noqa: E402

SIZE = 48
RAYS = 4
SKY = -1
TEXTURES = """
<mujoco>
  <asset>
    <texture name='skybox' type='skybox' builtin='gradient' rgb1='{sky[0]}' rgb2='{sky[1]}'
      width='800' height='800' mark='random' markrgb='1 1 1'/>
    <texture name='grid' type='2d' builtin='checker' rgb1='{floor[0]}' rgb2='{floor[1]}'
      width='300' height='300' mark='edge' markrgb='.2 .3 .4'/>
  </asset>
  <worldbody><geom size='1'/></worldbody>
</mujoco>
"""
STOCK_SKY, STOCK_FLOOR = ('.4 .6 .8', '0 0 0'), ('.1 .2 .3', '.2 .3 .4')
PALE_WINE = ('.5703 .8114 .8342', '.4929 .0110 .0818')
BLUES = ('.3311 .4299 .8522', '.0110 .2604 .3999')


@pytest.fixture(scope='module')
def env() -> SimEnv:
    """A walker in the middle of a fall."""
    world = make('walker_walk', size_px=SIZE)
    world.reset(seed=1)
    for _ in range(5):
        world.step(np.zeros(6))
    yield world
    world.close()


def bytes_of(model: mujoco.MjModel) -> bytes:
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()


def texture(model: mujoco.MjModel, name: str) -> np.ndarray:
    part = model.texture(name)
    count = part.height[0] * part.width[0] * 3
    return model.tex_data[part.adr[0]:part.adr[0] + count].astype(int)


def seen_geoms(env: SimEnv) -> np.ndarray:
    """Return the geom seen at RAYS x RAYS points of each pixel by ray casting, -1 for the sky."""
    model, data, camera = env.model, env.data, env.cameras[0]
    half = np.tan(np.radians(model.cam_fovy[camera]) / 2)
    count = SIZE * RAYS
    line = ((np.arange(count) + 0.5) / count * 2 - 1) * half
    turn = data.cam_xmat[camera].reshape(3, 3)
    seen = np.empty((count, count), int)
    found = np.zeros(1, np.int32)
    for row, up in enumerate(-line):
        for column, right in enumerate(line):
            mujoco.mj_ray(model, data, data.cam_xpos[camera], turn @ (right, up, -1.0), None, 1,
                          -1, found)
            seen[row, column] = found[0]
    return seen


def interior(mask: np.ndarray) -> np.ndarray:
    """Return the pixels, (SIZE, SIZE), that lie in ``mask`` with half a pixel around them."""
    margin = RAYS // 2
    padded = np.pad(mask, margin, mode='edge')
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * RAYS, 2 * RAYS))
    return windows[::RAYS, ::RAYS].all((-2, -1))


def test_the_named_part_changes_and_nothing_else(env: SimEnv) -> None:
    env.set_domain('floor/target')
    stock = env.pixels().astype(int)
    seen = seen_geoms(env)
    floor = env.model.geom('floor').id
    parts = {'background': seen == SKY, 'floor': seen == floor,
             'body': (seen != SKY) & (seen != floor)}
    assert all(interior(mask).sum() > 20 for mask in parts.values())
    for name, mask in parts.items():
        env.set_domain(f'{name}/source')
        difference = np.abs(env.pixels() - stock).max(-1)
        assert difference[interior(~mask)].max() == 0, name
        assert np.median(difference[interior(mask)]) > 20, name


def test_light_darkens_the_scene_but_not_the_sky(env: SimEnv) -> None:
    seen = seen_geoms(env)
    sky, scene = interior(seen == SKY), interior(seen != SKY)
    for pair in ('light', 'dim'):
        env.set_domain(f'{pair}/source')
        bright = env.pixels().astype(int)
        env.set_domain(f'{pair}/target')
        dark = env.pixels().astype(int)
        np.testing.assert_array_equal(bright[sky], dark[sky])
        assert dark[scene].mean() < 0.5 * bright[scene].mean()


@pytest.mark.parametrize(
    ('name', 'expected', 'shadow'),
    [
        ('light/source', (0.62, 0.94, 0.41), 2200),
        ('light/target', (0.125, 0.40, 0.0), 1750),  # specular -0.0625 is clipped
        ('dim/source', (0.62, 0.94, 0.41), 2048),
        ('dim/target', (0.125, 0.40, 0.0), 2048),
        ('stock', (0.4, 0.8, 0.1), 2048),
    ],
)
def test_headlight_values(
    env: SimEnv, name: str, expected: tuple[float, float, float], shadow: int
) -> None:
    env.set_domain(name)
    light = env.model.vis.headlight
    found = np.stack([light.ambient, light.diffuse, light.specular])
    np.testing.assert_allclose(found, np.repeat(np.array(expected)[:, None], 3, 1), atol=1e-6)
    assert env.model.vis.quality.shadowsize == shadow


def test_light_lamp_is_where_a_compiled_model_has_it(env: SimEnv) -> None:
    xml, assets = walker.get_model_and_assets()
    moved = xml.decode().replace('<light name="light" pos="0 0 2"',
                                 '<light name="light" pos="-0.0283 -1.9559 1.3272"')
    oracle = walker.Physics.from_xml_string(moved, assets).model.ptr
    for name in ('light/source', 'light/target'):
        env.set_domain(name)
        for field in ('light_pos', 'light_pos0', 'light_poscom0', 'light_dir', 'light_dir0'):
            np.testing.assert_allclose(getattr(env.model, field), getattr(oracle, field),
                                       atol=1e-6, err_msg=field)
    env.set_domain('dim/target')
    np.testing.assert_allclose(env.model.light_diffuse, 0.25)


PAPER = ('light', 'body', 'floor', 'background', 'full')


def test_the_floor_of_the_paper_is_drawn_as_mujoco_draws_it(env: SimEnv) -> None:
    xml, assets = walker.get_model_and_assets()
    stock = assets['./common/materials.xml'].decode()
    fine = stock.replace('texrepeat="1 1"', 'texrepeat="3 3"')
    assert fine != stock
    assets = {**assets, './common/materials.xml': fine.encode()}
    physics = walker.Physics.from_xml_string(xml, assets)
    physics.set_state(np.concatenate([env.data.qpos, env.data.qvel]))
    physics.forward()
    oracle = View(physics.model.ptr, (0,), SIZE, fast=True)
    expected = oracle.render(physics.data.ptr)
    oracle.close()
    env.set_domain('stock')  # the context has been built with the coarse floor
    assert np.abs(env.pixels().astype(int) - expected).mean() > 1
    env.set_domain('body/target')
    np.testing.assert_array_equal(env.pixels(), expected)


def test_the_paper_s_pairs_and_no_others_have_its_floor() -> None:
    found = {name for name, pair in pairs('dmc', 'walker').items()
             if {pair.source.floor_repeat, pair.target.floor_repeat} == {3}}
    assert found == set(PAPER)
    assert domain('lamp/source', 'dmc', 'walker') == VisualDomain()


@pytest.mark.parametrize(
    ('name', 'sky', 'floor', 'body'),
    [
        ('body/source', STOCK_SKY, STOCK_FLOOR, (0.8114, 0.8342, 0.4929, 0.8926)),
        ('floor/source', STOCK_SKY, PALE_WINE, (0.7, 0.5, 0.3, 1)),
        ('background/source', PALE_WINE, STOCK_FLOOR, (0.7, 0.5, 0.3, 1)),
        ('full/source', PALE_WINE, BLUES, (0.9791, 0.6083, 0.1063, 0.9166)),
        ('full/target', STOCK_SKY, STOCK_FLOOR, (0.7, 0.5, 0.3, 1)),
    ],
)
def test_colours_are_those_mujoco_itself_would_draw(
    env: SimEnv, name: str, sky: tuple[str, str], floor: tuple[str, str],
    body: tuple[float, float, float, float],
) -> None:
    oracle = mujoco.MjModel.from_xml_string(TEXTURES.format(sky=sky, floor=floor))
    env.set_domain(name)
    np.testing.assert_array_equal(texture(env.model, 'grid'), texture(oracle, 'grid'))
    assert np.abs(texture(env.model, 'skybox') - texture(oracle, 'skybox')).max() <= 1
    np.testing.assert_allclose(env.model.material('self').rgba, body, atol=1e-6)


def test_effector_is_coloured_too() -> None:
    env = make('reacher_easy', 'body/source', profile='off')
    np.testing.assert_allclose(env.model.material('effector').rgba,
                               (0.0818, 0.3311, 0.4299, 0.7528), atol=1e-6)


def test_restoring_is_exact_from_every_domain(env: SimEnv) -> None:
    env.set_domain('stock')
    model, picture = bytes_of(env.model), env.pixels()
    for name in domain_names('walker_walk'):
        env.set_domain(name)
        env.set_domain('stock')
        assert bytes_of(env.model) == model, name
        np.testing.assert_array_equal(env.pixels(), picture, err_msg=name)


def test_a_domain_looks_the_same_whatever_was_shown_before(env: SimEnv) -> None:
    env.set_domain('full/source')
    direct = env.pixels()
    for name in ('texture/target', 'camera/target', 'floor/source', 'full/source'):
        env.set_domain(name)
    np.testing.assert_array_equal(env.pixels(), direct)


def test_noise_follows_its_seed(env: SimEnv) -> None:
    noise = pairs('dmc', 'walker')['texture'].target
    pictures = []
    for seed in (0, 1, 0):
        env.set_domain(dataclasses.replace(noise, seed=seed))
        pictures.append(env.pixels().astype(int))
    np.testing.assert_array_equal(pictures[0], pictures[2])
    assert np.abs(pictures[0] - pictures[1]).mean() > 10


def test_camera_shift_is_seen_by_a_tracking_camera(env: SimEnv) -> None:
    env.set_domain('stock')
    place, turn = env.data.cam_xpos[0].copy(), env.data.cam_xmat[0].reshape(3, 3).copy()
    env.set_domain(VisualDomain(camera_shift=(0.1, 0.0, 0.05)))
    expected = place + turn @ (0.1, 0.0, 0.05) * env.model.stat.extent
    np.testing.assert_allclose(env.data.cam_xpos[0], expected, atol=1e-9)
    env.set_domain(VisualDomain(camera_turn_deg=(0.0, 0.0, 90.0)))
    np.testing.assert_allclose(env.data.cam_xmat[0].reshape(3, 3)[:, 0], turn[:, 1], atol=1e-9)


def test_domain_does_not_touch_the_physics(env: SimEnv) -> None:
    states = []
    start = env.get_state()
    for name in ('stock', 'full/source', 'camera/target'):
        env.set_state(start)
        env.set_domain(name)
        env.reset(seed=4)
        states.append([env.step(np.full(6, 0.3))[:2] for _ in range(3)])
    for other in states[1:]:
        for (expected, reward), (found, found_reward) in zip(states[0], other, strict=True):
            np.testing.assert_array_equal(expected['state'], found['state'])
            assert reward == found_reward


SCENES = {f'{info.suite}-{info.scene}': info.name for info in tasks() if not info.optional}


@pytest.mark.parametrize('name', SCENES.values(), ids=SCENES)
def test_every_pair_is_visible_in_every_scene(name: str) -> None:
    env = make(name, size_px=64)
    env.reset(seed=3)
    for pair in [n.removesuffix('/source') for n in domain_names(name) if '/source' in n]:
        env.set_domain(f'{pair}/source')
        source = env.pixels().astype(int)
        env.set_domain(f'{pair}/target')
        difference = np.abs(env.pixels() - source).max(-1)
        assert (difference > 8).sum() >= 8, pair
    env.close()


def test_unknown_domain_names_the_nearest(env: SimEnv) -> None:
    with pytest.raises(SimError, match='did you mean body/target'):
        env.set_domain('body/tarjet')
    with pytest.raises(SimError, match='dmc walker does not offer it'):
        domain('table', 'dmc', 'walker')


def test_short_names_of_domains() -> None:
    assert domain('light', 'adroit', 'door') == domain('light/target', 'adroit', 'door')
    assert domain('source', 'adroit', 'door') == domain('stock', 'adroit', 'door')
    with pytest.raises(SimError):  # each pair of the walker has a source of its own
        domain('source', 'dmc', 'walker')
    assert source_of('light') == source_of('light/target') == 'light/source'
    assert source_of('stock') == 'stock'
    assert same_look('color/source', 'adroit', 'door') == 'stock'
    assert same_look('body/source', 'dmc', 'walker') == 'body/source'
