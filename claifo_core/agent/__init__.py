"""The method: Algorithm 1 (``agent``), one function per equation (``losses``), the networks.

Here lives the mathematics of an update, the other methods in ``baselines``. No files, clocks or
processes, and no replay: an update takes batches.
"""

from claifo_core.agent.agent import Agent
from claifo_core.agent.augment import Augmenter
from claifo_core.agent.networks import Networks, build_networks
from claifo_core.agent.optimisers import Optimisers, build_optimisers
from claifo_core.agent.parts import build_agent

__all__ = [
    'Agent', 'Augmenter', 'Networks', 'Optimisers', 'build_agent', 'build_networks',
    'build_optimisers',
]  # fmt: skip
