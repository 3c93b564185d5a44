"""Numbers on a command line, for argparse's ``type=``."""

from __future__ import annotations

import argparse


def whole(text: str) -> int:
    """Return a whole number from 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _from(0, text)


def count(text: str) -> int:
    """Return a whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _from(1, text)


def _from(low: int, text: str) -> int:
    if not text.isdecimal() or int(text) < low:
        raise argparse.ArgumentTypeError(f'{text} is not a whole number from {low}')
    return int(text)
