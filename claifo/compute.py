"""What learning costs, counted from the settings of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo.environments import env_spec
from claifo_core.flop import Shape, flop, is_counted
from claifo_sim import task_info

if TYPE_CHECKING:
    from claifo_core.config import TrainConfig


def shape_of(config: TrainConfig) -> Shape:
    """Return what the task and cameras add to the settings.

    Raises:
        SimError: unknown task, domain or camera.
    """
    info, spec = task_info(config.env.task), env_spec(config.env)
    proprio = info.proprio_dim if config.env.proprio else 0
    return Shape(info.action_dim, len(spec.filmed_by), proprio)


def flop_per_update(config: TrainConfig) -> int | None:
    """Return the FLOP of one update; None for parts of networks that are not counted."""
    return sum(flop(config, shape_of(config)).values()) if is_counted(config) else None
