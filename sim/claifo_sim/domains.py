"""The visual domains by name.

A domain is named ``<pair>/<source|target>``; ``stock`` is the look that a suite ships. The expert
is filmed in a source, the agent lives in the target of the same pair. ``<pair>`` alone is short
for its target, and ``source`` for the source of a scene whose pairs have one in common.
``unseen/<name>`` is a look for tests, that no pair has. ``A+B`` is A with all that B changes:
``light/target+unseen/blur_2``.
"""

from __future__ import annotations

import functools

from claifo_sim import pairs as _pairs
from claifo_sim import unseen as _unseen
from claifo_sim.errors import SimError, did_you_mean
from claifo_sim.visual import DomainPair, UnseenLook, VisualDomain, overlay

STOCK = 'stock'
_OF_SUITE = {'dmc': _pairs.dmc, 'adroit': _pairs.adroit, 'robosuite': _pairs.robosuite}


def pairs(suite: str, scene: str) -> dict[str, DomainPair]:
    """Return the pairs of domains that can be seen in a scene, by name."""
    return _OF_SUITE[suite](scene)


def unseen(suite: str) -> dict[str, UnseenLook]:
    """Return the looks that no pair has, by name."""
    return _unseen.looks(suite)


def names(suite: str, scene: str) -> tuple[str, ...]:
    """Return the name of every domain that can be seen in a scene, ``stock`` first."""
    sides = (f'{pair}/{side}' for pair in pairs(suite, scene) for side in ('source', 'target'))
    return (STOCK, *sides, *unseen(suite))


def domain(name: str, suite: str, scene: str) -> VisualDomain:
    """Return the domain called ``name`` as it applies to a scene.

    Args:
        name: ``stock``, ``<pair>/<source|target>`` or ``unseen/<name>``; several with ``+``
            between, each laid over those before it.
        suite: Suite of the scene, for example ``dmc``.
        scene: Name of the model in that suite, for example ``walker``.

    Raises:
        SimError: There is no such domain, or it cannot be seen in the scene.
    """
    return functools.reduce(
        overlay, (_one_domain(part, suite, scene) for part in name.split('+'))
    )


def _one_domain(name: str, suite: str, scene: str) -> VisualDomain:
    offered, found = names(suite, scene), pairs(suite, scene)
    sources = {pair.source for pair in found.values()}
    if name == 'source' and len(sources) == 1:
        return sources.pop()
    if name in found:
        return found[name].target
    if name not in offered:
        raise SimError(
            f'domain {name!r}: {suite} {scene} does not offer it{did_you_mean(name, offered)}; '
            f'it has {STOCK}, source and target of {", ".join(found)}, and those of '
            f'{_unseen.PREFIX} (see `claifo domains`)'
        )
    if name == STOCK:
        return VisualDomain()
    if name.startswith(_unseen.PREFIX):
        return unseen(suite)[name].look
    pair, side = name.split('/')
    look: VisualDomain = getattr(found[pair], side)
    return look


def same_look(name: str, suite: str, scene: str) -> str:
    """Return ``stock`` if the domain looks like it in this scene, else its name."""
    return STOCK if domain(name, suite, scene) == VisualDomain() else name


def source_of(domain: str) -> str:
    """Return the expert's side of the pair whose other side is ``domain``."""
    first = domain.partition('+')[0]
    if first.startswith(_unseen.PREFIX):
        return STOCK
    return first if first in (STOCK, 'source') else f'{first.partition("/")[0]}/source'
