"""Settings of every test run: one thread, reproducible examples, nothing left behind."""

from __future__ import annotations

import gc
import ipaddress
import multiprocessing
import os
import socket
import struct
from pathlib import Path

# Before anything imports NumPy or PyTorch; inherited by worker processes.
os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import hypothesis
import numpy as np
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


@pytest.fixture(scope='session')
def write_mp4():
    """The function below."""
    return _write_mp4


_MATRIX = {  # ISO 14496-12, 8.3.2: a, b, u, c, d, v, x, y, w
    0: (1, 0, 0, 0, 1, 0, 0, 0, 1),
    90: (0, 1, 0, -1, 0, 0, 48, 0, 1),
    180: (-1, 0, 0, 0, -1, 0, 64, 48, 1),
    270: (0, -1, 0, 1, 0, 0, 0, 64, 1),
}


def _write_mp4(
    path: Path, *, count: int = 12, degrees: int = 0, steps: list[int] | None = None
) -> Path:
    """Write, as a phone does, 64x48 pixels at 25 Hz: left half dark, right half bright.

    Args:
        path: Of the file.
        count: Frames.
        degrees: Clockwise turn that the file asks players for.
        steps: Time from each frame to the next, in units of 40 ms; None: one each.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, (64, 48))
    for _ in range(count):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:, 32:] = 200
        writer.write(picture)
    writer.release()
    data = bytearray(path.read_bytes())
    numbers = [n << 30 if k % 3 == 2 else n << 16 for k, n in enumerate(_MATRIX[degrees])]
    at = data.index(b'tkhd') + 4 + 40
    data[at : at + 36] = struct.pack('>9i', *numbers)
    if steps:
        _retime(data, steps)
    path.write_bytes(data)
    return path


def _retime(data: bytearray, steps: list[int]) -> None:
    """Replace the table of frame times; the boxes around it grow."""
    at = data.index(b'stts')
    (size,), (unit,) = (struct.unpack_from('>I', data, at + by) for by in (-4, 16))
    table = b''.join(struct.pack('>II', 1, step * unit) for step in steps)
    new = struct.pack('>I4sII', 16 + len(table), b'stts', 0, len(steps)) + table
    assert data.index(b'moov') > data.index(b'mdat')  # so that no offset changes
    for name in (b'moov', b'trak', b'mdia', b'minf', b'stbl'):
        place = data.index(name) - 4
        struct.pack_into('>I', data, place, struct.unpack_from('>I', data, place)[0]
                         + len(new) - size)  # fmt: skip
    data[at - 4 : at - 4 + size] = new
    edits = data.index(b'edts')  # they end the film where it ended before
    data[edits : edits + 4] = b'free'
