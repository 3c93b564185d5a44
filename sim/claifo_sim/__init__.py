"""Simulated robots seen through a camera, in visual domains that are data.

``make('walker_walk', 'light/target', seed=1)`` gives a :class:`gymnasium.Env`; :class:`VectorEnv`
runs several of them in processes of their own. Importing this package starts no simulator.
"""

from __future__ import annotations

from claifo_sim.build import make
from claifo_sim.errors import SimError
from claifo_sim.registry import TaskInfo, domain_names, task_info, tasks
from claifo_sim.spec import EnvSpec
from claifo_sim.vector import VectorEnv, VectorStep
from claifo_sim.visual import VisualDomain

__all__ = [
    'EnvSpec',
    'SimError',
    'TaskInfo',
    'VectorEnv',
    'VectorStep',
    'VisualDomain',
    'domain_names',
    'make',
    'task_info',
    'tasks',
]
