"""The looks that nobody trains with: they show what a policy has learnt to ignore, and what not.

Each changes one thing of the look that it is laid over; alone it is laid over that of the suite.
"""

from __future__ import annotations

from claifo_sim.visual import Rgb, UnseenLook, VisualDomain

PREFIX = 'unseen/'
_SEED = 7  # pairs draw from 0
# Shares of the extent of the scene; that of the hand and of the arm is large for their pictures.
_CAMERA_SCALE = {'dmc': 1.0, 'adroit': 0.3, 'robosuite': 0.15}
_BLUR = (0.01, 0.02, 0.04)
_SENSOR_NOISE = (8.0, 16.0, 32.0)
_JPEG_QUALITY = (30, 12, 4)


def _painted(description: str, **look: str) -> UnseenLook:
    return UnseenLook(description, VisualDomain(seed=_SEED, **look))  # type: ignore[arg-type]


def _camera(scale: float, shift: Rgb, turn_deg: Rgb) -> VisualDomain:
    right, up, back = (scale * part for part in shift)
    return VisualDomain(camera_shift=(right, up, back), camera_turn_deg=turn_deg)


_PAINTED = {
    'texture_checker': _painted('chequered floor, walls and table', surfaces='checker'),
    'texture_noise': _painted('coloured noise on floor, walls and table', surfaces='noise'),
    'texture_marble': _painted('marble on floor, walls and table', surfaces='marble'),
    'photo': _painted('photo-like noise on sky, floor and walls', backdrop='photo'),
    'distractors': _painted('bright shapes on sky, floor and walls', backdrop='shapes'),
}
_LAMP = UnseenLook(
    'lamps moved aside and stronger, headlight weaker',
    VisualDomain(lamp_shift=(-1.0, -0.8, -0.3), lamp_diffuse=1.0, headlight=(0.25, 0.2, 0.1)),
)


def _corruptions() -> dict[str, UnseenLook]:
    """Return the corruptions of the picture in three severities each."""
    found: dict[str, UnseenLook] = {}
    for number, (blur, noise, quality) in enumerate(
        zip(_BLUR, _SENSOR_NOISE, _JPEG_QUALITY, strict=True), 1
    ):
        found |= {
            f'blur_{number}': UnseenLook(
                f'blur of {blur:.0%} of the side', VisualDomain(blur=blur)),
            f'sensor_noise_{number}': UnseenLook(
                f'noise of {noise:g} levels', VisualDomain(sensor_noise=noise, seed=_SEED)),
            f'jpeg_{number}': UnseenLook(
                f'JPEG of quality {quality}', VisualDomain(jpeg_quality=quality)),
        }
    return dict(sorted(found.items()))


def looks(suite: str) -> dict[str, UnseenLook]:
    """Return the unseen looks of a suite by name, ``unseen/`` included."""
    scale = _CAMERA_SCALE[suite]
    cameras = {
        'camera_small': UnseenLook(
            'camera moved and turned a little',
            _camera(scale, (-0.03, 0.03, 0.0), (1.5, -2.0, -2.0))),
        'camera_medium': UnseenLook(
            'camera moved and turned clearly',
            _camera(scale, (-0.06, 0.06, 0.03), (3.0, -4.0, -5.0))),
    }
    every = {**_PAINTED, 'lamp': _LAMP, **cameras, **_corruptions()}
    return {PREFIX + name: found for name, found in every.items()}
