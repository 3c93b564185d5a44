"""Which processes make up a graph: told once, for `ros2 launch` and for `claifo launch`."""

from __future__ import annotations

from claifo.graphs.composition import Argument, Graph, Process
from claifo.graphs.known import GRAPHS, find

__all__ = ['GRAPHS', 'Argument', 'Graph', 'Process', 'find']
