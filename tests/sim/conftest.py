"""MuJoCo's own renderer, an oracle here, asks for the back end when MuJoCo is imported.

Test modules can import the helpers of this folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from claifo_sim.rendering import probe

sys.path.insert(0, str(Path(__file__).parent))
probe()
