"""What one update learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.data.replay import Batch
    from claifo_core.data.stacks import Stacks


class Sample(NamedTuple):
    """Random transitions of both sides.

    Attributes:
        agent: Of the agent; their environment reward counts as the configuration says.
        expert: Of the expert; only observations are used, and actions where they are cloned.
        random: Stacks from random actions in the agent's world and in the expert's, where the
            configuration needs them.
    """

    agent: Batch
    expert: Batch
    random: Sequence[Stacks] = ()
