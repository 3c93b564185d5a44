"""robosuite: every registered task, silence, and clear words where it is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys

import mujoco
import numpy as np
import pytest

from claifo.experts import expert_scores, load_expert
from claifo_sim import SimError, make, tasks

pytest.importorskip('robosuite')
TASKS = [t.name for t in tasks() if t.suite == 'robosuite' and t.goal == 'sparse']


@pytest.mark.parametrize('name', TASKS)
def test_every_task_is_as_registered(name: str) -> None:
    env = make(name, profile='off')
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation['proprio'].shape == (env.info.proprio_dim,)
    low, _ = env.task.action_spec
    assert low.shape == (env.info.action_dim,)
    _, reward, *_, info = env.step(np.zeros(env.info.action_dim))
    assert (reward, info['success']) == (0.0, False)
    env.close()


def test_nothing_is_said_on_the_console() -> None:
    code = (
        "from claifo_sim import make; e = make('robosuite_lift', profile='off');"
        'e.reset(); e.step([0] * 7); e.close()'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


def test_without_robosuite_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name == 'robosuite' else found(name)
    )
    with pytest.raises(SimError, match=r'robosuite is not installed.*make robosuite'):
        make('robosuite_lift')


@pytest.mark.parametrize('version', ['3.2.7', '3.10.0', '4.0.0'])
def test_a_mujoco_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(mujoco, '__version__', version)
    with pytest.raises(SimError, match=rf'mujoco {version}; it does with 3.3 to 3.9'):
        make('robosuite_lift')


def test_another_robosuite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, 'version', lambda name: '1.4.1')
    with pytest.raises(SimError, match=r'robosuite 1.4.1 is installed.* 1.5.2'):
        make('robosuite_lift')


@pytest.mark.parametrize('name', ['robosuite_lift', 'robosuite_stack', 'robosuite_door_dense'])
def test_the_scripted_experts_succeed(name: str) -> None:
    scores = expert_scores(name, load_expert(name), 2, seed=11)
    assert scores.success == 1.0
    assert scores.returns.min() > 1
