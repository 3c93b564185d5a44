"""The error that a user can cause, and the hint that goes with it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class SimError(Exception):
    """A problem that the user can solve: one line with the name, the value and the way out."""


def did_you_mean(value: str, options: Iterable[str]) -> str:
    """Return ``' (did you mean x?)'`` for the option nearest to ``value``, or an empty string."""
    near = difflib.get_close_matches(value, list(options), n=1, cutoff=0.5)
    return f' (did you mean {near[0]}?)' if near else ''
