"""What learning costs: FLOP and bytes of one update, counted from the settings of a run.

Here live the formulas of C-LAIfO and LAIfO (``flop``), the count of any method without data
(``dry_run``) and what chooses between them (``compute``). Nothing here is measured: clocks belong
to the benchmarks.
"""

from claifo.cost.compute import flop_per_update, shape_of
from claifo.cost.flop import Shape, bytes_moved, flop, is_counted

__all__ = ['Shape', 'bytes_moved', 'flop', 'flop_per_update', 'is_counted', 'shape_of']
