"""Which step of the algorithm may change which weights, seen at every optimiser step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from toy_world import small_config, stacks_of

from claifo_core.agent import Agent, Augmenter, build_agent, build_networks, build_optimisers
from claifo_core.agent.optimisers import Adam
from claifo_core.data.replay import Batch

B = 6
NO_PROPRIO = torch.zeros(2, B, 0)
SHARED = {
    'agent__encoder_step': 'joint', 'agent__share_views': True, 'augment__apply': 'everywhere',
}  # fmt: skip


def build(*, offline: bool = False, **options) -> Agent:
    config = small_config(**options)
    networks = build_networks(
        config.network, frame_stack=2, size_px=16, action_dim=2, seed=1, agent=config.agent
    )
    return build_agent(
        networks, build_optimisers(networks, config.agent),
        Augmenter(config.augment, torch.Generator().manual_seed(2)),
        config, torch.Generator().manual_seed(3), offline=offline,
    )  # fmt: skip


def batch(seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    obs = torch.from_numpy(rng.integers(0, 256, (2, B, 2, 3, 16, 16), dtype=np.uint8))
    action = torch.from_numpy(rng.uniform(-1, 1, (B, 2)).astype(np.float32))
    return Batch(*map(stacks_of, obs), action, torch.zeros(B), torch.full((B,), 0.9), *NO_PROPRIO)


def after_step(optimiser: Adam, call: Callable[[], object]) -> None:
    """Do something after each step of an optimiser."""
    step = optimiser.step
    optimiser.step = lambda: (step(), call())


def weights(agent: Agent) -> dict[str, torch.Tensor]:
    """Return a copy of all weights by network."""
    networks = agent.networks
    parts = {'similarity': networks.similarity.detach().clone()}
    for name, module in networks.modules().items():
        parts[name] = torch.cat([p.detach().flatten() for p in module.parameters()])
    return parts


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def trace(agent: Agent, weights=weights) -> list[tuple[str, set[str]]]:
    """Return (optimiser, parts changed since the step before) for each step of an update.

    ``weights`` says which parts there are.
    """
    steps: list[tuple[str, set[str]]] = []
    last = weights(agent)

    def note(name: str) -> None:
        nonlocal last
        now = weights(agent)
        steps.append((name, changed(last, now)))
        last = now

    for name, optimiser in agent.optimisers.items():
        after_step(optimiser, lambda name=name: note(name))
    agent.update(batch(0), batch(1), 0.4, [batch(2).obs, batch(3).obs])
    note('end')
    return steps


CRITIC_TO_END = [
    ('encoder', {'encoder'}),
    ('critic', {'critic'}),
    ('actor', {'actor'}),
    ('end', {'target_critic'}),
]


def test_sequential_update():
    assert trace(build()) == [
        ('encoder', {'encoder', 'similarity'}),
        ('discriminator', {'discriminator'}),
        *CRITIC_TO_END,
    ]


def test_cosine_needs_no_similarity_matrix():
    assert trace(build(agent__contrastive='cosine'))[0] == ('encoder', {'encoder'})


def test_laifo_has_no_contrastive_step():
    assert trace(build(agent__contrastive='none')) == [
        ('discriminator', {'discriminator'}),
        *CRITIC_TO_END,
    ]


@pytest.mark.parametrize('options', [{'agent__encoder_step': 'joint'}, SHARED])
def test_joint_update_steps_the_encoder_once(options):
    assert trace(build(**options)) == [
        ('discriminator', {'discriminator'}),
        ('encoder', {'encoder', 'similarity'}),
        *CRITIC_TO_END[1:],
    ]


def test_joint_laifo_leaves_the_similarity_alone():
    steps = trace(build(agent__encoder_step='joint', agent__contrastive='none'))
    assert steps[1] == ('encoder', {'encoder'})


VARIANTS = pytest.mark.parametrize(
    'options',
    [{}, {'agent__contrastive': 'none'}, {'agent__encoder_step': 'joint'}, SHARED],
    ids=['sequential', 'LAIfO', 'joint', 'shared'],
)


def without(agent: Agent, *names: str) -> Agent:
    """Stop the named optimisers, so that only their gradients could still do something."""
    for name in names:
        getattr(agent.optimisers, name).rate = 0.0
    return agent


@VARIANTS
def test_the_discriminator_loss_never_reaches_the_encoder(options):
    """With D held still the expert's frames matter to nothing but D's own gradient."""
    results = []
    for expert in (1, 2):
        agent = without(build(**options), 'discriminator')
        agent.update(batch(0), batch(expert), 0.4)
        results.append(weights(agent))
    assert changed(*results) == set()


@VARIANTS
def test_the_actor_loss_never_reaches_encoder_or_critic(options):
    """Without bootstrapping the actor matters to nothing but its own gradient."""
    final = dataclasses.replace(batch(0), discount=torch.zeros(B))
    results = []
    for scale in (1.0, -0.5):
        agent = build(**options)
        with torch.no_grad():
            agent.networks.actor[-1].weight.mul_(scale)
        agent.update(final, batch(1), 0.4)
        results.append(weights(agent))
    assert changed(*results) == {'actor'}


@VARIANTS
def test_what_steps_nothing_changes_nothing(options):
    agent = without(build(**options), 'encoder', 'critic', 'actor', 'discriminator')
    before = weights(agent)
    agent.update(batch(0), batch(1), 0.4)
    assert changed(before, weights(agent)) == set()


def test_the_target_moves_by_tau_towards_the_critic():
    agent = build(agent__critic_tau=0.25)
    for _ in range(2):
        before = weights(agent)['target_critic']
        agent.update(batch(0), batch(1), 0.4)
        after = weights(agent)
        wanted = before + 0.25 * (after['critic'] - before)
        torch.testing.assert_close(after['target_critic'], wanted)
    assert not any(p.requires_grad for p in agent.networks.target_critic.parameters())
    assert all(p.requires_grad for p in agent.networks.critic.parameters())


def test_agent_rewards_and_expert_numbers_are_never_used():
    """No environment reward and no expert action may leak into what is learnt."""
    results = []
    for value in (0.0, 100.0):
        agent = build()
        ours = dataclasses.replace(batch(0), reward=torch.full((B,), value))
        theirs = dataclasses.replace(
            batch(1), reward=ours.reward, discount=ours.reward, action=torch.full((B, 2), value)
        )
        agent.update(ours, theirs, 0.4)
        results.append(weights(agent))
    assert changed(*results) == set()


def test_expert_frames_enter_the_contrastive_loss_only_on_request():
    """With contrastive_data: expert the anchors are agent and expert together."""
    results = {}
    for data in ('agent', 'expert'):
        for expert in (1, 2):
            agent = without(build(agent__contrastive_data=data), 'discriminator')
            metrics = agent.update(batch(0), batch(expert), 0.4)
            results[data, expert] = float(metrics['contrastive_loss'])
    assert results['agent', 1] == results['agent', 2]
    assert results['expert', 1] != results['expert', 2]


def test_acting_is_the_mean_plus_noise_within_bounds():
    agent = build()
    obs = batch(0).obs.pictures()
    mean = agent.act(obs, NO_PROPRIO[0], 0.0)
    assert torch.equal(mean, agent.act(obs, NO_PROPRIO[0], 0.0))
    noisy = torch.stack([agent.act(obs, NO_PROPRIO[0], 0.1) for _ in range(300)])
    inside = mean.abs() < 0.5
    assert inside.any()
    torch.testing.assert_close(noisy.mean(0)[inside], mean[inside], atol=0.03, rtol=0)
    torch.testing.assert_close(
        noisy.std(0)[inside], torch.full_like(mean, 0.1)[inside], atol=0.02, rtol=0
    )
    assert float(agent.act(obs, NO_PROPRIO[0], 2.0).abs().max()) < 1
