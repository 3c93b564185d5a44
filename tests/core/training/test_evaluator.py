"""Evaluation in a process of its own: results with their tags, and failures that are told."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import closing

import numpy as np
import pytest
from toy_world import DotWorld, Session, expert_videos, small_config

from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.evaluation import evaluate
from claifo_core.training.evaluator import Evaluator


class StillPolicy:
    """Counts what it is shown and does not move."""

    frame_stack, proprio_dim = 3, 0

    def __init__(self):
        self.seen: list[np.ndarray] = []

    def act(self, stack: np.ndarray, proprio: None) -> np.ndarray:
        self.seen.append(stack)
        return np.zeros((len(stack), 2), np.float32)


def test_stacks_and_true_returns_of_an_episode():
    policy, world = StillPolicy(), DotWorld(steps=4)
    result = evaluate(policy, world, [7])
    first, last = world.reset(seed=7)[0]['pixels'], policy.seen[-1]
    assert [stack.shape for stack in policy.seen] == [(1, 9, 16, 16)] * 4
    # The first stack repeats the first frame; a dot that stands still shows it for ever.
    still = np.stack([first.transpose(2, 0, 1)] * 3)
    for stack in (policy.seen[0], last):
        assert np.array_equal(stack.reshape(3, 3, 16, 16), still)
    assert result.returns == [pytest.approx(4 * world.step(np.zeros(2))[1])]


class Passing(DotWorld):
    """Succeeds in the second of its steps alone, in every other episode."""

    episode = 0

    def reset(self, *, seed: int | None = None):
        self.episode += 1
        return super().reset(seed=seed)

    def step(self, action):
        obs, reward, terminated, truncated, _ = super().step(action)
        success = self._step == 2 and self.episode % 2 == 0
        return obs, reward, terminated, truncated, {'success': success}


def test_an_episode_succeeds_when_any_of_its_steps_does():
    result = evaluate(StillPolicy(), Passing(steps=4), range(6))
    assert result.success_rate == 0.5
    summary = result.summary()
    assert summary['episodes'] == 6
    assert summary['return_mean'] == pytest.approx(sum(result.returns) / 6)
    assert summary['return_std'] == pytest.approx(np.std(result.returns))


def test_results_come_back_in_order_with_their_tags_and_failures_are_told(tmp_path):
    learner = Session(small_config(), expert_videos(1)).learner
    path = tmp_path / 'policy.safetensors'
    learner.policy().save(path)
    with closing(Evaluator(DotWorld, [1, 2])) as evaluator:
        for step in (0, 10):
            evaluator.submit(path, step=step)
        results = evaluator.results(wait_s=None)
        assert [result['step'] for result in results] == [0, 10]
        wanted = evaluate(Policy.load(path), DotWorld(), [1, 2]).returns
        np.testing.assert_allclose(results[0]['returns'], wanted, rtol=1e-4)
        assert results[0]['returns'] == results[1]['returns']
        assert evaluator.results() == []

        evaluator.submit(tmp_path / 'none.safetensors')
        with pytest.raises(ClaifoError, match=r'evaluation failed: .*no such policy file'):
            evaluator.results(wait_s=None)


def test_processes_share_the_episodes_and_change_nothing(tmp_path):
    path = tmp_path / 'policy.safetensors'
    Session(small_config(), expert_videos(1)).learner.policy().save(path)
    seeds = [5, 6, 7, 8, 9]
    with closing(Evaluator(DotWorld, seeds, processes=3)) as evaluator:
        assert len(multiprocessing.active_children()) == 3
        evaluator.submit(path)
        (result,) = evaluator.results(wait_s=None)
    wanted = evaluate(Policy.load(path), DotWorld(), seeds)
    np.testing.assert_allclose(result['returns'], wanted.returns, rtol=1e-4)
    assert result['episodes'] == 5
    assert len(set(np.round(result['returns'], 6))) > 1
    assert multiprocessing.active_children() == []


def test_a_process_that_was_killed_is_told(tmp_path):
    with closing(Evaluator(DotWorld, [1])) as evaluator:
        (process,) = multiprocessing.active_children()
        assert process.name == 'claifo-evaluator'
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with pytest.raises(ClaifoError, match=r'its process ended with exit code -9; run the'):
            evaluator.submit(tmp_path / 'policy.safetensors')
            evaluator.results(wait_s=None)
