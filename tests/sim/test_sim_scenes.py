"""Adroit and robosuite: what a domain changes, what a picture shows, what can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import mujoco
import numpy as np
import pytest

from claifo_sim import SimError, VisualDomain, domain_names, make, task_info, tasks
from claifo_sim.env import SimEnv

SIZE = 84
TASKS = ('adroit_door', 'adroit_hammer', 'adroit_pen', 'adroit_relocate', 'robosuite_lift',
         'robosuite_door')
SKY = -1


@pytest.fixture(scope='module', params=TASKS)
def env(request: pytest.FixtureRequest) -> Iterator[SimEnv]:
    if request.param.startswith('robosuite'):
        pytest.importorskip('robosuite')
    world = make(request.param, size_px=SIZE)
    world.reset(seed=1)
    for _ in range(4):
        world.step(np.zeros(world.action_space.shape))
    yield world
    world.close()


def segmented(env: SimEnv) -> np.ndarray:
    """The shape seen at each pixel of each camera, (V, SIZE, SIZE), by MuJoCo's own renderer."""
    option = mujoco.MjvOption()
    if env.info.suite == 'robosuite':
        option.geomgroup[0] = 0
    with mujoco.Renderer(env.model, SIZE, SIZE) as renderer:
        renderer.enable_segmentation_rendering()
        found = []
        for camera in env.cameras:
            renderer.update_scene(env.data, camera, option)
            ids, kinds = renderer.render().transpose(2, 0, 1).astype(int)
            found.append(np.where(kinds == mujoco.mjtObj.mjOBJ_SITE, -2, ids))
    return np.stack(found)


def shapes(env: SimEnv, belongs: Callable[[str, str, str], bool]) -> list[int]:
    """The shapes for which ``belongs(shape, body, material)`` holds."""
    model = env.model
    return [
        g for g in range(model.ngeom)
        if belongs(
            model.geom(g).name, model.body(model.geom_bodyid[g]).name,
            model.mat(model.geom_matid[g]).name if model.geom_matid[g] >= 0 else '',
        )
    ]  # fmt: skip


PARTS: dict[str, Callable[[str, str, str], bool]] = {
    'color': lambda shape, body, material: material == 'tablecube' or body == 'frame',
    'hand': lambda shape, body, material: shape.startswith('V_'),
    'floor': lambda shape, body, material: shape in ('ground', 'floor'),
    'table': lambda shape, body, material: shape == 'table_visual',
    'walls': lambda shape, body, material: shape.startswith('wall_'),
    'robot': lambda shape, body, material: body.startswith(('robot0', 'gripper0')),
}


def difference(env: SimEnv, name: str) -> np.ndarray:
    """The largest change of a channel against the stock look, (V, SIZE, SIZE)."""
    env.set_domain('stock')
    stock = env.pixels().astype(int)
    env.set_domain(name)
    change = np.abs(env.pixels() - stock).reshape(SIZE, SIZE, -1, 3)
    return change.max(-1).transpose(2, 0, 1)


def grown(mask: np.ndarray) -> np.ndarray:
    """The mask and the pixels beside it: 2x supersampling mixes edges."""
    square = np.ones((3, 3), np.uint8)
    return np.stack([cv2.dilate(view.astype(np.uint8), square) for view in mask]).astype(bool)


def pair_names(env: SimEnv) -> list[str]:
    names = domain_names(env.info.name)
    return [name.removesuffix('/target') for name in names if name.endswith('/target')]


def test_a_colour_changes_its_part_and_nothing_else(env: SimEnv) -> None:
    seen = segmented(env)
    glass = np.flatnonzero(env.model.geom_rgba[:, 3] < 1)
    checked = 0
    for pair in pair_names(env):
        if pair not in PARTS:
            continue
        mask = np.isin(seen, shapes(env, PARTS[pair]))
        change = difference(env, f'{pair}/target')
        # Slivers thinner than a pixel are in no segmentation.
        outside = ~grown(mask) & (seen != -2) & ~np.isin(seen, glass)
        assert ((change > 1) & outside).mean() < 0.004, pair
        if (inside := ~grown(~mask)).sum() > 20:
            assert np.median(change[inside]) > 10, pair
            checked += 1
    assert checked


def test_the_sky_alone_changes_with_the_background(env: SimEnv) -> None:
    if 'background' not in pair_names(env):
        pytest.skip('no camera of this scene sees the sky')
    seen = segmented(env)
    change = difference(env, 'background/target')
    sky = seen == SKY
    assert np.median(change[~grown(~sky)]) > 40
    assert change[~grown(sky) & (seen != -2) & (seen >= 0)].max() <= 1 or (
        env.info.name in ('adroit_pen', 'adroit_relocate')  # with things of glass
    )
    env.set_domain('stock')
    stock = env.pixels().reshape(SIZE, SIZE, -1, 3).transpose(2, 0, 1, 3)
    assert stock[~grown(~sky)].max() == 0


def test_dark_is_darker_everywhere(env: SimEnv) -> None:
    env.set_domain('light/source')
    bright = env.pixels().astype(int)
    env.set_domain('light/target')
    dark = env.pixels().astype(int)
    assert (dark <= bright + 1).all()
    assert 0 < dark.mean() < 0.92 * bright.mean()  # the headlight stays


def test_every_pair_can_be_seen_and_no_picture_is_black(env: SimEnv) -> None:
    for pair in pair_names(env):
        assert (difference(env, f'{pair}/target') > 8).sum() >= 8, pair
        assert env.pixels().max() > 60, pair


