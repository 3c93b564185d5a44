"""Which weights each other method changes, step by step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import test_gradient_flow
import torch
from test_gradient_flow import CRITIC_TO_END, B, after_step, batch, build, changed, without

from claifo_core.agent import Agent
from claifo_core.config.methods import METHODS

PARTED = ('discriminator', 'heads', 'information')


def method(name: str, **options) -> Agent:
    overrides = {key.replace('.', '__'): value for key, value in METHODS[name].overrides.items()}
    return build(**{**overrides, **options})


def weights(agent: Agent) -> dict[str, torch.Tensor]:
    """Return a copy of all weights and buffers, by network and by part of judge and heads."""
    networks = agent.networks
    parts = {'similarity': networks.similarity.detach().clone()}
    for name, module in networks.modules().items():
        for key, value in module.state_dict().items():
            part = key.split('.')[0] if name in PARTED else ''
            part = '' if part.isdigit() else part
            parts.setdefault(f'{name}.{part}'.rstrip('.'), []).append(value.flatten())
    return {k: torch.cat(v) if isinstance(v, list) else v for k, v in parts.items()}


def trace(agent: Agent) -> list[tuple[str, set[str]]]:
    return test_gradient_flow.trace(agent, weights)


def test_patchail_trains_its_discriminator_on_pixels():
    assert trace(method('patchail')) == [
        ('discriminator', {'discriminator.layers'}),
        ('encoder', {'encoder', 'discriminator.scale'}),  # set once, after the step
        *CRITIC_TO_END[1:],
    ]


@pytest.mark.parametrize('name', ['disentangail', 'disentangail_faithful'])
def test_disentangail(name):
    """Statistics first; then discriminator and preprocessor, which the authors never train."""
    faithful = name.endswith('faithful')
    trained = {'discriminator.discriminator'} | (
        set() if faithful else {'discriminator.preprocessor'}
    )
    assert trace(method(name)) == [
        ('discriminator', {'discriminator.statistics', 'discriminator.log_average'}),
        ('discriminator', trained),
        ('encoder', {'encoder', 'discriminator.weight'}),
        *CRITIC_TO_END[1:],
    ]


def test_disentangail_also_hides_the_domain_of_random_actions():
    assert trace(method('disentangail_random')) == [
        ('discriminator', {'discriminator.statistics', 'discriminator.log_average'}),
        ('discriminator', {'discriminator.statistics', 'discriminator.log_average'}),
        ('discriminator', {'discriminator.discriminator', 'discriminator.preprocessor'}),
        ('encoder', {'encoder', 'discriminator.weight', 'discriminator.multiplier'}),
        *CRITIC_TO_END[1:],
    ]


def test_byol_trains_encoder_and_heads_and_its_target_follows():
    assert trace(method('byol')) == [
        ('encoder', {'encoder', 'heads.projector', 'heads.predictor'}),
        ('discriminator', {'heads.target', 'discriminator'}),
        *CRITIC_TO_END,
    ]


def test_byol_has_one_plain_view_only_where_it_is_to_be_faithful():
    for name, plain in (('byol', 0), ('byol_faithful', 1)):
        agent = method(name, augment__brightness=[2.0, 2.0])
        seen: list[torch.Tensor] = []
        loss = agent._objective.loss
        agent._objective.loss = lambda *views, loss=loss, seen=seen: (
            seen.extend(view.images for view in views) or loss(*views)
        )
        agent.update(batch(0), batch(1), 0.4)
        raw = batch(0).obs.pictures().float().flatten(1, 2)
        assert [torch.equal(view, raw) for view in seen] == [plain, 0]


def test_the_slow_copy_moves_by_a_hundredth():
    agent = method('byol', agent__learning_rate=0.1)
    before = agent.networks.heads.target[0].linear.weight.clone()
    assert torch.equal(before, agent.networks.encoder.linear.weight)
    without(agent, 'critic')
    seen = []
    after_step(
        agent.optimisers.encoder,
        lambda: seen.append(agent.networks.encoder.linear.weight.detach().clone()),
    )
    agent.update(batch(0), batch(1), 0.4)
    wanted = before + 0.01 * (seen[0] - before)
    torch.testing.assert_close(agent.networks.heads.target[0].linear.weight, wanted)


def test_projection_head_is_trained_with_the_contrastive_loss():
    assert trace(method('projection'))[0] == ('encoder', {'encoder', 'similarity', 'heads'})


@pytest.mark.parametrize('step', ['sequential', 'joint'])
def test_features_are_compared_and_the_linear_layer_follows_the_critic_alone(step):
    agent = method('flat_features', agent__encoder_step=step, agent__critic_gradient=False)
    encoder, matrix = agent.networks.encoder, agent.networks.similarity
    assert matrix.shape == 2 * (encoder.linear.in_features,)
    seen: list[torch.Tensor] = []
    loss = agent._objective.loss
    agent._objective.loss = lambda *views: seen.extend(views) or loss(*views)
    before = {name: weight.detach().clone() for name, weight in encoder.named_parameters()}
    start = matrix.detach().clone()
    told = agent.update(batch(0), batch(1), 0.4)
    logits = (seen[0].features @ start @ seen[1].features.T).detach().double().numpy()
    picked = logits - np.log(np.exp(logits - logits.max()).sum(1, keepdims=True)) - logits.max()
    assert float(told['contrastive_loss']) == pytest.approx(-np.mean(np.diag(picked)), rel=1e-4)
    moved = {name for name, was in before.items() if not was.equal(encoder.state_dict()[name])}
    assert moved == {name for name in before if name.startswith(('first', 'rest'))}
    assert not start.equal(matrix)


@pytest.mark.parametrize('joint', [False, True])
def test_without_the_critic_gradient_the_encoder_is_independent_of_rewards(joint):
    step = {'agent__encoder_step': 'joint'} if joint else {}
    results = []
    for value in (0.0, 5.0):
        agent = method('no_critic_gradient', agent__reward='imitation+env', **step)
        ours = dataclasses.replace(batch(0), reward=torch.full((B,), value))
        before = weights(agent)
        agent.update(ours, batch(1), 0.4)
        results.append(weights(agent))
        assert 'encoder' in changed(before, results[-1])
    assert 'critic' in changed(*results)
    assert not {'encoder', 'similarity'} & changed(*results)


def test_the_oracle_trains_no_discriminator_and_sees_no_expert():
    agent = method('drqv2')
    assert trace(agent) == CRITIC_TO_END
    results = []
    for expert in (1, 2):
        agent = method('drqv2')
        agent.update(batch(0), batch(expert), 0.4)
        results.append(weights(agent))
    assert changed(*results) == set()


def test_the_oracle_learns_the_true_reward():
    results = []
    for value in (0.0, 1.0):
        agent = method('drqv2')
        reward = torch.full((B,), value)
        agent.update(dataclasses.replace(batch(0), reward=reward), batch(1), 0.4)
        results.append(weights(agent))
    assert {'encoder', 'critic'} <= changed(*results)


def test_the_judge_of_disentangail_never_reaches_the_shared_encoder():
    """With the judge held still the expert's frames matter to nothing but its own statistics."""
    results = []
    for expert in (1, 2):
        agent = without(method('disentangail'), 'discriminator')
        agent.update(batch(0), batch(expert), 0.4)
        results.append(weights(agent))
    assert changed(*results) <= {'discriminator.log_average', 'discriminator.weight'}


