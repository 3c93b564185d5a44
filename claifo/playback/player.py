"""A policy from whatever file it is in, and how it sees a bag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claifo.bags import BagReport, ReadOptions, read_episodes
from claifo.bags.joints import read_felt_episodes
from claifo.bags.topics import camera_topics, split_topics
from claifo_core.data.frames import FrameSpec
from claifo_core.deploy import actors, contract
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from claifo_core.deploy.actors import Actor
    from claifo_core.deploy.contract import Contract

    Film = NDArray[np.uint8]
    Felt = NDArray[np.float32]

_LEAST = 2  # steps of an episode: one alone has no change from step to step


@dataclass(frozen=True)
class Player:
    """A policy from any file, and how it wants to see a bag.

    Attributes:
        source: Its file.
        actor: Who acts.
        contract: Of an export; None for a checkpoint.
        rate_hz: Control rate at which bags are read.
    """

    source: Path
    actor: Actor
    contract: Contract | None
    rate_hz: float

    @classmethod
    def load(cls, source: Path, rate_hz: float | None) -> Player:
        """Read a checkpoint or an export.

        Raises:
            ClaifoError: it cannot be read, or nothing tells its rate.
        """
        actor, known = actors.load(source)
        found = rate_hz if rate_hz is not None else actor.metadata.get('control_hz')
        if found is None:
            raise ClaifoError(
                f'{source}: an older policy file, without control_hz; give --rate-hz'
            )
        return cls(source, actor, known, float(found))

    @property
    def views(self) -> int:
        """Cameras of the policy."""
        return int(self.actor.metadata['views'])

    def topics(self, named: str) -> tuple[str, ...]:
        """Return the image topics to read, one per camera; none: the only one of the bag.

        Raises:
            ClaifoError: another number of topics than the policy has cameras.
        """
        topics = split_topics(named)
        if topics and len(topics) != self.views:
            raise ClaifoError(
                f'{self.source}: has {self.views} cameras, but {len(topics)} topics are named '
                f'({", ".join(topics)}); name one per camera, with commas between'
            )
        if topics or self.views == 1:
            return topics
        if self.contract:
            return tuple(
                c.topic + ('/compressed' if c.compressed else '') for c in self.contract.cameras
            )
        return tuple(f'/{name}' for name in camera_topics(_cameras(self.actor.metadata)))

    @property
    def frames(self) -> FrameSpec:
        """How a picture becomes a frame.

        Raises:
            ClaifoError: the cameras of the contract are cropped differently.
        """
        told = self.actor.metadata['frames']
        crops = {told['crop'] and tuple(told['crop'])}
        if self.contract:
            crops = {camera.crop for camera in self.contract.cameras}
        if len(crops) > 1:
            raise ClaifoError(f'{self.source}: its cameras have different crops; bags are played '
                              'with one crop for all')  # fmt: skip
        return FrameSpec(told['size_px'], crops.pop(), told.get('observation', 'rgb'))

    def read(self, bag: Path, topic: str) -> tuple[list[Film], list[Felt | None], BagReport]:
        """Read the episodes of a bag as the policy sees them: frames, and what it feels."""
        options = ReadOptions(self.frames, self.rate_hz, self.topics(topic), min_frames=_LEAST)
        if not self.actor.metadata['proprio_dim']:
            films, report = read_episodes([bag], options)
            return films, [None] * len(films), report
        known = self.contract or contract.of_policy(self.actor.metadata)
        assert known.proprio
        films, felt, report = read_felt_episodes(bag, options, known.proprio)
        return films, [*felt], report


def _cameras(metadata: dict[str, Any]) -> tuple[str, ...]:
    from claifo_sim import task_info

    return tuple(metadata['cameras']) or task_info(metadata['task']).cameras
