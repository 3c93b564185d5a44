"""A reward less its mean ranks as before, and leaves values where they are."""

from __future__ import annotations

import pytest
import torch
from test_gradient_flow import B, batch, build
from toy_world import Session, small_config

from claifo_core.agent.sample import Sample

CENTRED = {'agent__centre_reward': True, 'agent__gan_loss': 'least_squares'}


@pytest.mark.parametrize('judge', [{}, {'agent__reward': 'imitation+env'}])
def test_the_reward_is_the_same_less_its_mean(judge: dict[str, object]) -> None:
    sample = Sample(batch(1), batch(2))
    rng = torch.Generator().manual_seed(7)
    ours, theirs = (list(torch.randn(2, B, 8, generator=rng)) for _ in range(2))
    agents = [build(agent__centre_reward=centred, **judge) for centred in (False, True)]
    (plain, told), (centred, told_too) = (
        agent._judge.imitate(sample, ours, theirs) for agent in agents
    )
    torch.testing.assert_close(centred, plain - plain.mean())
    assert told.keys() == told_too.keys()
    assert float(told['reward_mean']) == float(told_too['reward_mean'])


def test_values_stay_where_a_reward_of_one_sign_lets_them_rise() -> None:
    options = {**CENTRED, 'agent__contrastive': 'none', 'agent__learning_rate': 3e-3}
    found = {}
    for centred in (False, True):
        learner = Session(small_config(**{**options, 'agent__centre_reward': centred})).run(40)
        for _ in range(150):
            learner.learner.update()
        learner.learner.take_metrics()
        learner.learner.update()
        found[centred] = learner.learner.take_metrics()['q_mean']
    assert found[False] > 0.5
    assert abs(found[True]) < 0.3 * found[False]