STATISTICS = ('discriminator', {'information.statistics', 'information.log_average'})


@pytest.mark.parametrize(
    ('name', 'trained', 'after'),
    [
        ('laifo_mi', set(), set()),
        ('claifo_mi', {'similarity'}, set()),
        ('byol_mi', {'heads.projector', 'heads.predictor'}, {'heads.target'}),
    ],
)
def test_the_encoder_that_hides_the_domain(name, trained, after):
    """Statistics first, then the encoder on both losses; the judge is trained as ever."""
    encoder = {'encoder', 'information.weight', *trained}
    assert trace(method(name)) == [
        STATISTICS,
        ('encoder', encoder),
        ('discriminator', {'discriminator', *after}),
        *CRITIC_TO_END,
    ]
    assert trace(method(name, agent__encoder_step='joint')) == [
        ('discriminator', {'discriminator'}),
        STATISTICS,
        ('encoder', encoder),
        ('critic', {'critic'}),
        ('actor', {'actor', *after}),
        *CRITIC_TO_END[3:],
    ]


def test_hiding_the_domain_needs_no_judge():
    assert trace(method('laifo_mi', agent__reward='env')) == [
        STATISTICS, ('encoder', {'encoder', 'information.weight'}), *CRITIC_TO_END,
    ]  # fmt: skip


