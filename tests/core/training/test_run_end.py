"""The end of a run that somebody waits for."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from toy_world import DotVector, DotWorld, expert_videos, small_config

from claifo_core.policy import Policy
from claifo_core.training import run
from claifo_core.training.metrics import read_jsonl
from claifo_core.training.trainer import Trainer, World


class Endless(DotWorld):
    """Its episodes last as long as the process."""

    def reset(self, **settings):
        threading.Event().wait()


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    monkeypatch.setattr(run, '_PATIENCE_S', 0.2)
    world = World(
        solved_steps=0, vector=lambda: DotVector(2), single=Endless, control_hz=10.0,
        compared=lambda: {},
    )  # fmt: skip
    config = small_config(steps=1000, eval_every=10, eval_episodes=2, replay_frames=200)
    with closing(Trainer(config, tmp_path, world, expert_videos(2), console=False)) as made:
        yield made


def test_a_stopped_run_saves_and_does_not_wait_for_its_evaluation(trainer, tmp_path, capsys):
    steps = iter(range(30))
    end = trainer.run(stop=lambda: next(steps, None) is None)
    assert 10 < end['step'] < 1000
    assert end['final_return'] is None
    assert 'was not evaluated, that would take over 0.2 s' in capsys.readouterr().out
    assert (tmp_path / 'checkpoint' / 'state.json').exists()
    assert Policy.load(tmp_path / 'policy.safetensors').metadata['step'] == end['step']
    assert not list(tmp_path.glob('policy_0*'))
    assert read_jsonl(tmp_path / 'metrics.jsonl')[-1]['kind'] == 'end'
