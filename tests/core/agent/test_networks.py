"""The networks: sizes of algorithm 1.2, initial weights, and the folded normalisation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from claifo_core.agent.networks import Encoder, Networks, build_networks
from claifo_core.config import NetworkConfig
from claifo_core.errors import ClaifoError


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope='module')
def paper() -> Networks:
    return build_networks(NetworkConfig(), frame_stack=3, size_px=64, action_dim=6, seed=0)


def test_parameter_counts_are_those_of_the_paper(paper):
    encoder = paper.encoder
    assert count(encoder.first) + count(encoder.rest) == 30_368
    assert count(encoder.linear) + count(encoder.norm) == 1_000_150
    assert count(paper.actor) == 1_107_974
    assert count(paper.critic) == count(paper.target_critic) == 2_217_986
    assert count(paper.discriminator) == 1_154_049
    assert paper.similarity.numel() == 2_500


def test_parameter_count_at_84_px():
    with torch.random.fork_rng(devices=[]):
        encoder = Encoder(NetworkConfig(), 3, 1, 84)
    assert count(encoder.linear) + count(encoder.norm) == 1_960_150


def linear_layers(networks: Networks) -> list[nn.Module]:
    modules = (networks.encoder, networks.actor, networks.critic, networks.discriminator)
    return [
        layer
        for module in modules
        for layer in module.modules()
        if isinstance(layer, (nn.Linear, nn.Conv2d))
    ]


def test_weights_start_orthogonal_and_biases_at_zero(paper):
    layers = linear_layers(paper)
    assert len(layers) == 5 + 3 + 6 + 3
    for layer in layers:
        matrix = layer.weight.detach().double().flatten(1)
        rows, columns = matrix.shape
        square = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
        gain = 2.0 if isinstance(layer, nn.Conv2d) else 1.0
        wanted = gain * torch.eye(min(rows, columns), dtype=torch.float64)
        torch.testing.assert_close(square, wanted, atol=1e-4, rtol=0)
        assert not layer.bias.any()
    assert bool((paper.encoder.norm.weight == 1).all())
    assert not paper.encoder.norm.bias.any()


def test_the_similarity_starts_uniform(paper):
    w = paper.similarity.detach()
    assert 0 <= float(w.min()) < 0.01 and 0.99 < float(w.max()) < 1
    assert float(w.mean()) == pytest.approx(0.5, abs=4 / math.sqrt(12 * 2500))


def test_the_target_critic_starts_as_a_copy_that_is_not_trained(paper):
    pairs = zip(paper.critic.parameters(), paper.target_critic.parameters(), strict=True)
    for ours, theirs in pairs:
        assert torch.equal(ours, theirs) and ours is not theirs
        assert not theirs.requires_grad


SMALL = NetworkConfig(channels=5, strides=(2, 1, 2), latent_dim=7, hidden_dim=11)


def small(seed: int) -> Networks:
    return build_networks(SMALL, frame_stack=2, size_px=21, action_dim=3, seed=seed)


def test_the_encoder_is_the_straightforward_one():
    """x / 255 - 0.5, convolutions, flatten, linear, LayerNorm, tanh: in that order, unfused."""
    encoder = small(3).encoder
    with torch.no_grad():
        for bias in (p for p in encoder.parameters() if p.ndim == 1):
            bias.add_(0.1 * torch.randn(bias.shape, generator=torch.Generator().manual_seed(0)))
    images = torch.randint(256, (4, 6, 21, 21), generator=torch.Generator().manual_seed(1))
    x = images.double() / 255 - 0.5
    for layer in (encoder.first, encoder.rest[0], encoder.rest[2]):
        x = torch.relu(nn.functional.conv2d(
            x, layer.weight.double(), layer.bias.double(), stride=layer.stride
        ))
    # Flattened pixel by pixel: channels vary fastest.
    x = torch.stack([x[:, :, i, j] for i in range(x.shape[2]) for j in range(x.shape[3])], 1)
    x = x.flatten(1) @ encoder.linear.weight.double().T + encoder.linear.bias.double()
    x = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
    wanted = torch.tanh(x * encoder.norm.weight.double() + encoder.norm.bias.double())
    got = encoder(images.float())
    assert got.shape == (4, 7)
    torch.testing.assert_close(got.double(), wanted, atol=2e-5, rtol=0)


def test_the_encoder_does_not_change_its_input():
    images = torch.rand(2, 6, 21, 21) * 255
    kept = images.clone()
    small(0).encoder(images)
    assert torch.equal(images, kept)


def test_both_critics_see_latent_and_action():
    networks = small(1)
    z, a = torch.rand(3, 7), torch.rand(3, 3)
    q1, q2 = networks.critic(z, a)
    assert q1.shape == q2.shape == (3,)
    assert not torch.equal(q1, q2)
    for moved in (networks.critic(z + 0.1, a), networks.critic(z, a + 0.1)):
        assert not torch.equal(moved[0], q1) and not torch.equal(moved[1], q2)


def test_one_seed_gives_one_set_of_networks_and_disturbs_no_other_stream():
    torch.manual_seed(9)
    state = torch.get_rng_state()
    first, again, other = small(4), small(4), small(5)
    assert torch.equal(torch.get_rng_state(), state)
    for name, module in first.modules().items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, getattr(again, name).state_dict()[key])
    assert torch.equal(first.similarity, again.similarity)
    assert not torch.equal(first.encoder.first.weight, other.encoder.first.weight)
    heads = [np.asarray(head[0].weight.detach()) for head in first.critic.heads]
    assert not np.array_equal(*heads)


def test_strides_that_leave_no_pixel_are_named():
    config = NetworkConfig(strides=(2, 2, 2, 2))
    with pytest.raises(ClaifoError, match=r'strides \(2, 2, 2, 2\).*size_px'):
        build_networks(config, frame_stack=3, size_px=16, action_dim=2, seed=0)


def test_many_images_are_encoded_as_few():
    """How images are grouped in memory is of no consequence."""
    encoder = small(2).encoder
    images = torch.rand(2500, 6, 21, 21, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        parts = torch.cat([encoder(part) for part in images.split(7)])
        torch.testing.assert_close(encoder(images), parts, atol=1e-5, rtol=0)


@pytest.mark.parametrize('size', ['small', 'paper'])
def test_second_derivatives_of_the_heads(size, paper):
    """What the gradient penalty needs, against plain products in float64."""
    head = small(6).discriminator if size == 'small' else paper.discriminator
    layers = [layer for layer in head if isinstance(layer, nn.Linear)]
    points = torch.rand(9, layers[0].in_features, generator=torch.Generator().manual_seed(0))

    def plain(x: torch.Tensor) -> torch.Tensor:
        for layer in layers[:-1]:
            x = torch.relu(x @ layer.weight.double().T + layer.bias.double())
        return x @ layers[-1].weight.double().T + layers[-1].bias.double()

    found = []
    for judge, inputs in ((head, points), (plain, points.double())):
        x = inputs.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(judge(x).sigmoid().sum(), x, create_graph=True)
        penalty = (gradient.norm(dim=1) - 1).square().mean()
        weights = torch.autograd.grad(penalty, [layer.weight for layer in layers])
        found.append([gradient.detach().double(), *weights])
    for ours, theirs in zip(*found, strict=True):
        scale = float(theirs.abs().max())
        torch.testing.assert_close(ours, theirs, atol=1e-4 * scale, rtol=0, check_dtype=False)


def test_gradients_of_the_large_linear_layer(paper):
    """Of the encoder's 20 000 inputs, against plain products in float64."""
    layer, rng = paper.encoder.linear, torch.Generator().manual_seed(0)
    rows, back = torch.rand(6, 20_000, generator=rng), torch.rand(6, 50, generator=rng)
    x = rows.clone().requires_grad_(True)
    out = layer(x)
    gradients = torch.autograd.grad((out * back).sum(), [x, layer.weight, layer.bias])
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    rows, back = rows.double(), back.double()
    wanted = [rows @ weight.T + bias, back @ weight, back.T @ rows, back.sum(0)]
    for ours, theirs in zip([out.detach(), *gradients], wanted, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-4, rtol=1e-4)
