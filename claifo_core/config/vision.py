"""Options of what an image goes through: the random look T, and the networks."""

from __future__ import annotations

from dataclasses import dataclass

from claifo_core.config.options import Section, option


@dataclass(frozen=True)
class AugmentConfig(Section):
    """The random look T that the latent space must not depend on."""

    kind: str = option(
        'brightness',
        'what T changes: brightness, color and full as the authors; generic, everything of color '
        'in wide ranges; auto, the colours of agent and expert and what lies between; shift',
        choices=('brightness', 'color', 'full', 'generic', 'auto', 'shift'),
    )
    apply: str = option(
        'CL-Q',
        'inputs that see T (the others see a random shift): contrastive (CL), critic (Q), '
        'discriminator (D)',
        choices=('CL-Q', 'CL-D', 'CL-only', 'everywhere', 'nowhere'),
    )
    draw: str = option(
        'batch',
        'one draw per batch and frame (batch, as the authors), or per sample and the same over '
        'the stack (sample)',
        choices=('batch', 'sample'),
    )
    brightness: tuple[float, float] = option((1.0, 4.0), 'range of the brightness factor', low=0)
    warp: float = option(
        0.0,
        'T also pulls the corners of the picture, by at most this share of its side: another '
        'viewpoint',
        low=0,
        high=0.25,
    )
    shift_px: int = option(4, 'largest random shift', unit='px', low=0, high=16)
    shift_too: bool = option(False, 'shift the images that see T as well')


@dataclass(frozen=True)
class NetworkConfig(Section):
    """Sizes of the networks (algorithm 1.2)."""

    channels: int = option(32, 'channels of every convolution', low=1)
    strides: tuple[int, ...] = option((2, 1, 1, 1), 'stride of each 3x3 convolution', low=1)
    views: str = option(
        'stacked',
        'pictures of several cameras: channels of one input (stacked), or one after the other '
        'through the same convolutions (shared)',
        choices=('stacked', 'shared'),
    )
    encoder: str = option(
        'drq',
        'body of the encoder: 3x3 convolutions (drq), a small residual network (impala), '
        'convolutions and the place of each feature (spatial_softmax), a small transformer (vit)',
        choices=('drq', 'impala', 'spatial_softmax', 'vit'),
    )
    projection: int = option(
        0, 'width of a head between latent and contrastive loss; 0: none', low=0
    )
    contrast: str = option(
        'latent',
        'what the contrastive loss compares: the latents, or the features before the linear '
        'layer, which then follows the critic alone',
        choices=('latent', 'features'),
    )
    latent_dim: int = option(50, 'dimension of the latent z', low=1)
    hidden_dim: int = option(1024, 'units in each hidden layer of the heads', low=1)
