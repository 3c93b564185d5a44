"""Visual domains as data: what a scene looks like, never what happens in it."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

Rgb = tuple[float, float, float]
Rgba = tuple[float, float, float, float]


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
        colours: (part, colour) of parts of the scene, as the suite names them: ``body``, ``table``
            ... A texture of the part stays and is tinted.
        floor_rgb: The two colours of the chequered floor.
        floor_repeat: How often the pattern of the floor comes where the suite has it once.
        sky_rgb: Colour of the sky at its brightest and at its darkest; stars stay.
        surfaces: Pattern (:mod:`claifo_sim.patterns`) on floor, walls and table.
        backdrop: Pattern on sky, floor and walls: all that is neither robot nor thing.
        camera_shift: Displacement of every camera along its right, up and back axes, as a fraction
            of the extent of the scene.
        camera_turn_deg: Rotation of the camera about its right, up and back axes, in degrees.
        camera_fovy_scale: Factor on the vertical field of view.
        blur: Standard deviation of the blur of the picture, as a fraction of its side.
        sensor_noise: Standard deviation of the noise of each pixel, in levels of 0..255.
        jpeg_quality: Quality 1..100 of the JPEG file that the picture has been through.
        seed: Seed of everything random in the look.
    """

    headlight: Rgb | None = None
    lamp_diffuse: float | None = None
    lamp_position: Rgb | None = None
    lamp_shift: Rgb | None = None
    shadow_map_px: int | None = None
    colours: tuple[tuple[str, Rgba], ...] = ()
    floor_rgb: tuple[Rgb, Rgb] | None = None
    floor_repeat: int | None = None
    sky_rgb: tuple[Rgb, Rgb] | None = None
    surfaces: str | None = None
    backdrop: str | None = None
    camera_shift: Rgb | None = None
    camera_turn_deg: Rgb | None = None
    camera_fovy_scale: float | None = None
    blur: float | None = None
    sensor_noise: float | None = None
    jpeg_quality: int | None = None
    seed: int = 0


class DomainPair(NamedTuple):
    """The look of the expert's world and of the agent's world, with a line that says so."""

    description: str
    source: VisualDomain
    target: VisualDomain


class UnseenLook(NamedTuple):
    """A look for tests alone, laid over another one, with a line that says what it is."""

    description: str
    look: VisualDomain


def overlay(below: VisualDomain, above: VisualDomain) -> VisualDomain:
    """Return the look of ``below`` with all that ``above`` changes; its seed is that of both."""
    changes = {
        field.name: getattr(above, field.name) for field in dataclasses.fields(VisualDomain)
        if getattr(above, field.name) is not None
    }
    changes['colours'] = (*below.colours, *above.colours)
    changes['seed'] = max(below.seed, above.seed)
    return dataclasses.replace(below, **changes)


def moved(look: VisualDomain, shift: Rgb, turn_deg: Rgb) -> VisualDomain:
    """Return ``look`` with every camera moved on.

    Args:
        look: What is there.
        shift: Added to its ``camera_shift``.
        turn_deg: Added to its ``camera_turn_deg``.
    """
    return dataclasses.replace(
        look, camera_shift=_sum(look.camera_shift, shift),
        camera_turn_deg=_sum(look.camera_turn_deg, turn_deg),
    )


def _sum(first: Rgb | None, second: Rgb) -> Rgb:
    x, y, z = first or (0.0, 0.0, 0.0)
    return x + second[0], y + second[1], z + second[2]
