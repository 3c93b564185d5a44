"""Settings of every test run: one thread, reproducible examples, nothing left behind."""

from __future__ import annotations

import gc
import ipaddress
import multiprocessing
import os
import socket
from pathlib import Path

# Before anything imports NumPy or PyTorch; inherited by worker processes.
os.environ.setdefault('OMP_NUM_THREADS', '1')

import hypothesis
import pytest

hypothesis.settings.register_profile(
    'claifo', derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.load_profile('claifo')


@pytest.fixture(scope='session', autouse=True)
def nothing_left_behind():
    """No worker process and no shared memory of this process outlives the tests."""
    yield
    gc.collect()
    children = [child.name for child in multiprocessing.active_children()]
    assert not children, f'worker processes still run: {children}'
    assert not _shared_memory(), 'shared memory is still mapped'


def _shared_memory() -> list[str]:
    maps = Path('/proc/self/maps')
    lines = maps.read_text().splitlines() if maps.is_file() else []
    return [line for line in lines if '/dev/shm/psm_' in line]


def _is_here(host: object) -> bool:
    """Return whether an address is of this machine."""
    if host in (None, '', 'localhost', socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(str(host).partition('%')[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope='session', autouse=True)
def nothing_is_reached_outside():
    """No name is looked up, and nothing is sent to another machine, by Python code of a test."""
    patch = pytest.MonkeyPatch()

    def guard(owner, name, host_of):
        real = getattr(owner, name)

        def guarded(*args, **settings):
            host = host_of(args)
            assert _is_here(host), f'{name}: {host!r} is outside this machine'
            return real(*args, **settings)

        patch.setattr(owner, name, guarded)

    for name in ('getaddrinfo', 'gethostbyname', 'gethostbyname_ex'):
        guard(socket, name, lambda args: args[0])
    for name in ('connect', 'connect_ex', 'sendto'):
        guard(socket.socket, name, _peer)
    yield
    patch.undo()


def _peer(args):
    """The host that a method of a socket is to reach; None for sockets of this machine."""
    return args[-1][0] if isinstance(args[-1], tuple) else None
