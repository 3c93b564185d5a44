"""What learning costs, counted from the settings of a run."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from claifo.cost.flop import Shape, flop, is_counted
from claifo.environments import env_spec
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


def flop_per_update(config: TrainConfig) -> int:
    """Return the FLOP of one update, of any method."""
    if is_counted(config):
        return sum(flop(config, shape_of(config)).values())
    return _dry(dataclasses.replace(config, seed=0))


@functools.cache
def _dry(config: TrainConfig) -> int:
    from claifo.cost.dry_run import flop_of_update

    return flop_of_update(config, shape_of(config))
