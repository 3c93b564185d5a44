"""Visual domains as data: what a scene looks like, never what happens in it.

A domain is named ``<pair>/<source|target>``; ``stock`` is the look that a suite ships. The expert
is filmed in a source, the agent lives in the target of the same pair.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from claifo_sim.errors import SimError, did_you_mean

Rgb = tuple[float, float, float]
Rgba = tuple[float, float, float, float]
STOCK = 'stock'


@dataclasses.dataclass(frozen=True)
class VisualDomain:
    """One look of a scene; a field that is ``None`` leaves that part as the suite ships it.

    Colours and light intensities are in 0..1 (intensities may exceed 1).

    Attributes:
        headlight: Ambient, diffuse and specular intensity of the light at the camera.
        lamp_diffuse: Diffuse intensity of every lamp of the scene.
        lamp_position: Position of every lamp in its body's frame, in metres; direction unchanged.
        lamp_shift: Displacement (x, y, z) of every lamp, as a fraction of its height; it is turned
            so that it shines on the same spot as before.
        shadow_map_px: Side of the shadow map (seen by the ``faithful`` profile only).
        body_rgba: Colour of the robot.
        effector_rgba: Colour of the robot's effectors.
        floor_rgb: The two colours of the chequered floor.
        sky_rgb: Colour of the sky at its brightest and at its darkest; stars stay.
        noise: Paint floor and sky with smooth coloured noise drawn from ``seed``.
        camera_shift: Displacement of the camera along its right, up and back axes, as a fraction
            of the extent of the scene.
        camera_turn_deg: Rotation of the camera about its right, up and back axes, in degrees.
        camera_fovy_scale: Factor on the vertical field of view.
        seed: Seed of everything random in the look.
    """

    headlight: Rgb | None = None
    lamp_diffuse: float | None = None
    lamp_position: Rgb | None = None
    lamp_shift: Rgb | None = None
    shadow_map_px: int | None = None
    body_rgba: Rgba | None = None
    effector_rgba: Rgba | None = None
    floor_rgb: tuple[Rgb, Rgb] | None = None
    sky_rgb: tuple[Rgb, Rgb] | None = None
    noise: bool = False
    camera_shift: Rgb | None = None
    camera_turn_deg: Rgb | None = None
    camera_fovy_scale: float | None = None
    seed: int = 0


class DomainPair(NamedTuple):
    """The look of the expert's world and of the agent's world, with a line that says so."""

    description: str
    source: VisualDomain
    target: VisualDomain


def _headlight(delta: float) -> Rgb:
    """Return ambient, diffuse and specular of the paper's light mismatch of strength ``delta``."""
    return 0.4 + 1.1 * delta, 0.7 + 1.2 * delta, max(0.0, 0.2 + 1.05 * delta)


def _shadow_map(delta: float) -> int:
    return round(2000 + 1000 * delta)


# The paper's light setting draws the place of the lamp per model; known is that of the walker.
# Other scenes keep their lamp where it stands.
_LIGHT_LAMP: dict[str, Rgb] = {'walker': (-0.0283, -1.9559, 1.3272)}
_PALE: Rgb = (0.5703, 0.8114, 0.8342)
_WINE: Rgb = (0.4929, 0.0110, 0.0818)

PAIRS: dict[str, DomainPair] = {
    'light': DomainPair(
        'bright headlight against a dark one (paper: Light)',
        VisualDomain(headlight=_headlight(0.2), shadow_map_px=_shadow_map(0.2)),
        VisualDomain(headlight=_headlight(-0.25), shadow_map_px=_shadow_map(-0.25)),
    ),
    'body': DomainPair(
        'recoloured robot against the stock one (paper: Body)',
        VisualDomain(
            body_rgba=(0.8114, 0.8342, 0.4929, 0.8926),
            effector_rgba=(0.0818, 0.3311, 0.4299, 0.7528),
        ),
        VisualDomain(),
    ),
    'floor': DomainPair(
        'recoloured floor against the stock one (paper: Floor)',
        VisualDomain(floor_rgb=(_PALE, _WINE)),
        VisualDomain(),
    ),
    'background': DomainPair(
        'recoloured sky against the stock one (paper: Background)',
        VisualDomain(sky_rgb=(_PALE, _WINE)),
        VisualDomain(),
    ),
    'full': DomainPair(
        'robot, floor and sky recoloured against the stock look (paper: Full)',
        VisualDomain(
            sky_rgb=(_PALE, _WINE),
            floor_rgb=((0.3311, 0.4299, 0.8522), (0.0110, 0.2604, 0.3999)),
            body_rgba=(0.9791, 0.6083, 0.1063, 0.9166),
            effector_rgba=(0.6169, 0.3886, 0.9397, 0.9596),
        ),
        VisualDomain(),
    ),
    'dim': DomainPair(
        'bright headlight and lamp against both dark: stronger than light',
        VisualDomain(headlight=_headlight(0.2), lamp_diffuse=1.0),
        VisualDomain(headlight=_headlight(-0.25), lamp_diffuse=0.25),
    ),
    'camera': DomainPair(
        'stock camera against a shifted, turned and wider one (unseen test)',
        VisualDomain(),
        VisualDomain(
            camera_shift=(0.05, 0.05, 0.05), camera_turn_deg=(-2.0, 3.0, 4.0),
            camera_fovy_scale=1.1,
        ),
    ),
    'texture': DomainPair(
        'stock floor and sky against coloured noise (unseen test)',
        VisualDomain(),
        VisualDomain(noise=True),
    ),
    'lamp': DomainPair(
        'lamp overhead against a lamp from the side (unseen test)',
        VisualDomain(),
        VisualDomain(lamp_shift=(0.8, -0.6, -0.4)),
    ),
}


# Where the camera looks down no sky is in view, so a pair that only changes it is not offered.
_NO_SKY = ('humanoid', 'point_mass', 'reacher')


def names(scene: str) -> tuple[str, ...]:
    """Return the name of every domain that can be seen in ``scene``, ``stock`` first."""
    pairs = [pair for pair in PAIRS if pair != 'background' or scene not in _NO_SKY]
    return (STOCK, *(f'{pair}/{side}' for pair in pairs for side in ('source', 'target')))


def domain(name: str, scene: str) -> VisualDomain:
    """Return the domain called ``name`` as it applies to ``scene``.

    Args:
        name: ``stock`` or ``<pair>/<source|target>``.
        scene: Name of the model, for example ``walker``.

    Raises:
        SimError: There is no such domain, or it cannot be seen in the scene.
    """
    offered = names(scene)
    if name not in offered:
        pair = name.partition('/')[0]
        hint = '; its sky is out of view' if pair == 'background' and scene in _NO_SKY else ''
        raise SimError(f'domain {name!r}: not one of {scene}{hint}{did_you_mean(name, offered)}; '
                       f'`claifo domains` lists all')
    if name == STOCK:
        return VisualDomain()
    pair, side = name.split('/')
    look: VisualDomain = getattr(PAIRS[pair], side)
    if pair == 'light':
        look = dataclasses.replace(look, lamp_position=_LIGHT_LAMP.get(scene))
    return look


def source_of(domain: str) -> str:
    """Return the expert's side of the pair whose other side is ``domain``."""
    return domain.replace('/target', '/source')
