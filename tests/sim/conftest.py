"""MuJoCo's own renderer, an oracle here, asks for the back end when MuJoCo is imported."""

from __future__ import annotations

from claifo_sim.rendering import probe

probe()
