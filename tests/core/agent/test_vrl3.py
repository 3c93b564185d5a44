"""VRL3: demonstrations first, then beside the agent's own steps."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch
from test_capture import WithoutHost
from test_checkpoint import assert_same, save
from test_cloning import error_of
from test_methods import options_of
from toy_world import DotVector, Session, expert_demonstrations, small_config, stacks_of

from claifo_core.agent.baselines.vrl3 import mixed
from claifo_core.data import Demonstration
from claifo_core.data.replay import Replay
from claifo_core.data.stacks import Stacks
from claifo_core.device import capture
from claifo_core.errors import ClaifoError
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.learner import Learner
from claifo_core.training.metrics import read_jsonl
from claifo_core.training.trainer import Trainer, World

OPTIONS = options_of('vrl3') | {'agent__offline_updates': 6}
VIDEOS, SHOWN = expert_demonstrations(3)


def learner(**options) -> Learner:
    return Learner(small_config(**{**OPTIONS, **options}), 2, VIDEOS, demonstrations=SHOWN)


def test_rewards_and_ends_of_demonstrations_are_those_of_their_steps():
    """Step k earns k + 1; three of them count, and nothing follows the second episode's end."""
    replay = Replay(30, 4, 1, stack=1, n_step=3, discount=0.9)
    for terminated in (False, True):
        grey = np.arange(8)[:, None, None, None] + 100 * terminated
        video = np.broadcast_to(grey, (8, 4, 4, 3)).astype(np.uint8)
        actions = np.zeros((7, 1), np.float32)
        rewards = np.arange(1, 8, dtype=np.float32)
        replay.add_video(video, shown=Demonstration(actions, rewards, terminated))
    found = replay.sample(300, torch.Generator().manual_seed(0))
    label = found.obs.pictures()[:, -1, 0, 0, 0].long()
    k, second = label % 100, label >= 100
    torch.testing.assert_close(found.reward, (k + 1) + 0.9 * (k + 2) + 0.81 * (k + 3))
    last = second & (k == 4)
    torch.testing.assert_close(found.discount, torch.where(last, 0.0, 0.9**3))
    assert last.any() and (~second & (k == 4)).any()


def test_the_first_updates_are_before_the_first_step():
    made = learner()
    assert made.owed == 6 and made.offline
    for _ in range(6):
        made.update()
    assert made.owed == 0 and not made.offline and made.steps == 0
    assert made.take_metrics()['conservative_loss'] > 0
    session = Session(small_config(**OPTIONS)).run(46)
    assert session.learner.updates == 6 + 4
    assert 'conservative_loss' not in session.learner.take_metrics()


def test_offline_updates_learn_from_what_the_expert_did_and_earned():
    results = []
    for sign, factor in ((1, 1), (-1, 1), (1, 3)):
        shown = [Demonstration(sign * s.actions, factor * s.rewards) for s in SHOWN]
        made = learner()
        made.take_expert(VIDEOS, shown)
        for _ in range(3):
            made.update()
        results.append(made.tensors()['critic.heads.0.0.weight'])
    assert not torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_demonstrations_alone_teach_it_to_act():
    """The first stage, in episodes that it has not seen."""
    made = learner(
        agent__offline_updates=500, agent__batch_size=64, agent__discount=0.9,
        augment__shift_px=0, network__channels=8, network__hidden_dim=64,
    )  # fmt: skip
    made.take_expert(*expert_demonstrations(60))
    assert error_of(made.policy()) > 0.9
    for _ in range(500):
        made.update()
    assert made.steps == 0 and error_of(made.policy()) < 0.5


