"""FLOP and bytes counted from the settings, against what PyTorch is really asked to do."""

from __future__ import annotations

import pytest
import torch
from synthetic import build
from torch import nn

from claifo.cost import Shape, bytes_moved, flop, is_counted
from claifo.cost.dry_run import (
    FlopCounter,
    TrafficCounter,
    flop_of_update,
    traffic_of_update,
)
from claifo.cost.flop import encoder_weights
from claifo_core.config import TrainConfig, settings
from claifo_core.config.methods import METHODS, method
from claifo_core.device.capture import forced

SMALL = {
    'device': 'cpu', 'env.size_px': 32, 'agent.batch_size': 8, 'network.channels': 4,
    'network.hidden_dim': 24, 'network.latent_dim': 10,
}  # fmt: skip
JOINT = {'agent.encoder_step': 'joint', 'augment.apply': 'everywhere'}


def small(**changes) -> TrainConfig:
    return settings.from_dict(settings.merge({}, SMALL | changes))


@pytest.mark.parametrize(
    ('changes', 'shape'),
    [
        ({}, Shape(6)),
        (method('laifo').overrides, Shape(6)),
        (JOINT, Shape(6)),
        (JOINT | {'agent.share_views': True, 'agent.gan_loss': 'least_squares'}, Shape(2)),
        ({'agent.contrastive': 'cosine', 'agent.penalty_on': 'logit'}, Shape(6)),
        (JOINT | {'agent.contrastive_data': 'expert', 'agent.penalty_weight': 0}, Shape(6)),
        (method('contrastive_all').overrides, Shape(6)),
        (JOINT | {'agent.contrastive_data': 'agent+random'}, Shape(6)),
        ({'network.strides': [2, 2], 'agent.n_step': 3}, Shape(6, views=2)),
        ({'network.views': 'shared', 'env.proprio': True}, Shape(6, views=2, proprio_dim=5)),
    ],
)
def test_flop_are_those_that_pytorch_counts(changes, shape):
    config = small(**changes)
    formula = sum(flop(config, shape).values())
    assert formula == counted(config, shape) == flop_of_update(config, shape)


def counted(config: TrainConfig, shape: Shape) -> int:
    """Return what PyTorch counts of a real update.

    On the way that a GPU takes there are no products of oneDNN, for which it has no formula.
    """
    learner = build(config, shape, 300)
    with forced(), FlopCounter() as counter:
        learner.update()
    return counter.flop


@pytest.mark.parametrize('name', METHODS)
def test_a_run_without_data_counts_what_a_real_one_does(name):
    online = {'agent.offline_updates': 0}  # the updates before them are others
    config = small(**{'env.frame_stack': 2, **METHODS[name].overrides, **online})
    assert flop_of_update(config, Shape(2)) == counted(config, Shape(2)) > 0


def test_an_update_of_the_paper_needs_320_gflop():
    assert sum(flop(TrainConfig(), Shape(6)).values()) == pytest.approx(319.6e9, rel=1e-3)


@pytest.mark.parametrize(
    'name',
    ['patchail', 'disentangail', 'byol', 'drqv2', 'laifo_mi', 'bisim', 'aug_warp', 'bc', 'vrl3'],
)
def test_what_is_not_counted_is_known(name):
    assert is_counted(small())
    assert not is_counted(small(**method(name).overrides))


def test_bytes_of_activations_are_inputs_and_outputs_of_the_layers():
    config = small(**method('laifo').overrides)
    x, passes = torch.zeros(1, 9, 32, 32), []
    for stride, width in zip(config.network.strides, (9, 4, 4, 4), strict=True):
        y = nn.Conv2d(width, 4, 3, stride)(x)
        passes.append((x.numel(), y.numel()))
        x = y
    passes.append((x.numel(), 10))
    forward, back = sum(a + b for a, b in passes), sum(2 * (a + b) for a, b in passes) - 9 * 32**2
    moved = bytes_moved(config, Shape(6))
    assert moved['activations'] == 4 * 8 * (6 * forward + back)
    half = bytes_moved(small(precision='bfloat16', **method('laifo').overrides), Shape(6))
    assert half['activations'] * 2 == moved['activations']


def test_bytes_of_frames_and_optimisers():
    config = small()
    networks = build(config, Shape(6), 300).agent.networks
    count = {
        name: sum(weight.numel() for weight in part.parameters() if weight.ndim > 1)
        for name, part in networks.modules().items()
    }
    assert encoder_weights(config, Shape(6)) == count['encoder']
    heads = count['actor'] + count['critic'] + count['discriminator']
    moved = bytes_moved(config, Shape(6))
    assert moved['optimiser'] == 28 * (2 * count['encoder'] + heads) + 12 * count['critic']
    frame = 3 * 32 * 32
    assert moved['gather'] == 2 * 2 * 8 * 4 * frame  # two batches, read and written, 4 frames each
    assert moved['views'] == 8 * 8 * 3 * frame * (1 + 4)  # eight encodes


def test_traffic_is_what_each_operation_reads_and_writes():
    conv = nn.Conv2d(3, 4, 3)
    image, column = torch.zeros(2, 3, 8, 8), torch.zeros(5, 1)
    with torch.no_grad(), TrafficCounter() as counter:
        image.add_(1)
        image.transpose(2, 3)[:, 1].detach()
        column.expand(5, 100).sum(1)
        conv(image)
    pixels, out, weight = 2 * 3 * 64, 2 * 4 * 36, 4 * 27
    # In and out; the column once and its sums; the bias is added where the convolution wrote.
    assert counter.moved == 4 * (2 * pixels + 5 + 5 + pixels + weight + 4 + 3 * out)
    assert counter.kernels == 4


def test_more_is_moved_than_if_every_stage_were_one_kernel():
    single, half = (small(precision=name) for name in ('float32', 'bfloat16'))
    found = [traffic_of_update(config, Shape(6))['moved'] for config in (single, half)]
    assert found[0] > found[1] > sum(bytes_moved(half, Shape(6)).values())
    assert found[0] > 2 * sum(bytes_moved(single, Shape(6)).values())
