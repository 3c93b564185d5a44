"""Settings of a run: frozen dataclasses, the single source of defaults, ranges, units and help.

Here live the options (one file a section), what they need of each other, the named methods, and
their way from and to YAML, flags and JSON (``settings``). No torch, and nothing that acts on them.
"""

from claifo_core.config.agent import CONTRASTED, AgentConfig
from claifo_core.config.options import Section, option
from claifo_core.config.train import TrainConfig
from claifo_core.config.vision import AugmentConfig, NetworkConfig
from claifo_core.config.world import EnvConfig, ExpertConfig

__all__ = [
    'CONTRASTED', 'AgentConfig', 'AugmentConfig', 'EnvConfig', 'ExpertConfig', 'NetworkConfig',
    'Section', 'TrainConfig', 'option',
]  # fmt: skip
