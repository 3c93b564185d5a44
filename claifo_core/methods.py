"""Named methods: what each changes in a configuration, and nothing else.

A method is a set of options, so a comparison differs in exactly what stands here. Names are those
of `claifo train --method` and of study files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claifo_core.errors import ClaifoError, did_you_mean


@dataclass(frozen=True)
class Method:
    """One method of a comparison.

    Attributes:
        summary: What it is, in half a sentence.
        source: Where it comes from.
        overrides: Dotted option names and their values, over any preset.
    """

    summary: str
    source: str
    overrides: Mapping[str, Any]


METHODS = {
    'claifo': Method('C-LAIfO as the preset has it', 'arXiv 2407.12792', {}),
    'laifo': Method(
        'no contrastive step, random shift alone',
        'arXiv 2309.17371',
        {'agent.contrastive': 'none', 'augment.apply': 'nowhere'},
    ),
}


def method(name: str) -> Method:
    """Return the method of that name.

    Raises:
        ClaifoError: there is none.
    """
    if name not in METHODS:
        raise ClaifoError(
            f'{name}: no such method{did_you_mean(name, METHODS)}; '
            f'one of {", ".join(sorted(METHODS))}'
        )
    return METHODS[name]
