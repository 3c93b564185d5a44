"""Let test modules, and the processes they spawn, import what they share."""

from __future__ import annotations

import sys
from pathlib import Path

# Spawned processes take over sys.path; a test module itself could not be imported there.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(folder) for folder in HERE.iterdir() if folder.is_dir())]
