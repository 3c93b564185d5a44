"""What the numbers of an action mean to a robot."""

from __future__ import annotations

import math
from dataclasses import dataclass

from claifo_core.errors import ClaifoError, check_choice

OUTPUTS = ('action', 'float64_multi_array', 'joint_trajectory', 'twist_stamped')
MEANINGS = {'position': 'rad', 'velocity': 'rad/s', 'effort': '1', 'twist': 'm/s'}
AXES = ('linear.x', 'linear.y', 'linear.z', 'angular.x', 'angular.y', 'angular.z')


@dataclass(frozen=True)
class ActionPart:
    """What the numbers of an action, each in [-1, 1], mean: ``offset + scale * number``.

    Attributes:
        output: Message that goes to the robot.
        topic: Of that message.
        meaning: position, velocity, effort (of joints) or twist (of a body).
        names: Joints, or axes of the twist (``linear.x`` …).
        scale: Of each number, in ``unit``.
        offset: Of each number, in ``unit``.
        unit: For people.
        frame_id: Frame of a twist.
    """

    output: str
    topic: str
    meaning: str
    names: tuple[str, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    unit: str = ''
    frame_id: str = 'base_link'

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_choice('output', self.output, OUTPUTS)
        check_choice('meaning', self.meaning, MEANINGS)
        if (self.output == 'twist_stamped') != (self.meaning == 'twist'):
            raise ClaifoError(
                f'output {self.output} cannot carry meaning {self.meaning}; '
                'twist_stamped and twist belong together'
            )
        if self.output == 'joint_trajectory' and self.meaning == 'effort':
            raise ClaifoError('joint_trajectory needs meaning position or velocity, not effort')
        if self.meaning == 'twist':
            for name in self.names:
                check_choice('names', name, AXES)
        if not len(set(self.names)) == len(self.names) == len(self.scale) == len(self.offset):
            raise ClaifoError(
                f'{len(self.names)} names (each once), {len(self.scale)} scales and '
                f'{len(self.offset)} offsets; there must be as many of each'
            )
        if not all(math.isfinite(number) for number in (*self.scale, *self.offset)):
            raise ClaifoError('scale and offset must be finite')
