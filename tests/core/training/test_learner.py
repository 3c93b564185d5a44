"""The learner as its drivers see it: schedules, what it refuses, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_world import DotWorld, Session, expert_videos, small_config

from claifo_core.data.timestep import TimeStep
from claifo_core.errors import ClaifoError
from claifo_core.training.learner import Learner


def test_noise_falls_linearly_and_stays():
    options = {'agent__std_start': 1.0, 'agent__std_end': 0.2, 'agent__std_steps': 100}
    learner = Learner(small_config(**options), 2, expert_videos(1))
    found = []
    for learner.steps in (0, 25, 100, 5000):
        found.append(learner.std)
    assert found == pytest.approx([1.0, 0.8, 0.2, 0.2])


def test_updates_start_after_the_seed_steps_and_keep_their_ratio():
    learner = Learner(small_config(seed_steps=40, update_every=3), 2, expert_videos(1))
    due = {}
    for learner.steps in (0, 39, 40, 42, 43, 46, 100):
        due[learner.steps] = learner.owed
    assert due == {0: 0, 39: 0, 40: 1, 42: 1, 43: 2, 46: 3, 100: 21}
    learner.updates = 20
    assert learner.owed == 1
    learner.updates = 25
    assert learner.owed == 0


def test_first_actions_are_uniform():
    learner = Learner(small_config(uniform_steps=10_000), 2, expert_videos(1))
    actions = np.concatenate([learner.act() for _ in range(500)])
    assert actions.shape == (1000, 2) and actions.dtype == np.float32
    assert -1 <= actions.min() < -0.99 and 0.99 < actions.max() <= 1
    assert abs(actions.mean()) < 0.05 and actions.std() == pytest.approx(3**-0.5, abs=0.03)


def test_later_actions_follow_the_policy_with_the_scheduled_noise():
    session = Session(small_config(agent__std_start=0.0, agent__std_end=0.0)).run(60)
    learner = session.learner
    obs = learner.replay.latest()[0].numpy()
    wanted = learner.policy().act(obs.reshape(2, 6, 16, 16))
    np.testing.assert_allclose(learner.act(), wanted, atol=1e-5)


def test_one_seed_is_one_run():
    first, again, other = (
        Session(small_config(seed=seed), expert_videos(2)).run(80).learner for seed in (1, 1, 2)
    )
    for key, value in first.tensors().items():
        assert torch.equal(value, again.tensors()[key]), key
    weight = 'encoder.linear.weight'
    assert not torch.equal(first.tensors()[weight], other.tensors()[weight])


def test_metrics_are_means_since_they_were_taken():
    session = Session(small_config()).run(80)
    metrics = session.learner.take_metrics()
    shares = [
        'contrastive_accuracy', 'discriminator_expert', 'discriminator_agent',
        'discriminator_expert_accuracy', 'discriminator_agent_accuracy', 'reward_mean',
    ]  # fmt: skip
    assert all(0 <= metrics[name] <= 1 for name in shares)
    assert {'critic_loss', 'actor_loss', 'contrastive_loss', 'q_mean'} <= metrics.keys()
    assert session.learner.take_metrics() == {'action_std': session.learner.std}


def test_rates_fall_to_the_share_asked_for():
    """Adam's step is its rate times a number of order 1: no rate, no move."""
    moved = {}
    for share in (1.0, 0.0):
        session = Session(small_config(steps=100, agent__final_rate=share)).run(98)
        learner = session.learner
        before = learner.tensors()['actor.0.weight'].clone()
        learner.steps = 100
        learner.update()
        moved[share] = float((learner.tensors()['actor.0.weight'] - before).abs().max())
    assert moved[0.0] == 0.0
    assert moved[1.0] > 1e-5


@pytest.mark.parametrize(
    ('shapes', 'message'),
    [
        ([], 'no episode; at least one'),
        ([(20, 16, 16, 3), (20, 24, 24, 3)], r'episode 1 are \(24, 24, 3\).*\(16, 16, 3\)'),
        ([(20, 16, 16, 4)], r'episode 0 are \(16, 16, 4\)'),
        ([(20, 16, 16, 3), (2, 16, 16, 3)], 'episode 1 has 2 frames; at least 3'),
    ],
)
def test_expert_videos_that_do_not_fit_are_named(shapes, message):
    videos = [np.zeros(shape, np.uint8) for shape in shapes]
    with pytest.raises(ClaifoError, match=f'^expert: .*{message}'):
        Learner(small_config(), 2, videos)


def test_episodes_shorter_than_the_window_are_named():
    learner = Learner(small_config(agent__n_step=5), 2, expert_videos(1))
    frame = DotWorld().pixels()
    for _ in range(40):
        learner.observe(0, TimeStep(frame))
        learner.observe(0, TimeStep(frame, np.zeros(2, np.float32)))
    with pytest.raises(ClaifoError, match='no episode so far has 6 frames'):
        learner.update()


@pytest.mark.parametrize(
    ('network', 'loss'),
    [('encoder', 'contrastive_loss'), ('discriminator', 'discriminator_loss'),
     ('critic', 'critic_loss'), ('actor', 'actor_loss')],
)  # fmt: skip
def test_a_weight_that_is_not_a_number_stops_the_run(network, loss):
    session = Session(small_config()).run(60)
    with torch.no_grad():
        next(getattr(session.learner.agent.networks, network).parameters()).fill_(float('nan'))
    with pytest.raises(ClaifoError) as caught:
        session.learner.update()
    message = str(caught.value)
    assert '\n' not in message and 'nan' in message
    assert f'at step 60, update {session.learner.updates}' in message
    # The actor's error also shows in the critic's target, the encoder's wherever it goes.
    assert loss in message or network == 'actor'
    for part in ('frames mean', 'std', 'action max', 'imitation reward mean', 'q mean'):
        assert part in message


def test_an_exploding_loss_stops_the_run():
    session = Session(small_config()).run(60)
    with torch.no_grad():
        session.learner.agent.networks.critic.heads[0][-1].bias.fill_(1e6)
    with pytest.raises(ClaifoError, match=r'critic_loss is (1e\+12|9)'):
        session.learner.update()


def test_cuda_that_is_not_there_is_told():
    if torch.cuda.is_available():
        pytest.skip('there is a GPU')
    with pytest.raises(ClaifoError, match=r'device is cuda.*no GPU'):
        Learner(small_config(device='cuda'), 2, expert_videos(1))
