"""The straightforward variant: the same views from the same draws, so that it is a fair rival."""

from __future__ import annotations

import dataclasses

import compare_straightforward
import pytest
import torch
from straightforward import PlainAugmenter

from claifo_core.agent.augment import Augmenter
from claifo_core.config import AugmentConfig
from claifo_core.data.stacks import of_frames


@pytest.mark.parametrize('kind', ['brightness', 'color', 'shift'])
@pytest.mark.parametrize('draw', ['batch', 'sample'])
def test_views_are_those_of_the_learner(kind, draw):
    config = AugmentConfig(kind=kind, draw=draw, shift_px=3)
    for seed in range(8):
        frames = torch.randint(256, (12, 20, 20, 3), generator=torch.Generator().manual_seed(seed))
        stacks = of_frames(frames.byte(), 3)
        views = []
        for augmenter in (Augmenter, PlainAugmenter):
            made = augmenter(config, torch.Generator().manual_seed(seed))
            made.watch(stacks, stacks)
            views.append(made.view(stacks, 'T', stacks.blank(4)))
        torch.testing.assert_close(*views, atol=0.02, rtol=0)


def test_both_do_updates_side_by_side():
    config = compare_straightforward.paper('color', 4)
    config = dataclasses.replace(config, env=dataclasses.replace(config.env, size_px=24))
    found = compare_straightforward.compare({'sequential': config}, 0.0, 300)
    assert found['rounds'] == 3
    plain, ours = (set(found[name]['split_cpu_ms']) for name in ('straightforward', 'sequential'))
    assert plain == ours
