"""One self-contained HTML page per run."""

from __future__ import annotations

from claifo.report.page import build

__all__ = ['build']
