"""A DDS domain of this process alone, on this machine only; importing this module chooses it."""

from __future__ import annotations

import os
import random
import socket


def _bound(port):
    """A socket at this UDP port, or None if somebody has it."""
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(('', port))
    except OSError:
        claim.close()
        return None
    return claim


def _free_domain():
    """Return a domain in which nobody is, and a claim that keeps other tests out of it."""
    for domain in random.sample(range(1, 100), 99):
        base = 7400 + 250 * domain
        first = _bound(base + 10)  # where the first participant on a machine listens
        claim = first and _bound(base + 249)
        if first:
            first.close()
        if claim:
            return domain, claim
    raise RuntimeError('every DDS domain is in use')


# Inherited by the processes that tests start.
DOMAIN, _CLAIM = _free_domain()
os.environ['ROS_DOMAIN_ID'] = str(DOMAIN)
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