def test_only_the_bound_tells_the_encoder_of_the_expert():
    """With the judge held still, the expert reaches the encoder of LAIfO by this loss alone."""
    for name, told in (('laifo', False), ('laifo_mi', True)):
        results = []
        for expert in (1, 2):
            agent = without(method(name), 'discriminator')
            agent.update(batch(0), batch(expert), 0.4)
            results.append(weights(agent))
        assert ('encoder' in changed(*results)) == told


BISIM_TO_END = [('encoder', {'encoder', 'transition'}), *CRITIC_TO_END[1:]]


def test_bisimulation_trains_the_encoder_and_its_model_in_the_step_of_the_critic():
    assert trace(method('bisim')) == [('discriminator', {'discriminator'}), *BISIM_TO_END]
    assert trace(method('bisim', agent__contrastive='bilinear')) == [
        ('encoder', {'encoder', 'similarity'}),
        ('discriminator', {'discriminator'}),
        *BISIM_TO_END,
    ]
    assert trace(method('bisim', agent__reward='env')) == BISIM_TO_END


def test_bisimulation_looks_as_far_ahead_as_the_critic():
    """The loss is of the reward that the critic learns, n steps on."""
    agent = method('bisim', agent__reward='env', agent__env_reward_scale=3.0, agent__n_step=2)
    seen = []
    (auxiliary,) = agent._auxiliaries
    loss = auxiliary.loss
    auxiliary.loss = lambda *given: seen.append(given[0]) or loss(*given)
    ours = dataclasses.replace(batch(0), reward=torch.arange(float(B)))
    agent.update(ours, batch(1), 0.4)
    assert torch.equal(seen[0].reward, 3 * torch.arange(float(B)))
    assert torch.equal(seen[0].action, ours.action)
    assert auxiliary._discount == pytest.approx(0.99**2)


def test_cloning_trains_encoder_and_actor_and_nothing_else():
    for name in ('bc', 'bc_aug'):
        assert trace(method(name)) == [
            ('encoder', {'encoder'}), ('actor', {'actor'}), ('end', set()),
        ]  # fmt: skip


def test_cloning_learns_from_actions_of_the_expert_and_from_nothing_of_the_agent():
    results = []
    for ours, value in ((0, 0.5), (2, 0.5), (2, -0.5)):
        agent = method('bc')
        theirs = dataclasses.replace(batch(1), action=torch.full((B, 2), value))
        agent.update(batch(ours), theirs, 0.4)
        results.append(weights(agent))
    assert changed(*results[:2]) == set()
    assert changed(*results[1:]) == {'encoder', 'actor'}


def test_vrl3_steps_what_drqv2_steps_in_both_stages():
    assert trace(method('vrl3')) == CRITIC_TO_END
    assert trace(method('vrl3', offline=True)) == CRITIC_TO_END


def test_the_conservative_loss_moves_encoder_and_critic_and_never_the_actor():
    """Without bootstrapping the actor's weights matter to the actions that are held low alone."""
    results = []
    for offline in (False, True):
        agent = without(method('vrl3', offline=offline), 'actor')
        agent.update(batch(0), batch(1), 0.4)
        results.append(weights(agent))
    assert changed(*results) == {'encoder', 'critic', 'target_critic'}
