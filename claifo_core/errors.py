"""The error that a user can cause, and the hint that goes with it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ClaifoError(Exception):
    """A problem that the user can solve: one line with the file or key, the value, the way out."""


def did_you_mean(value: str, options: Iterable[str]) -> str:
    """Return ``' (did you mean x?)'`` for the option nearest to ``value``, or an empty string."""
    near = difflib.get_close_matches(value, list(options), n=1, cutoff=0.5)
    return f' (did you mean {near[0]}?)' if near else ''


def check_choice(key: str, value: str, choices: Iterable[str]) -> None:
    """Check that an option has one of its values.

    Raises:
        ClaifoError: it has not; the line names the nearest.
    """
    known = list(choices)
    if value not in known:
        near = did_you_mean(value, known)
        raise ClaifoError(f'{key} is {value!r}{near}; it must be one of {", ".join(known)}')
