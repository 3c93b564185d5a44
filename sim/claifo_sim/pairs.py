"""The pairs of looks of every suite: the expert's world, and the agent's.

Settings marked "paper" are those of the authors' code; the others are ours.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from claifo_sim.visual import DomainPair, Rgb, VisualDomain


def _headlight(delta: float) -> Rgb:
    """Return ambient, diffuse and specular of the paper's light mismatch of strength ``delta``."""
    return 0.4 + 1.1 * delta, 0.7 + 1.2 * delta, max(0.0, 0.2 + 1.05 * delta)


def _shadow_map(delta: float) -> int:
    return round(2000 + 1000 * delta)


# The paper's light setting draws the place of the lamp per model; known is that of the walker.
# Other scenes keep their lamp where it stands.
_LIGHT_LAMP: dict[str, Rgb] = {'walker': (-0.0283, -1.9559, 1.3272)}
# Their floor: the camera goes along with the robot, so the floor alone shows how fast it is.
_FINE = 3
_PAPER = ('light', 'body', 'floor', 'background', 'full')
_PALE: Rgb = (0.5703, 0.8114, 0.8342)
_WINE: Rgb = (0.4929, 0.0110, 0.0818)

_DMC: dict[str, DomainPair] = {
    'light': DomainPair(
        'bright headlight against a dark one (paper: Light)',
        VisualDomain(headlight=_headlight(0.2), shadow_map_px=_shadow_map(0.2)),
        VisualDomain(headlight=_headlight(-0.25), shadow_map_px=_shadow_map(-0.25)),
    ),
    'body': DomainPair(
        'recoloured robot against the stock one (paper: Body)',
        VisualDomain(
            colours=(
                ('body', (0.8114, 0.8342, 0.4929, 0.8926)),
                ('effector', (0.0818, 0.3311, 0.4299, 0.7528)),
            ),
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
            colours=(
                ('body', (0.9791, 0.6083, 0.1063, 0.9166)),
                ('effector', (0.6169, 0.3886, 0.9397, 0.9596)),
            ),
        ),
        VisualDomain(),
    ),
    'dim': DomainPair(
        'bright headlight and lamp against both dark: stronger than light',
        VisualDomain(headlight=_headlight(0.2), lamp_diffuse=1.0),
        VisualDomain(headlight=_headlight(-0.25), lamp_diffuse=0.25),
    ),
    'camera': DomainPair(
        'stock camera against a shifted, turned and wider one',
        VisualDomain(),
        VisualDomain(
            camera_shift=(0.05, 0.05, 0.05), camera_turn_deg=(-2.0, 3.0, 4.0),
            camera_fovy_scale=1.1,
        ),
    ),
    'texture': DomainPair(
        'stock floor and sky against coloured noise',
        VisualDomain(),
        VisualDomain(surfaces='noise', backdrop='noise'),
    ),
    'lamp': DomainPair(
        'lamp overhead against a lamp from the side',
        VisualDomain(),
        VisualDomain(lamp_shift=(0.8, -0.6, -0.4)),
    ),
}
# Where the camera looks down no sky is in view, so a pair that only changes it is not offered.
_NO_SKY = ('humanoid', 'point_mass', 'reacher')


def dmc(scene: str) -> dict[str, DomainPair]:
    """Return the pairs of a DeepMind Control scene."""
    found = {name: pair for name, pair in _DMC.items()
             if name != 'background' or scene not in _NO_SKY}
    for name in _PAPER:
        if name in found:
            lamp = _LIGHT_LAMP.get(scene) if name == 'light' else None
            found[name] = _as_in_the_paper(found[name], lamp)
    return found


def _as_in_the_paper(pair: DomainPair, lamp: Rgb | None) -> DomainPair:
    text, *sides = pair
    changes: dict[str, Any] = {'floor_repeat': _FINE, 'lamp_position': lamp}
    return DomainPair(text, *(dataclasses.replace(side, **changes) for side in sides))


_STOCK = VisualDomain()
_MOVED = VisualDomain(
    camera_shift=(0.02, 0.02, 0.02), camera_turn_deg=(-2.0, 3.0, 4.0), camera_fovy_scale=1.1
)
_BLUE = (0.1, 0.3, 0.8, 1.0)
_GREEN = (0.0, 1.0, 0.0, 1.0)
_VIOLET = (0.45, 0.25, 0.75, 1.0)
_SAND = ((0.85, 0.75, 0.55), (0.55, 0.40, 0.25))


def _against_stock(description: str, **look: object) -> DomainPair:
    """Return a pair whose source is the look that the suite ships."""
    return DomainPair(description, _STOCK, VisualDomain(**look))  # type: ignore[arg-type]


_ADROIT: dict[str, DomainPair] = {
    'light': _against_stock('bright lamp against a dark one (paper: light)', lamp_diffuse=0.1),
    'color': _against_stock('stock table against a blue one (paper: color)',
                            colours=(('table', _BLUE),)),
    'hand': _against_stock('stock hand against a violet one', colours=(('body', _VIOLET),)),
    'floor': _against_stock('stock floor against a sand-coloured one', floor_rgb=_SAND),
    'background': _against_stock('black background against a sky',
                                 sky_rgb=((0.5703, 0.8114, 0.8342), (0.4929, 0.0110, 0.0818))),
    'camera': DomainPair('stock camera against a shifted, turned and wider one',
                         _STOCK, _MOVED),
    'texture': _against_stock('stock surfaces against coloured noise',
                              surfaces='noise', backdrop='noise'),
}
# The camera above door and hammer sees the table and the floor, no sky. Relocate has no visible
# table, and none of its cameras sees the floor.
_UNSEEN = {'door': ('background',), 'hammer': ('background',), 'relocate': ('color', 'floor')}


def adroit(scene: str) -> dict[str, DomainPair]:
    """Return the pairs of an Adroit scene."""
    found = {name: pair for name, pair in _ADROIT.items() if name not in _UNSEEN.get(scene, ())}
    if scene == 'door':
        found['color'] = _against_stock(
            'stock table and red frame against blue and green (paper: color)',
            colours=(('table', _BLUE), ('frame', _GREEN)),
        )
    return found


_TABLE = ('table', (0.35, 0.55, 0.75, 1.0))
_FLOOR = ('floor', (0.45, 0.75, 0.45, 1.0))
_WALLS = ('walls', (0.85, 0.55, 0.45, 1.0))
_ROBOT = ('body', (0.9, 0.5, 0.1, 1.0))
_ROBOSUITE: dict[str, DomainPair] = {
    'light': _against_stock('stock lights against lights at 40 %', lamp_diffuse=0.28,
                            headlight=(0.04, 0.16, 0.2)),
    'table': _against_stock('stock table against a blue one', colours=(_TABLE,)),
    'floor': _against_stock('stock floor against a green one', colours=(_FLOOR,)),
    'walls': _against_stock('stock walls against salmon ones', colours=(_WALLS,)),
    'robot': _against_stock('stock robot against an orange one', colours=(_ROBOT,)),
    'full': _against_stock('table, floor, walls and robot recoloured',
                           colours=(_TABLE, _FLOOR, _WALLS, _ROBOT)),
    'camera': DomainPair('stock camera against a shifted, turned and wider one',
                         _STOCK, _MOVED),
    'texture': _against_stock('stock surfaces against coloured noise',
                              surfaces='noise', backdrop='noise'),
}


def robosuite(scene: str) -> dict[str, DomainPair]:
    """Return the pairs of a robosuite scene."""
    del scene
    return dict(_ROBOSUITE)
