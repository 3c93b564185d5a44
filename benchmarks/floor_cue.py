"""How much of a picture changes when the walker has moved on for one control step at 1 m/s.

    python benchmarks/floor_cue.py

The camera goes along with the robot, so what changes is the floor: the only sign of speed.
"""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np

from claifo_sim import make
from claifo_sim.domains import domain

_SPEED_M_S = 1.0
_PLACES_M = 0.003 + np.arange(0, 2, 0.05)


def floor_cue(
    look: str, profile: str = 'fast', size_px: int = 64, repeat: int | None = 3
) -> float:
    """Return the mean change of the picture of a standing walker, in grey levels.

    Args:
        look: Name of a visual domain.
        profile: Rendering quality.
        size_px: Side of the picture.
        repeat: In place of the domain's ``floor_repeat``.
    """
    env = make('walker_walk', size_px=size_px, profile=profile)
    env.reset(seed=0)
    env.set_domain(dataclasses.replace(domain(look, 'dmc', 'walker'), floor_repeat=repeat))
    forward, step_m = env.model.joint('rootx').qposadr[0], _SPEED_M_S / env.control_hz
    env.data.qpos[:] = 0

    def picture(at_m: float) -> np.ndarray:
        env.data.qpos[forward] = at_m
        mujoco.mj_forward(env.model, env.data)
        return env.pixels().astype(float)

    changes = [np.abs(picture(x + step_m) - picture(x)).mean() for x in _PLACES_M]
    env.close()
    return float(np.mean(changes))


def main() -> None:
    """Print one line per way of drawing the floor."""
    for profile in ('fast', 'faithful'):
        for repeat in (None, 3):
            looks = ('light/source', 'light/target', 'stock')
            found = [f'{look} {floor_cue(look, profile, 64, repeat):.2f}' for look in looks]
            print(profile, f'repeat {repeat or 1}:', ', '.join(found))


if __name__ == '__main__':
    main()
