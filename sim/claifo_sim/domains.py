"""The visual domains by name.

A domain is named ``<pair>/<source|target>``; ``stock`` is the look that a suite ships. The expert
is filmed in a source, the agent lives in the target of the same pair. ``<pair>`` alone is short
for its target, and ``source`` for the source of a scene whose pairs have one in common.
"""

from __future__ import annotations

from claifo_sim import pairs as _pairs
from claifo_sim.errors import SimError, did_you_mean
from claifo_sim.visual import DomainPair, VisualDomain

STOCK = 'stock'
_OF_SUITE = {'dmc': _pairs.dmc, 'adroit': _pairs.adroit, 'robosuite': _pairs.robosuite}


def pairs(suite: str, scene: str) -> dict[str, DomainPair]:
    """Return the pairs of domains that can be seen in a scene, by name."""
    return _OF_SUITE[suite](scene)


def names(suite: str, scene: str) -> tuple[str, ...]:
    """Return the name of every domain that can be seen in a scene, ``stock`` first."""
    found = pairs(suite, scene)
    return (STOCK, *(f'{pair}/{side}' for pair in found for side in ('source', 'target')))


def domain(name: str, suite: str, scene: str) -> VisualDomain:
    """Return the domain called ``name`` as it applies to a scene.

    Args:
        name: ``stock`` or ``<pair>/<source|target>``.
        suite: Suite of the scene, for example ``dmc``.
        scene: Name of the model in that suite, for example ``walker``.

    Raises:
        SimError: There is no such domain, or it cannot be seen in the scene.
    """
    offered, found = names(suite, scene), pairs(suite, scene)
    sources = {pair.source for pair in found.values()}
    if name == 'source' and len(sources) == 1:
        return sources.pop()
    if name in found:
        return found[name].target
    if name not in offered:
        raise SimError(
            f'domain {name!r}: {suite} {scene} does not offer it{did_you_mean(name, offered)}; '
            f'it has {STOCK}, and source and target of {", ".join(found)}'
        )
    if name == STOCK:
        return VisualDomain()
    pair, side = name.split('/')
    look: VisualDomain = getattr(found[pair], side)
    return look


def same_look(name: str, suite: str, scene: str) -> str:
    """Return ``stock`` if the domain looks like it in this scene, else its name."""
    return STOCK if domain(name, suite, scene) == VisualDomain() else name


def source_of(domain: str) -> str:
    """Return the expert's side of the pair whose other side is ``domain``."""
    return domain if domain in (STOCK, 'source') else f'{domain.partition("/")[0]}/source'