def test_a_batch_is_drawn_as_from_one_memory():
    """93 frames of the expert beside 31 of the agent: three rows of four are the expert's."""
    made = learner(agent__offline_updates=0)
    batch = made.expert.sample(1, made.rngs['expert'])
    size = 4000
    ours, theirs = (
        type(batch)(**{
            name: stacks_of(torch.full((size, 2, 3, 4, 4), n, dtype=torch.uint8))
            if isinstance(value, Stacks)
            else torch.full((size, *value.shape[1:]), n, dtype=value.dtype)
            for name, value in vars(batch).items()
        })
        for n in (0, 1)
    )
    made.steps = 31
    made.replay.begin(0, VIDEOS[0][0])
    for frame in VIDEOS[0][1:4]:
        made.replay.append(0, np.zeros(2, np.float32), 0.0, frame)
    made._refresh()
    found = mixed(ours, theirs, made._share, torch.Generator().manual_seed(0))
    rows = found.reward
    assert float(rows.mean()) == pytest.approx(0.75, abs=0.03)
    for value in vars(found).values():
        value = value.pictures() if isinstance(value, Stacks) else value
        flat = value.flatten(1).float() if value.ndim > 1 else value[:, None]
        assert torch.equal(flat, rows[:, None].expand_as(flat))


@pytest.mark.parametrize('done', [0, 6])
def test_both_stages_need_nothing_of_the_host(done):
    made = Session(small_config(**OPTIONS)).run(40).learner if done else learner()
    with capture.forced():
        made.update()
        with WithoutHost():
            made._learn_once()


@pytest.mark.parametrize('before', [0, 3, 6])
def test_it_resumes_bit_for_bit_within_the_first_stage_too(tmp_path, before):
    whole = Session(small_config(**OPTIONS))
    for _ in range(before):
        whole.learner.update()
    save(whole, tmp_path)
    whole.run(52)
    resumed = Session(small_config(**OPTIONS))
    resumed.episodes = Checkpoint(tmp_path).load(resumed.learner)['episodes']
    assert resumed.learner.updates == before
    assert_same(resumed.run(52), whole)


def test_a_trainer_learns_offline_stops_on_request_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr('claifo_core.training.trainer._OFFLINE_PIECE', 2)
    config = small_config(**OPTIONS, steps=60, log_every=20, eval_every=60, checkpoint_every=60)
    world = World(
        solved_steps=0, single=None, control_hz=10.0, compared=dict,
        vector=lambda: DotVector(2),
    )  # fmt: skip
    for asked, updates in ((3, 3), (10**9, 6 + 10)):
        stops = iter(range(10**9))
        with closing(
            Trainer(config, tmp_path, world, VIDEOS, demonstrations=SHOWN, console=False)
        ) as trainer:
            end = trainer.run(lambda stops=stops, asked=asked: next(stops) >= asked)
            assert trainer.learner.updates == end['updates'] == updates
            assert bool(trainer.learner.steps) == (updates > 6)
    told = [r for r in read_jsonl(tmp_path / 'metrics.jsonl') if r['kind'] == 'train']
    assert [(r['step'], r['updates']) for r in told[:3]] == [(0, 2), (0, 4), (0, 6)]
    assert all(('conservative_loss' in r) == (r['step'] == 0) for r in told)
    assert told[-1]['step'] == 60


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        ({'expert__action_topic': ''}, 'expert.action_topic is empty; name the topic'),
        ({'expert__reward_topic': ''}, 'expert.reward_topic is empty; name the topic'),
        ({'agent__reward': 'imitation'}, 'agent.reward: env, not imitation'),
        ({'env__proprio': True}, 'leaves no place for env.proprio'),
        ({'agent__cloning': True}, 'leaves no place for agent.demonstrations'),
        ({'agent__demonstrations': False}, 'agent.offline_updates is 6; it needs'),
    ],
)
def test_options_that_contradict_it_are_refused(options, told):
    with pytest.raises(ClaifoError, match=told) as caught:
        small_config(**{**OPTIONS, **options})
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('rewards', [None, np.zeros(29, np.float32)])
def test_rewards_that_do_not_fit_are_refused(rewards):
    shown = [Demonstration(SHOWN[0].actions, rewards), *SHOWN[1:]]
    with pytest.raises(ClaifoError, match=r'there are \[(0|29), 30, 30\] rewards') as caught:
        learner().take_expert(VIDEOS, shown)
    assert '\n' not in str(caught.value)
