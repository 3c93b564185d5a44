"""Two network namespaces with one wire between them, which can be cut: Linux, root, iproute2."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ENVIRONMENT = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
"""The nodes see each other over the wire, not on this machine."""
_FAR, _NEAR = '10.213.0.1/24', '10.213.0.2/24'


def missing() -> str:
    """Return why there can be no namespaces here; nothing if there can be."""
    if os.geteuid():
        return 'network namespaces need root'
    if not shutil.which('ip'):
        return 'the program ip is missing: apt-get install iproute2'
    name = f'claifo_try_{os.getpid()}'
    made = subprocess.run(['ip', 'netns', 'add', name], capture_output=True, text=True)
    if made.returncode:
        return f'no network namespace can be made: {made.stderr.strip()}'
    _ip('netns', 'del', name)
    return ''


def _ip(*words: str) -> None:
    subprocess.run(['ip', *words], check=True)


@dataclass(frozen=True)
class Wire:
    """Both ends.

    Attributes:
        far: Namespace at one end.
        near: Namespace at the other.
    """

    far: str
    near: str

    def inside(self, end: str) -> list[str]:
        """Return the words before a command line that is to run in a namespace."""
        return ['ip', 'netns', 'exec', end]

    def cut(self) -> None:
        """Cut the wire, as if a cable were pulled."""
        _ip('-n', self.far, 'link', 'set', 'wire', 'down')

    def mend(self) -> None:
        """Join it again."""
        _ip('-n', self.far, 'link', 'set', 'wire', 'up')


@contextmanager
def stretched() -> Iterator[Wire]:
    """Make both namespaces; they go when the block ends, and the wire with them."""
    wire = Wire(*(f'claifo_{end}_{os.getpid()}' for end in ('far', 'near')))
    try:
        for name in (wire.far, wire.near):
            _ip('netns', 'add', name)
        _ip('link', 'add', 'wire', 'netns', wire.far, 'type', 'veth', 'peer', 'name', 'wire',
            'netns', wire.near)  # fmt: skip
        for name, address in ((wire.far, _FAR), (wire.near, _NEAR)):
            _ip('-n', name, 'addr', 'add', address, 'dev', 'wire')
            for device in ('lo', 'wire'):
                _ip('-n', name, 'link', 'set', device, 'up')
        yield wire
    finally:
        for name in (wire.far, wire.near):
            subprocess.run(['ip', 'netns', 'del', name], capture_output=True, check=False)
