"""Whether a subscription can hear a publisher, by their quality of service."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from rclpy._qos_policies import DurabilityPolicy, LivelinessPolicy, ReliabilityPolicy

# Policy, the value of a publisher that keeps it from the value of a subscription, in words.
_APART = (
    ('reliability', ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE,
     'Best effort publisher and reliable subscription'),
    ('durability', DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL,
     'Volatile publisher and transient local subscription'),
    ('liveliness', LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC,
     "Publisher's liveliness is automatic and subscription's is manual by topic"),
)  # fmt: skip
_SPANS = (('deadline', 'deadline'), ('liveliness_lease_duration', 'liveliness lease duration'))


class QoSCompatibility(IntEnum):
    """What is known before they meet."""

    OK = 0
    WARNING = 1
    ERROR = 2


def compare(publisher: Any, subscription: Any) -> tuple[QoSCompatibility, str]:  # noqa: ANN401
    """Compare two profiles; errors count before warnings."""
    for kind, found in (
        (QoSCompatibility.ERROR, _errors(publisher, subscription)),
        (QoSCompatibility.WARNING, _warnings(publisher, subscription)),
    ):
        if reasons := ''.join(f'{kind.name}: {reason};' for reason in found):
            return kind, reasons
    return QoSCompatibility.OK, ''


def _errors(publisher: Any, subscription: Any) -> Iterator[str]:  # noqa: ANN401
    for name, offered, asked, words in _APART:
        if (getattr(publisher, name), getattr(subscription, name)) == (offered, asked):
            yield words
    for name, words in _SPANS:
        offers, asks = (getattr(one, name).nanoseconds for one in (publisher, subscription))
        if asks and not offers:
            yield f'Subscription has a {words}, but publisher does not'
        elif asks and asks < offers:
            yield f'Subscription {words} is less than that of the publisher'


def _warnings(publisher: Any, subscription: Any) -> Iterator[str]:  # noqa: ANN401
    for name, bad_offer, bad_ask, _ in _APART:
        offers, asks = getattr(publisher, name), getattr(subscription, name)
        vague = [value.name in ('SYSTEM_DEFAULT', 'UNKNOWN') for value in (offers, asks)]
        if all(vague) or (vague[0] and asks == bad_ask) or (vague[1] and offers == bad_offer):
            yield (f'Publisher {name} is {offers.short_key} and subscription {name} is '
                   f'{asks.short_key}')  # fmt: skip
