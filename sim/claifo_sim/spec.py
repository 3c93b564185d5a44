"""What an environment is asked to be: the arguments of ``make`` in one checked value."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from claifo_sim import domains
from claifo_sim.errors import SimError, did_you_mean
from claifo_sim.image_kinds import KINDS
from claifo_sim.registry import task_info

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

PROFILES = ('fast', 'faithful', 'off')
_MOST_JITTER = 45.0


class Lens(Protocol):
    """What turns the pictures of an episode into what is observed."""

    def begin(self) -> None:
        """Begin an episode."""

    def __call__(self, pixels: np.ndarray, /) -> np.ndarray:
        """Return what is observed of the next picture, of its shape and type."""


@dataclasses.dataclass(frozen=True)
class EnvSpec:
    """The arguments of ``make``, so that they can travel to another process."""

    task: str
    domain: str = domains.STOCK
    seed: int = 0
    size_px: int = 64
    action_repeat: int = 1
    profile: str = 'fast'
    episode_steps: int = 0
    cameras: tuple[str, ...] = ()
    image: str = 'rgb'
    camera_jitter: float = 0.0
    lens: Callable[[], Lens] | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            SimError: A value is out of its range, or the task or domain does not exist.
        """
        info = task_info(self.task)
        domains.domain(self.domain, info.suite, info.scene)
        if self.profile not in PROFILES:
            near = did_you_mean(self.profile, PROFILES)
            raise SimError(f'profile {self.profile!r}: unknown{near}; one of {PROFILES}')
        for key, low, high in (
            ('seed', 0, 2**63 - 1), ('size_px', 8, 1024), ('action_repeat', 1, 1000),
            ('episode_steps', 0, 10**6),
        ):
            value = getattr(self, key)
            if not isinstance(value, int) or not low <= value <= high:
                raise SimError(f'{key} {value!r}: must be a whole number in {low}..{high}')
        if self.image not in KINDS:
            near = did_you_mean(self.image, KINDS)
            raise SimError(f'image {self.image!r}: unknown{near}; one of {KINDS}')
        if not 0 <= self.camera_jitter <= _MOST_JITTER:
            raise SimError(f'camera_jitter {self.camera_jitter!r}: must be in 0..{_MOST_JITTER}')
        for camera in self.cameras:
            if self.cameras.count(camera) > 1:
                raise SimError(f'cameras: {camera!r} is listed twice; name each camera once')

    @property
    def filmed_by(self) -> tuple[str, ...]:
        """The cameras, by name: those asked for, else those of the task."""
        return self.cameras or task_info(self.task).cameras
