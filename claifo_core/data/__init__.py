"""What is learnt from: frames, what a policy sees of them, episodes, the replay.

Handed out are the parts that a camera or simulator needs, which know no torch. Beside them stand
the replay (``replay``, ``episodes``) and its way to a device (``transfer``), which do. No
networks.
"""

from claifo_core.data.demonstration import Demonstration
from claifo_core.data.frames import FrameSpec, prepare
from claifo_core.data.observations import KINDS, RENDERED, Observer, check_kind
from claifo_core.data.timestep import TimeStep

__all__ = [
    'KINDS', 'RENDERED', 'Demonstration', 'FrameSpec', 'Observer', 'TimeStep', 'check_kind',
    'prepare',
]  # fmt: skip
