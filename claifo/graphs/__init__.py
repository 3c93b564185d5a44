"""Which processes make up a graph: told once, for `ros2 launch` and for `claifo launch`.

Here live the graphs as functions from arguments to processes, and the two ways to start them
(``ros``, ``runner``). Nodes are named, never imported.
"""

from __future__ import annotations

from claifo.graphs.composition import Argument, Graph, Process
from claifo.graphs.known import GRAPHS, find

__all__ = ['GRAPHS', 'Argument', 'Graph', 'Process', 'find']
