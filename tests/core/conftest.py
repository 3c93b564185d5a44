"""Let test modules, and the processes they spawn, import the toy world of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

# Spawned processes take over sys.path; a test module itself could not be imported there.
sys.path.insert(0, str(Path(__file__).parent))
