"""The deployment contract: what a policy sees, at which rate, and what its actions mean.

It is written out as YAML, travels inside an exported policy, and is compared with what arrives.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from claifo_core.config import settings
from claifo_core.data.frames import FrameSpec
from claifo_core.data.observations import RENDERED, check_kind
from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.limits import Limits
from claifo_core.errors import ClaifoError, check_choice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 'claifo-contract-1'
COMPRESSED = ('jpeg', 'png')
FIELDS = ('position', 'velocity', 'effort')
_SAME_RATE = 0.05


@dataclass(frozen=True)
class Camera:
    """One camera.

    Attributes:
        topic: Its topic; a compressed one is ``topic/compressed``.
        encoding: Of `sensor_msgs/Image`, or jpeg or png for `CompressedImage`.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        rate_hz: Pictures per second.
        crop: Part of the picture that the policy sees (x, y, width, height), pixels.
    """

    topic: str
    encoding: str
    width: int
    height: int
    rate_hz: float
    crop: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if min(self.width, self.height) < 1 or not 0 < self.rate_hz < math.inf:
            raise ClaifoError(
                f'camera {self.topic} has {self.width}x{self.height} pixels at {self.rate_hz} Hz; '
                'all must be above 0'
            )
        FrameSpec(1, self.crop)
        if self.crop is not None:
            x, y, width, height = self.crop
            if x + width > self.width or y + height > self.height:
                raise ClaifoError(f'crop {self.crop} leaves the {self.width}x{self.height} pixels')

    @property
    def compressed(self) -> bool:
        """Whether pictures come as `CompressedImage`."""
        return self.encoding in COMPRESSED


@dataclass(frozen=True)
class Proprio:
    """What of `sensor_msgs/JointState` the policy sees, in its order.

    Attributes:
        topic: Of the joint states.
        names: Joint of each number.
        fields: position, velocity or effort, for each number.
    """

    topic: str
    names: tuple[str, ...]
    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if len(self.names) != len(self.fields):
            raise ClaifoError(f'{len(self.names)} names, but {len(self.fields)} fields')
        for kind in self.fields:
            check_choice('fields', kind, FIELDS)


@dataclass(frozen=True)
class Contract:
    """All of it.

    Attributes:
        format: Version of this layout.
        task: That the policy was trained for.
        control_hz: Actions per second.
        size_px: Side of the square frame.
        frame_stack: Frames in one observation.
        hold_periods: A frame is shown again for at most so many control periods when no newer one
            comes; after that the policy is silent and its stack begins anew.
        cameras: In the order of the policy.
        action: What comes out.
        proprio: What the robot measures of itself, if the policy sees it.
        observation: What the policy sees of the frames (rgb, grayscale, event).
        limits: Of the robot, for the safety node; may stand in a file of their own.
    """

    format: str
    task: str
    control_hz: float
    size_px: int
    frame_stack: int
    cameras: tuple[Camera, ...]
    action: ActionPart
    proprio: Proprio | None = None
    observation: str = 'rgb'
    hold_periods: float = 2.0
    limits: Limits | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.format != FORMAT:
            raise ClaifoError(f'format is {self.format!r}; this version reads {FORMAT}')
        if not 0 < self.control_hz < math.inf or not self.hold_periods >= 1:
            raise ClaifoError('control_hz must be above 0, hold_periods at least 1')
        check_kind(self.observation)
        if self.observation in RENDERED:
            raise ClaifoError(
                f'observation is {self.observation}, which only a simulator shows; '
                'train with rgb, grayscale or event'
            )
        if not self.cameras:
            raise ClaifoError('cameras: there must be one at least')
        for camera in self.cameras:
            if camera.rate_hz * (self.hold_periods + 0.5) < self.control_hz:
                raise ClaifoError(
                    f'camera {camera.topic} at {camera.rate_hz:g} Hz is too slow for '
                    f'{self.control_hz:g} Hz of control with hold_periods {self.hold_periods:g}'
                )

    @property
    def follows(self) -> bool:
        """Whether every picture is a control step: the cameras come at the control rate."""
        return all(abs(c.rate_hz / self.control_hz - 1) < _SAME_RATE for c in self.cameras)

    @property
    def period_ns(self) -> int:
        """Time between two actions."""
        return round(1e9 / self.control_hz)

    def frames(self, camera: int) -> FrameSpec:
        """Return how a picture of a camera becomes a frame."""
        return FrameSpec(self.size_px, self.cameras[camera].crop, self.observation)


def load(path: Path | str) -> Contract:
    """Read a contract.

    Raises:
        ClaifoError: the file is missing or says what cannot be.
    """
    return parse(settings.read_yaml(path), str(path))


def parse(values: Mapping[str, Any], source: str) -> Contract:
    """Build a contract from nested mappings; see :func:`load`."""
    return settings.build(Contract, values, source)


def dump(contract: Contract) -> str:
    """Return the contract as YAML that :func:`load` reads back unchanged."""
    values = {k: v for k, v in settings.plain(contract).items() if v is not None}
    return yaml.safe_dump(values, sort_keys=False)


def of_policy(metadata: Mapping[str, Any]) -> Contract:
    """Return the contract of a policy as its simulator would keep it: numbers without units.

    Args:
        metadata: Of the policy file.

    Raises:
        ClaifoError: it was written before policies knew their rate.
    """
    if 'control_hz' not in metadata:
        raise ClaifoError('the policy does not know its control rate; train it again, or write '
                          'a contract by hand')
    count, size, hz = metadata['action_dim'], metadata['frames']['size_px'], metadata['control_hz']
    numbers = tuple(f'proprio_{k}' for k in range(metadata['proprio_dim']))
    return Contract(
        format=FORMAT, task=metadata['task'], control_hz=hz, size_px=size,
        frame_stack=metadata['frame_stack'],
        cameras=tuple(
            Camera(f'/{topic}', 'rgb8', size, size, hz)
            for topic in _topics(tuple(metadata['cameras']), metadata['views'])
        ),
        action=ActionPart(
            'float64_multi_array', '/commands', 'effort',
            tuple(f'action_{k}' for k in range(count)), (1.0,) * count, (0.0,) * count, '1',
        ),
        proprio=Proprio('/joint_states', numbers, ('position',) * len(numbers))
        if numbers else None,
        observation=metadata['frames'].get('observation', 'rgb'),
    )  # fmt: skip


def _topics(cameras: tuple[str, ...], views: int) -> tuple[str, ...]:
    if views == 1:
        return ('camera/image_raw',)
    names = cameras or tuple(f'camera_{k}' for k in range(views))
    return tuple(f'camera/{name}/image_raw' for name in names)


def check_policy(contract: Contract, metadata: Mapping[str, Any], source: str) -> None:
    """Check that a contract is one for this policy.

    Raises:
        ClaifoError: names the numbers that differ.
    """
    proprio = len(contract.proprio.names) if contract.proprio else 0
    pairs = {
        'task': (contract.task, metadata['task']),
        'size_px': (contract.size_px, metadata['frames']['size_px']),
        'frame_stack': (contract.frame_stack, metadata['frame_stack']),
        'number of cameras': (len(contract.cameras), metadata['views']),
        'number of actions': (len(contract.action.names), metadata['action_dim']),
        'number of proprio names': (proprio, metadata['proprio_dim']),
        'observation': (contract.observation, metadata['frames'].get('observation', 'rgb')),
        'control_hz': (contract.control_hz, metadata.get('control_hz', contract.control_hz)),
    }
    wrong = [f'{k} is {a}, the policy has {b}' for k, (a, b) in pairs.items() if a != b]
    if wrong:
        raise ClaifoError(f'{source}: not a contract of this policy: {"; ".join(wrong)}')


@dataclass
class Seen:
    """What arrives from one camera.

    Attributes:
        encoding: Of the picture.
        width: Pixels.
        height: Pixels.
        stamps_ns: Of the last pictures, by the camera.
    """

    encoding: str
    width: int
    height: int
    stamps_ns: list[int] = field(default_factory=list)


_RATE_TOLERANCE = 0.2
"""Rates are measured over a few pictures."""


def mismatches(camera: Camera, seen: Seen) -> list[str]:
    """Return how a camera differs from its contract, each with both values."""
    found = [
        f'{name} is {have}, the contract says {want}'
        for name, have, want in (
            ('encoding', seen.encoding, camera.encoding),
            ('size', f'{seen.width}x{seen.height}', f'{camera.width}x{camera.height}'),
        )
        if have != want
    ]
    steps = [b - a for a, b in zip(seen.stamps_ns, seen.stamps_ns[1:], strict=False)]
    if steps:
        middle = sorted(steps)[len(steps) // 2]
        rate_hz = 1e9 / middle if middle > 0 else math.inf
        if abs(rate_hz / camera.rate_hz - 1) > _RATE_TOLERANCE:
            found.append(f'rate is {rate_hz:.3g} Hz, the contract says {camera.rate_hz:g} Hz')
    return [f'{camera.topic}: {text}' for text in found]


def with_topics(contract: Contract, topics: tuple[str, ...]) -> Contract:
    """Return the contract with cameras on other topics.

    Raises:
        ClaifoError: there are more or fewer than cameras.
    """
    if len(topics) != len(contract.cameras):
        raise ClaifoError(
            f'{len(topics)} image topics; the contract has {len(contract.cameras)} cameras'
        )
    cameras = tuple(
        dataclasses.replace(camera, topic=topic)
        for camera, topic in zip(contract.cameras, topics, strict=True)
    )
    return dataclasses.replace(contract, cameras=cameras)
