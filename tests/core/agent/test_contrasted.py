"""Which frames the contrastive loss compares, by ``agent.contrastive_data``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from test_gradient_flow import build
from toy_world import DARK, expert_videos, random_videos, small_config, stacks_of

from claifo_core.agent.objective import contrasted
from claifo_core.agent.sample import Sample
from claifo_core.config import CONTRASTED
from claifo_core.errors import ClaifoError
from claifo_core.training.learner import Learner

B = 6
# Each stack names itself: whose it is (tens) and which (ones).
AGENT, EXPERT, OURS, THEIRS = (
    stacks_of((10 * whose + torch.arange(B)).byte().view(B, 1, 1, 1, 1).expand(B, 1, 3, 1, 1))
    for whose in range(1, 5)
)
SAMPLE = Sample(*(SimpleNamespace(obs=obs) for obs in (AGENT, EXPERT)), (OURS, THEIRS))


def rows(data: str) -> list[tuple[str, int, str, int]]:
    """Return role and name of both sides of every row."""
    sides = [
        [(role, int(stack)) for obs, role in parts for stack in obs.pictures()[:, 0, 0, 0, 0]]
        for parts in contrasted(data, SAMPLE, 'anchor')
    ]
    return [(*first, *second) for first, second in zip(*sides, strict=True)]


@pytest.mark.parametrize('data', CONTRASTED)
def test_as_many_batches_as_it_says(data):
    assert len(rows(data)) == CONTRASTED[data] * B
    assert len({(anchor, positive) for _, anchor, _, positive in rows(data)}) == len(rows(data))


@pytest.mark.parametrize('data', CONTRASTED)
def test_agent_and_expert_are_two_views_of_the_same_frames(data):
    own = [row for row in rows(data) if row[1] < 30]
    whose = {'agent': [1], 'agent+random': [1], 'random': []}.get(data, [1, 2])
    assert [row[1] for row in own] == [10 * k + i for k in whose for i in range(B)]
    assert all(row == ('anchor', row[1], 'contrastive', row[1]) for row in own)


@pytest.mark.parametrize('data', ['random', 'all'])
def test_random_pairs_cross_the_worlds_and_none_comes_twice(data):
    pairs = [(row[1], row[3]) for row in rows(data) if row[1] >= 30]
    assert all(row[0] == row[2] == 'raw' for row in rows(data) if row[1] >= 30)
    assert {frozenset((a // 10, b // 10)) for a, b in pairs} == {frozenset((3, 4))}
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == 2 * B
    for side in zip(*pairs, strict=True):
        assert sorted(side) == [30 + i for i in range(B)] + [40 + i for i in range(B)]


def test_the_agent_stands_beside_both_worlds():
    pairs = [(row[1], row[3]) for row in rows('agent+random') if row[1] >= 30]
    assert [a for a, _ in pairs] == [30 + i for i in range(B)]
    assert [b // 10 for _, b in pairs] == [4, 3] * (B // 2)
    assert all(a != b for a, b in pairs)


def test_draws_from_films_of_random_actions_are_not_changed():
    before = OURS.pictures(), THEIRS.pictures()
    for data in CONTRASTED:
        rows(data)
    assert OURS.pictures().equal(before[0]) and THEIRS.pictures().equal(before[1])


def test_random_frames_alone_train_the_encoder():
    agent = build(agent__contrastive_data='random')
    pictures = torch.randint(0, 256, (2, B, 2, 3, 16, 16), dtype=torch.uint8)
    stacks = [stacks_of(part) for part in pictures]
    ours = SimpleNamespace(obs=stacks[0])
    first, second = contrasted('random', Sample(ours, ours, tuple(stacks)))
    loss, _ = agent._objective.loss(agent._sight.graded(*first), agent._second(second))
    loss.backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in agent.networks.encoder.parameters())


def test_films_that_are_missing_or_too_short_are_told():
    config = small_config(agent__contrastive_data='all')
    with pytest.raises(ClaifoError, match='films of random actions of both worlds are needed'):
        Learner(config, 2, expert_videos(1))
    films = [random_videos(1, DARK), [video[:2] for video in random_videos(1, DARK)]]
    with pytest.raises(
        ClaifoError, match="random actions, the expert's world: episode 0 has 2 frames"
    ):
        Learner(config, 2, expert_videos(1), random=films)


def test_nothing_is_kept_of_films_that_no_method_needs():
    learner = Learner(small_config(), 2, expert_videos(1), random=[random_videos(1, DARK)] * 2)
    assert learner._random == [] and 'random' not in learner.rngs
