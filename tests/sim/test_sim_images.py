"""Pictures of depth and of segmentation, against rays that are cast by the physics."""

from __future__ import annotations

import numpy as np
import pytest
from rays import cast, interior

from claifo_sim import SimError, VectorEnv, make
from claifo_sim.image_kinds import depth_picture, segmentation_picture
from claifo_sim.spec import EnvSpec

SIZE = 64


# With multisampling the sample that counts may lie anywhere in the pixel.
@pytest.mark.parametrize(
    ('profile', 'offset', 'levels'), [('fast', 0.25, 2), ('faithful', 0.5, 12)]
)
def test_pictures_are_those_of_rays(profile, offset, levels):
    worlds = {
        kind: make('walker_walk', 'texture', size_px=SIZE, image=kind, profile=profile)
        for kind in ('depth', 'segmentation')
    }
    seen = {kind: env.reset(seed=2)[0]['pixels'] for kind, env in worlds.items()}
    env = worlds['depth']
    shapes, depth = cast(env, env.cameras[0], SIZE, offset)
    far = env.model.vis.map.zfar * env.model.stat.extent
    inside = interior(shapes)
    assert inside.mean() > 0.6 and len(np.unique(shapes[inside])) > 2
    for kind, wanted in (
        ('depth', depth_picture(np.minimum(depth, far))),
        ('segmentation', segmentation_picture(shapes)),
    ):
        assert (seen[kind] == seen[kind][..., :1]).all()
        difference = np.abs(seen[kind].astype(int) - wanted)[inside]
        assert difference.max() <= levels, kind
        assert np.ptp(seen[kind]) == 255
        worlds[kind].close()


def test_depth_has_all_levels_and_the_scale_it_says():
    distance = np.array([[2.0, 2.5], [3.0, 9.0]])  # behind the nearest: 0, 0.5, 1 and 7 metres
    wanted = np.array([[0, 0.5 / 1.0], [1.0, 1.0]]) * 255  # twice the mean of 0, 0.5 and 1
    np.testing.assert_array_equal(depth_picture(distance)[..., 0], wanted.astype(np.uint8))
    assert not depth_picture(np.full((3, 3), 4.0)).any()


def test_segmentation_is_scaled_by_the_largest_number():
    np.testing.assert_array_equal(
        segmentation_picture(np.array([[-1, 0], [1, 3]]))[..., 0], [[0, 63], [127, 255]]
    )
    assert not segmentation_picture(np.full((2, 2), -1)).any()


def test_workers_show_them_too_and_typos_are_told():
    specs = [EnvSpec('cartpole_balance', size_px=16, image='depth')]
    with VectorEnv(specs) as envs, pytest.raises(SimError, match='did you mean depth'):
        shown = envs.reset([1]).pixels[0]
        env = make('cartpole_balance', size_px=16, image='depth')
        np.testing.assert_array_equal(env.reset(seed=1)[0]['pixels'], shown)
        env.close()
        EnvSpec('cartpole_balance', image='dept')
