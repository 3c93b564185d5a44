"""Encoders to choose from: sizes, what they compute, and policy files."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from test_gradient_flow import batch
from torch import nn
from toy_world import Session, small_config

from claifo_core.agent.encoders import BODIES, Encoder
from claifo_core.config import NetworkConfig
from claifo_core.deploy import actors, contract, export
from claifo_core.policy import Policy

KINDS = ['drq', *BODIES]
SIZES = {'channels': 3, 'strides': (2, 1), 'latent_dim': 5, 'hidden_dim': 8}


def encoder(kind: str, size_px: int = 24, cameras: int = 1, **options) -> Encoder:
    config = NetworkConfig(**SIZES, encoder=kind, **options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder(config, 2, cameras, size_px)


def stacks(size_px: int = 24, cameras: int = 1, count: int = 4) -> torch.Tensor:
    rng = np.random.default_rng(0)
    shape = (count, 6 * cameras, size_px, size_px)
    return torch.from_numpy(rng.integers(0, 256, shape, np.uint8)).float()


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size_px', [16, 21, 40])
def test_latents_are_within_one_and_depend_on_every_picture(kind, size_px):
    net, images = encoder(kind, size_px), stacks(size_px)
    latent = net(images)
    assert latent.shape == (4, 5) and float(latent.detach().abs().max()) < 1
    for channel in range(6):
        moved = images.clone()
        moved[:, channel] = 255 - moved[:, channel]
        assert not torch.allclose(net(moved), latent, atol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('mode', ['stacked', 'shared'])
def test_plain_operations_give_the_same(kind, mode):
    """What an exported policy computes; also blocks of a few images at a time."""
    net = encoder(kind, cameras=2, views=mode)
    images = stacks(cameras=2)
    with torch.no_grad():
        torch.testing.assert_close(net(images), net.plain(images), atol=1e-5, rtol=0)


def test_spatial_softmax_is_the_mean_place_of_each_channel():
    net = encoder('spatial_softmax')
    *layers, last = net.body
    x = (stacks() / 255 - 0.5).double()
    for layer in layers:
        x = layer.double()(x)
    x = x.detach().numpy()
    size = x.shape[2]
    wanted = np.zeros((4, 2 * 3))
    for b, c in itertools.product(range(4), range(3)):
        share = np.exp(x[b, c]) / np.exp(x[b, c]).sum()
        line = np.linspace(-1, 1, size)
        wanted[b, 2 * c] = (share.sum(1) * line).sum()  # down
        wanted[b, 2 * c + 1] = (share.sum(0) * line).sum()  # to the right
    got = last(torch.tensor(x, dtype=torch.float32))
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def attention(block: nn.Module, x: np.ndarray, heads: int) -> np.ndarray:
    """Apply one block of a transformer to tokens (N, D), head by head."""

    def norm(layer: nn.LayerNorm, rows: np.ndarray) -> np.ndarray:
        centred = rows - rows.mean(1, keepdims=True)
        scaled = centred / np.sqrt(rows.var(1, keepdims=True) + 1e-5)
        return scaled * layer.weight.detach().numpy() + layer.bias.detach().numpy()

    def linear(layer: nn.Linear, rows: np.ndarray) -> np.ndarray:
        return rows @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()

    mixed = linear(block.inputs, norm(block.norms[0], x))
    width = x.shape[1] // heads
    seen = np.zeros_like(x)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        q, k, v = (mixed[:, n * x.shape[1] :][:, part] for n in range(3))
        score = np.exp(q @ k.T / np.sqrt(width))
        seen[:, part] = score / score.sum(1, keepdims=True) @ v
    x = x + linear(block.outputs, seen)
    hidden = torch.tensor(linear(block.tokenwise[0], norm(block.norms[1], x)))
    return x + linear(block.tokenwise[2], nn.functional.gelu(hidden).numpy())


def test_vit_block_is_attention_over_the_tokens_of_one_picture():
    body = encoder('vit').body.double()
    x = np.random.default_rng(1).normal(size=(2, 9, 12))
    got = body.blocks[0](torch.tensor(x)).detach()
    wanted = np.stack([attention(body.blocks[0], tokens, 4) for tokens in x])
    np.testing.assert_allclose(got, wanted, atol=1e-9)


def test_impala_halves_the_picture_three_times():
    body = encoder('impala', 21).body
    widths = [layer.out_channels for layer in body if isinstance(layer, nn.Conv2d)]
    assert widths == [3, 6, 6]
    with torch.no_grad():
        assert body(stacks(21)).shape == (4, 6 * 3 * 3)  # 21: 11, 6, 3


OPTIONS = pytest.mark.parametrize(
    'options', [{'network__encoder': kind} for kind in KINDS], ids=str
)


@OPTIONS
@pytest.mark.parametrize('form', export.SUFFIXES)
def test_exports_act_like_the_policy(tmp_path, options, form):
    policy = Session(small_config(**options)).learner.policy(control_hz=10.0)
    with torch.no_grad():
        policy.parts['actor'][-1].weight.mul_(3)
    path = tmp_path / f'policy{export.SUFFIXES[form]}'
    path.write_bytes(export.export(policy, contract.of_policy(policy.metadata), form))
    given = export.samples(policy.metadata, 5, seed=1)
    wanted = policy.act(*given)
    np.testing.assert_allclose(actors.load(path)[0].act(*given), wanted, atol=1e-5)
    assert np.std(wanted, 0).min() > 1e-4  # they depend on what is seen


@OPTIONS
def test_the_policy_file_acts_like_the_agent(tmp_path, options):
    learner = Session(small_config(**options)).run(44).learner
    learner.policy(control_hz=10.0).save(tmp_path / 'policy.safetensors')
    policy = Policy.load(tmp_path / 'policy.safetensors')
    obs = batch(0).obs
    wanted = learner.agent.act(obs.pictures(), torch.zeros(len(obs), 0), 0.0).numpy()
    np.testing.assert_allclose(policy.act(obs.pictures().flatten(1, 2).numpy()), wanted, atol=1e-5)
