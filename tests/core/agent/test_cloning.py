"""Behaviour cloning: what it takes of the expert, what it refuses, and that it learns to act."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_methods import options_of
from toy_world import BRIGHT, DotWorld, Session, expert_demonstrations, small_config

from claifo_core.data import Demonstration
from claifo_core.data.replay import Replay
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.learner import Learner


def clone(name: str = 'bc', **options) -> Learner:
    return Session(small_config(**{**options_of(name), **options})).run(40).learner


def error_of(policy: Policy) -> float:
    """Return its squared error over the expert's squared actions, in episodes of no film."""
    error, size = 0.0, 0.0
    for seed in range(70, 75):
        world = DotWorld(BRIGHT)
        stack = [world.reset(seed=seed)[0]['pixels']] * 2
        for _ in range(4):
            wanted = world.expert_action()
            obs = np.concatenate([frame.transpose(2, 0, 1) for frame in stack])[None]
            error += np.square(policy.act(obs)[0] - wanted).sum()
            size += np.square(wanted).sum()
            stack = [stack[1], world.step(wanted)[0]['pixels']]
    return error / size


def test_an_action_is_drawn_with_the_frames_it_was_taken_at():
    """Frame k of episode e is grey 20 e + k, and so is its action."""
    replay = Replay(30, 4, 1, stack=2, n_step=3)
    for episode, length in enumerate((9, 4, 12)):
        numbers = 20 * episode + np.arange(length)
        video = np.broadcast_to(numbers[:, None, None, None], (length, 4, 4, 3))
        taken = numbers[:-1, None].astype(np.float32)
        replay.add_video(video.astype(np.uint8), shown=Demonstration(taken))
    found = replay.sample(400, torch.Generator().manual_seed(0))
    assert torch.equal(found.action[:, 0], found.obs.pictures()[:, -1, 0, 0, 0].float())
    assert len(found.action.unique()) == 6 + 1 + 9


def test_it_does_what_the_expert_does():
    """In episodes that it has not seen, its mean action is close to the expert's."""
    options = {'agent__learning_rate': 3e-3, 'agent__batch_size': 64, 'augment__shift_px': 0,
               'network__channels': 8, 'network__hidden_dim': 64}  # fmt: skip
    learner = clone(**options)
    learner.take_expert(*expert_demonstrations(60))
    for _ in range(300):
        learner.update()
    assert error_of(learner.policy()) < 0.1


def test_the_actor_sees_t_where_it_is_told_to():
    """With T a factor of two, bc_aug learns from frames twice as bright as bc does."""
    for name, factor in (('bc', 1), ('bc_aug', 2)):
        learner = clone(name, augment__brightness=[2.0, 2.0], augment__shift_px=0)
        batch, seen = learner.expert.sample(8, learner.rngs['expert']), []
        learner.agent.networks.encoder.register_forward_pre_hook(
            lambda _, given, seen=seen: seen.append(given[0])
        )
        learner.agent.update(batch, batch, 0.1)
        wanted = (factor * batch.obs.pictures().float().flatten(1, 2)).clamp_max(255)
        torch.testing.assert_close(seen[0].reshape(wanted.shape), wanted)


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        ({'expert__action_topic': ''}, 'expert.action_topic is empty; name the topic'),
        ({'agent__contrastive': 'byol'}, 'leaves no place for agent.contrastive'),
        ({'agent__bisimulation': 0.5}, 'leaves no place for agent.bisimulation'),
        ({'env__proprio': True}, 'leaves no place for env.proprio'),
        (
            {'agent__hide_domain': True, 'agent__contrastive_data': 'expert'},
            'leaves no place for agent.hide_domain',
        ),
    ],
)
def test_options_that_contradict_it_are_refused(options, told):
    with pytest.raises(ClaifoError, match=told) as caught:
        small_config(**{**options_of('bc'), **options})
    assert '\n' not in str(caught.value)


VIDEOS, SHOWN = expert_demonstrations(2)
ACTIONS = [shown.actions for shown in SHOWN]


@pytest.mark.parametrize(
    ('actions', 'told'),
    [
        ([], 'actions are missing'),
        (ACTIONS[:1], r'actions are \[\(30, 2\)\]; \[\(30, 2\), \(30, 2\)\] are needed'),
        ([ACTIONS[0], ACTIONS[1][:-1]], r'\[\(30, 2\), \(29, 2\)\]'),
        ([taken[:, :1] for taken in ACTIONS], r'\[\(30, 1\), \(30, 1\)\]'),
    ],
)
def test_actions_that_do_not_fit_are_refused_and_the_others_kept(actions, told):
    learner = clone()
    before = learner.expert
    with pytest.raises(ClaifoError, match=told) as caught:
        learner.take_expert(VIDEOS, [Demonstration(taken) for taken in actions])
    assert '\n' not in str(caught.value)
    assert learner.expert is before


def test_films_without_actions_need_none():
    learner = Session(small_config()).learner
    assert learner.expert.action.shape[1] == 0
    learner.take_expert(VIDEOS, SHOWN)
    assert learner.expert.action.shape[1] == 2


def test_a_weight_that_is_not_a_number_stops_it_in_one_line():
    learner = clone()
    with torch.no_grad():
        learner.agent.networks.actor[0].weight.fill_(float('nan'))
    with pytest.raises(ClaifoError, match='cloning_loss is nan at step 40') as caught:
        learner.update()
    assert '\n' not in str(caught.value)
