"""Views written in one pass are those that PyTorch makes in several, and PyTorch is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claifo_core.agent import loops
from claifo_core.agent.augment import Augmenter
from claifo_core.config import AugmentConfig
from claifo_core.data.stacks import Stacks
from claifo_core.device import capture

# The same operations on each number. What adds up a whole frame or samples between pixels rounds
# otherwise: in grey levels, of 255.
EXACT, SUMMED, SAMPLED = 0.0, 1e-3, 0.02
KINDS = {
    'shift': EXACT, 'brightness': EXACT, 'auto': SUMMED, 'color': SUMMED, 'generic': SUMMED,
    'full': SAMPLED,
}  # fmt: skip
B = 5


def ring(cameras: int = 1, height: int = 12, width: int = 10) -> Stacks:
    """Return stacks of three frames of a ring; some share frames, as neighbours do."""
    rng = torch.Generator().manual_seed(4)
    frames = torch.randint(256, (9, height, width, 3 * cameras), generator=rng).byte()
    frames[0], frames[1] = 0, 255
    return Stacks(frames, torch.randint(9, (B, 3), generator=rng))


def views(stacks: Stacks, look: str, seed: int, **options) -> list[torch.Tensor]:
    """Return one view, written by the loop, and by PyTorch from the same draws."""
    found = []
    for paint in (loops.paint, lambda *_: False):
        made = Augmenter(AugmentConfig(**options), torch.Generator().manual_seed(seed))
        made.watch(stacks, Stacks(stacks.frames, stacks.slots.roll(2)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loops, 'paint', paint)
            found.append(made.view(stacks, look, stacks.blank(B)))
    return found


def test_the_loop_is_what_writes_them():
    stacks = ring()
    look = Augmenter(AugmentConfig(), torch.Generator()).draw('T', B, 3)
    assert loops.paint(stacks, look, stacks.blank(B))
    with capture.forced():  # as on a GPU
        assert not loops.paint(stacks, look, stacks.blank(B))


@pytest.mark.parametrize('cameras', [1, 2])
@pytest.mark.parametrize('draw', ['batch', 'sample'])
@pytest.mark.parametrize('kind', KINDS)
def test_every_look_is_that_of_pytorch(kind, draw, cameras):
    for seed in range(8):
        options = {'kind': kind, 'draw': draw, 'shift_too': bool(seed % 2), 'shift_px': 3}
        mine, wanted = views(ring(cameras), 'T', seed, brightness=(0.3, 3.0), **options)
        torch.testing.assert_close(mine, wanted, rtol=0, atol=KINDS[kind])


@given(shift_px=st.integers(0, 16), seed=st.integers(0, 100))
@settings(max_examples=20)
def test_shifts_and_raw_frames_are_exact(shift_px, seed):
    for look in ('shift', 'raw'):
        mine, wanted = views(ring(), look, seed, shift_px=shift_px)
        assert torch.equal(mine, wanted)


def test_other_viewpoints_are_those_of_pytorch():
    mine, wanted = views(ring(), 'T', 1, kind='auto', draw='sample', warp=0.2)
    torch.testing.assert_close(mine, wanted, rtol=0, atol=SAMPLED)


@pytest.mark.parametrize('kind', ['brightness', 'color'])
def test_bfloat16_is_the_view_rounded_once(kind):
    stacks, found = ring(), []
    for dtype in (torch.float32, torch.bfloat16):
        made = Augmenter(AugmentConfig(kind=kind), torch.Generator().manual_seed(2))
        found.append(made.view(stacks, 'T', stacks.blank(B, dtype)))
    assert torch.equal(found[0].bfloat16(), found[1])


@pytest.mark.parametrize('kind', ['brightness', 'color'])
def test_threads_share_the_samples_and_change_nothing(kind):
    stacks, found, before = ring(), [], torch.get_num_threads()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        made = Augmenter(AugmentConfig(kind=kind, draw='sample'), torch.Generator().manual_seed(2))
        found.append(made.view(stacks, 'T', stacks.blank(B)))
    torch.set_num_threads(before)
    assert torch.equal(*found)


def test_a_ring_of_floats_is_viewed_all_the_same():
    stacks, found = ring(), []
    for frames in (stacks.frames, stacks.frames.float()):
        made = Augmenter(AugmentConfig(), torch.Generator().manual_seed(2))
        found.append(made.view(Stacks(frames, stacks.slots), 'T', stacks.blank(B)))
    assert torch.equal(*found)


VIEW_TWICE = """
import sys, torch
{before}
from claifo_core.agent import Augmenter
from claifo_core.config import AugmentConfig
from claifo_core.data.stacks import of_frames
made = Augmenter(AugmentConfig(), torch.Generator().manual_seed(0))
stacks = of_frames(torch.arange(5 * 4 * 4 * 3).view(5, 4, 4, 3).byte(), 1)
made.prepare(torch.float32)
for _ in range(2):
    view = made.view(stacks, 'T', stacks.blank(5))
print(view.double().sum().item())
"""


def elsewhere(before: str, **surroundings: str) -> tuple[str, list[str]]:
    """Make two views in another process; returns their sum and the lines it complains in."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, '-c', VIEW_TWICE.format(before=before)], capture_output=True, text=True,
        check=True, env={**os.environ, 'PYTHONPATH': str(root), **surroundings},
    )  # fmt: skip
    return done.stdout, done.stderr.splitlines()


def test_without_numba_it_says_so_once_and_goes_on():
    with_numba, silent = elsewhere('')
    without, said = elsewhere("sys.modules['numba'] = None")
    assert without == with_numba and silent == []
    assert len(said) == 1 and said[0].startswith('claifo: views are made in several passes')


def test_without_a_folder_to_write_to_it_says_so_once_and_goes_on():
    nowhere = 'from numba.core import caching\ncaching.CacheImpl._locator_classes = []'
    told, said = elsewhere(nowhere)
    assert told == elsewhere('')[0]
    assert len(said) == 1 and 'NUMBA_CACHE_DIR' in said[0]