def test_restoring_is_exact(env: SimEnv) -> None:
    env.set_domain('stock')
    picture, fields = env.pixels(), model_bytes(env)
    for name in domain_names(env.info.name):
        env.set_domain(name)
        env.set_domain('stock')
        assert model_bytes(env) == fields, name
        np.testing.assert_array_equal(env.pixels(), picture, err_msg=name)


def model_bytes(env: SimEnv) -> bytes:
    buffer = np.empty(mujoco.mj_sizeModel(env.model), np.uint8)
    mujoco.mj_saveModel(env.model, None, buffer)
    return buffer.tobytes()


LANDMARKS = {'adroit_door': 'latch', 'adroit_hammer': 'nail_board', 'adroit_pen': 'palm',
             'adroit_relocate': 'Object', 'robosuite_lift': 'cube_main',
             'robosuite_door': 'Door_door'}


def test_pictures_are_upright(env: SimEnv) -> None:
    """A landmark lies where the pinhole camera puts it: rows grow downwards."""
    env.set_domain('stock')
    body = env.model.body(LANDMARKS[env.info.name]).id
    own = [g for g in range(env.model.ngeom) if env.model.geom_bodyid[g] == body]
    camera, data = env.cameras[0], env.data
    env.pixels()
    mask = np.isin(segmented(env)[0], own)
    assert mask.any()
    rows, columns = np.nonzero(mask)
    centres = [data.geom_xpos[g] for g in own if env.model.geom_group[g] < 3]
    turn = data.cam_xmat[camera].reshape(3, 3)
    local = (np.mean(centres, 0) - data.cam_xpos[camera]) @ turn
    scale = SIZE / 2 / np.tan(np.radians(env.model.cam_fovy[camera]) / 2)
    column, row = SIZE / 2 + np.array([1, -1]) * local[:2] / -local[2] * scale
    assert rows.min() - 4 <= row <= rows.max() + 4
    assert columns.min() - 4 <= column <= columns.max() + 4
    # That the picture has it there too: the landmark painted alone changes those pixels.
    model = env.model
    before, stock = model.geom_rgba.copy(), env.pixels()[..., :3].astype(int)
    model.geom_rgba[own] = (0.0, 1.0, 0.0, 1.0)
    change = np.abs(env.pixels()[..., :3] - stock).max(-1)
    model.geom_rgba[:] = before
    changed = np.nonzero(change > 20)
    assert len(changed[0]) and grown(mask[None])[0][changed].mean() > 0.6


def test_a_seed_is_an_episode_whatever_was_before(env: SimEnv) -> None:
    env.set_domain('stock')
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (6, env.info.action_dim))
    played = []
    for other in (None, 5, 6):
        if other is not None:
            env.reset(seed=other)
            env.step(-actions[0])
        shown = [env.reset(seed=3)[0], *(env.step(action)[0] for action in actions)]
        played.append([np.concatenate([o['state'], o['pixels'].ravel() / 255.0]) for o in shown])
    np.testing.assert_array_equal(played[0], played[1])
    np.testing.assert_array_equal(played[0], played[2])
    assert not np.array_equal(env.reset(seed=4)[0]['state'], env.reset(seed=3)[0]['state'])


def test_a_state_can_be_put_back(env: SimEnv) -> None:
    env.reset(seed=2)
    state, picture = env.get_state(), env.pixels()
    env.reset(seed=8)
    env.set_state(state)
    np.testing.assert_array_equal(env.pixels(), picture)


def test_observations_are_as_announced(env: SimEnv) -> None:
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation['proprio'].shape == (env.info.proprio_dim,)
    assert observation['pixels'].shape[2] == 3 * len(env.info.cameras)
    assert info == {'success': False}
    with pytest.raises(SimError, match=r'must be .* finite numbers'):
        env.step(np.zeros(env.info.action_dim + 1))
    with pytest.raises(SimError, match=r'has none of that name.* it has '):
        make(env.info.name, cameras=('tpo',), profile='off')


def test_cameras_are_stacked_in_the_order_asked_for() -> None:
    pictures = {}
    for cameras in (('cam3', 'cam1'), ('cam1',), ('cam3',)):
        env = make('adroit_relocate', cameras=cameras, size_px=SIZE)
        pictures[cameras] = env.reset(seed=1)[0]['pixels']
        env.close()
    both = pictures['cam3', 'cam1']
    np.testing.assert_array_equal(both[..., :3], pictures['cam3',])
    np.testing.assert_array_equal(both[..., 3:], pictures['cam1',])


def test_a_camera_listed_twice_is_refused() -> None:
    with pytest.raises(SimError, match="'top' is listed twice"):
        make('adroit_door', cameras=('top', 'fixed', 'top'))


def test_a_domain_of_another_scene_is_refused_with_those_there_are() -> None:
    with pytest.raises(SimError, match=r'adroit door does not offer it.*light, color, hand'):
        make('adroit_door', 'background/target')


def test_dense_and_sparse_tasks_share_everything_but_the_reward() -> None:
    names = {info.name for info in tasks()}
    for name in TASKS:
        assert f'{name}_dense' in names
        first, second = task_info(name), task_info(f'{name}_dense')
        assert (first.scene, first.cameras, first.proprio_dim) == (
            second.scene, second.cameras, second.proprio_dim,
        )  # fmt: skip


def test_all_cameras_move() -> None:
    env = make('adroit_relocate', size_px=SIZE, profile='off')
    env.reset(seed=0)
    before = env.data.cam_xpos[list(env.cameras)].copy()
    env.set_domain(VisualDomain(camera_shift=(0.1, 0.0, 0.0)))
    moved = np.linalg.norm(env.data.cam_xpos[list(env.cameras)] - before, axis=1)
    np.testing.assert_allclose(moved, 0.1 * env.model.stat.extent, rtol=1e-6)
