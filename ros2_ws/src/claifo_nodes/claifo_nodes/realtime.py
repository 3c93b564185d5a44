"""Real time, where the user's limits allow it: the scheduler prefers this process to others."""

from __future__ import annotations

import os

PRIORITY = 20
"""Of SCHED_FIFO, 1 to 99: above all ordinary processes, below what drives hardware."""


def ask() -> str:
    """Ask for SCHED_FIFO, for all threads to come; returns what was had, for people."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (OSError, AttributeError):
        return 'no real-time priority (docs/deploy.md, "Real time"): a busy machine delays it'
    return f'real-time priority {PRIORITY} (SCHED_FIFO)'
