"""Settings of every test run: one thread, reproducible examples, nothing left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
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
