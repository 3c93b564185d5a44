"""The folder that is made without learning is a run that can be probed, of mixed quality."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from mixed_replay import fill, spoilers

from claifo_core.config import settings
from claifo_core.errors import ClaifoError
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.learner import Learner

TINY = Path(__file__).parents[1] / 'tiny.yaml'


def test_returns_are_mixed_and_the_replay_holds_them(tmp_path: Path) -> None:
    config = dataclasses.replace(settings.load(TINY), replay_frames=2000)
    ways = {name: spoil for name, spoil in spoilers(np.random.default_rng(0))}
    chosen = [(name, ways[name]) for name in ('random', 'noise 0.2', 'by turns of 20', 'weak 0.5')]
    returns = fill(config, chosen, tmp_path)
    assert returns[0] == min(returns) and max(returns) > min(returns) + 50
    film = np.zeros((config.agent.n_step + 1, 24, 24, 3), np.uint8)
    learner = Learner(config, 2, [film])
    Checkpoint(tmp_path / 'checkpoint').load_replay(learner.replay)
    assert float(learner.replay.reward.sum()) == pytest.approx(sum(returns), rel=1e-3)
    assert settings.load(tmp_path / 'config.yaml') == config
    with pytest.raises(ClaifoError, match='holds a run'):
        fill(config, chosen, tmp_path)
