"""Pictures of kind cloud: what a moved camera shows of what it would show where it belongs."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rays import cast, interior
from scipy.spatial.transform import Rotation

from claifo_sim import VectorEnv, make
from claifo_sim.clouds import Eye, eye_of, gathered, seen_from
from claifo_sim.spec import EnvSpec

SIZE = 64
HOME = Eye(np.zeros(3), np.eye(3), 45.0)


def picture(task, image, look='stock', *, steps=20, **options):
    """Return what a camera shows after some steps at random."""
    with closing(make(task, look, size_px=SIZE, image=image, **options)) as env:
        env.reset(seed=3)
        rng = np.random.default_rng(0)
        for _ in range(steps):
            shown = env.step(rng.uniform(-1, 1, env.action_space.shape))[0]['pixels']
    return shown.astype(int)


def alike(first, second, levels):
    """Return the share of pixels that differ by so many grey levels at most."""
    return (np.abs(first - second) <= levels).mean()


@pytest.mark.parametrize('profile', ['fast', 'faithful'])
@pytest.mark.parametrize('task', ['walker_walk', 'point_mass_easy_big', 'adroit_relocate'])
def test_where_the_camera_belongs_it_is_the_picture_of_depth(task, profile):
    shown = [picture(task, kind, profile=profile) for kind in ('depth', 'cloud')]
    np.testing.assert_array_equal(*shown)


# The greys of a picture hang on its nearest point: in the last look that leaves the view.
@pytest.mark.parametrize(
    ('task', 'look', 'levels', 'share'),
    [
        ('walker_walk', 'unseen/camera_small', 2, 0.98),
        ('walker_walk', 'unseen/camera_medium', 2, 0.98),
        ('walker_walk', 'camera/target', 2, 0.98),
        ('quadruped_walk', 'unseen/camera_medium', 2, 0.98),
        ('point_mass_easy_big', 'unseen/camera_small', 8, 0.95),
        ('point_mass_easy_big', 'unseen/camera_medium', 8, 0.95),
        ('adroit_door', 'unseen/camera_small', 8, 0.95),
        ('adroit_door', 'unseen/camera_medium', 30, 0.9),
    ],
)
def test_a_moved_camera_shows_what_one_shows_where_it_belongs(task, look, levels, share):
    wanted = picture(task, 'depth')
    assert alike(picture(task, 'cloud', look), wanted, levels) >= share
    assert alike(picture(task, 'depth', look), wanted, levels) < share - 0.2


def test_a_camera_that_moves_from_episode_to_episode_shows_it_too():
    wanted = picture('walker_walk', 'depth')
    shown, plain = (picture('walker_walk', k, camera_jitter=4.0) for k in ('cloud', 'depth'))
    assert alike(shown, wanted, 2) > 0.97 > 0.8 > alike(plain, wanted, 2)


def test_each_of_several_cameras_shows_its_own_view():
    wanted = picture('adroit_relocate', 'depth', steps=5)
    shown = picture('adroit_relocate', 'cloud', 'unseen/camera_small', steps=5)
    for view in range(0, 9, 3):
        assert alike(shown[..., view], wanted[..., view], 25) > 0.9


@pytest.mark.parametrize('task', ['walker_walk', 'adroit_door'])
def test_distances_are_those_of_rays_from_home(task):
    """Only in the middle of shapes; at their edges the nearest of several points counts."""
    env = make(task, 'unseen/camera_medium', size_px=SIZE, image='cloud')
    env.reset(seed=2)
    camera, homes = env.cameras[0], env._painter.homes(env.data)
    env.pixels()
    measured = env._view._distance(env.data, env._view._cameras[0])
    eye = eye_of(env.model, env.data, camera)
    shown = gathered([measured], [eye], homes, 2)[0]
    env.set_domain('stock')
    shapes, depth = cast(env, camera, SIZE, 0.25)
    known = seen_from(homes[0], measured, eye, 2).any(0)
    seen = interior(shapes) & np.isfinite(depth) & known
    right = np.abs(shown / depth - 1)[seen] < 0.002
    assert seen.mean() > 0.15 and right.mean() > 0.98
    env.close()


def test_where_cameras_belong_is_told_without_moving_anything():
    env = make('walker_walk', 'camera/target', size_px=16, image='cloud')
    env.reset(seed=0)
    for _ in range(5):
        env.step(np.ones(6))
    moved = eye_of(env.model, env.data, env.cameras[0])
    state = env.get_state()
    home = env._painter.homes(env.data)[0]
    assert eye_of(env.model, env.data, env.cameras[0]).same_as(moved)
    np.testing.assert_array_equal(env.get_state(), state)
    env.set_domain('stock')
    assert eye_of(env.model, env.data, env.cameras[0]).same_as(home)
    assert not home.same_as(moved)
    env.close()


def plane_seen_by(eye, normal, offset, side=24):
    """Return the distances of the plane ``normal @ point = offset``, pixel by pixel."""
    half = np.tan(np.radians(eye.fovy_deg) / 2)
    seen = np.empty((side, side))
    for row, column in np.ndindex(side, side):
        right, down = (((k + 0.5) / side * 2 - 1) * half for k in (column, row))
        ray = eye.turn @ (right, -down, -1.0)
        seen[row, column] = (offset - normal @ eye.place) / (normal @ ray)
    return seen


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-10, 10), min_size=3, max_size=3),
    st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3),
    st.floats(35, 60), st.floats(-0.5, 0.5), st.sampled_from([1, 2]),
)
def test_a_slanted_wall_is_the_same_wall_from_everywhere(turn, place, fovy_deg, slant, step):
    """Also where the moved camera sees nothing: the wall goes on."""
    eye = Eye(np.array(place), Rotation.from_euler('xyz', turn, True).as_matrix(), fovy_deg)
    normal = np.array((slant, 0.3, 1.0))
    measured = plane_seen_by(eye, normal, -3.0)
    shown = gathered([measured], [eye], [HOME], step)[0]
    wanted = plane_seen_by(HOME, normal, -3.0)[::step, ::step]
    np.testing.assert_allclose(shown, wanted, rtol=1e-3)


def test_what_one_camera_misses_another_shows():
    wall, pit = np.full((48, 48), 3.0), np.full((48, 48), 3.0)
    pit[:, :12] = 5.0
    aside = HOME._replace(turn=Rotation.from_euler('y', -15, True).as_matrix())  # to the right
    alone = gathered([wall], [aside], [HOME], 2)[0]
    both = gathered([wall, pit], [aside, HOME], [HOME, HOME], 2)
    np.testing.assert_array_equal(both[1], pit[::2, ::2])
    np.testing.assert_array_equal(both[0][:, :4], 5)
    assert (alone[:, :4] < 4).all()
    np.testing.assert_array_equal(both[0][4:-4, 8:], alone[4:-4, 8:])


def test_a_camera_that_looks_away_shows_one_grey():
    away = HOME._replace(turn=Rotation.from_euler('y', 180, True).as_matrix())
    assert np.ptp(gathered([np.full((8, 8), 2.0)], [away], [HOME], 1)[0]) == 0


def test_workers_show_clouds_too():
    spec = EnvSpec('cartpole_balance', 'unseen/camera_medium', size_px=16, image='cloud')
    with VectorEnv([spec]) as envs, closing(
        make('cartpole_balance', 'unseen/camera_medium', size_px=16, image='cloud')
    ) as env:  # fmt: skip
        shown = envs.reset([1]).pixels[0]
        np.testing.assert_array_equal(env.reset(seed=1)[0]['pixels'], shown)
