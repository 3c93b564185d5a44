"""`python -m claifo` is the same as `claifo`."""

from __future__ import annotations

import sys

from claifo.cli import main

sys.exit(main())
