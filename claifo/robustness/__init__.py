"""The robustness matrix: policies played in many looks of their world.

Here live its rows (which policies), its columns and their measurement (``matrix``, played side by
side in ``pool``), its cells with their CSV, and the heat map. What a look is belongs to the
simulator, what an interval is to ``claifo.study.statistics``; pages about it to the report.
"""

from claifo.robustness.cells import Cell, read_csv, tables
from claifo.robustness.heatmap import heat_map
from claifo.robustness.matrix import measure, write
from claifo.robustness.rows import averaged, rows_of

__all__ = [
    'Cell', 'averaged', 'heat_map', 'measure', 'read_csv', 'rows_of', 'tables', 'write',
]  # fmt: skip
