"""From image stacks to latents: the convolutions of DrQ-v2, and other bodies to compare with."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from claifo_core.agent.layers import Linear, convolve_relu, plain_linear
from claifo_core.device.capture import recordable
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from claifo_core.config import NetworkConfig

# So many numbers (4 MB) of the first layer's output at a time keep the convolutions in a CPU's
# caches.
_BLOCK_NUMBERS = 1 << 20


class Encoder(nn.Module):
    """Image stack to latent: a body, linear, LayerNorm, tanh; by default 3x3 convolutions."""

    def __init__(self, config: NetworkConfig, stack: int, views: int, size_px: int) -> None:
        """Build for stacks of ``stack`` frames of ``views`` cameras, ``size_px`` squared each."""
        super().__init__()
        self.views = views
        self._apart = views if config.views == 'shared' else 1
        in_channels = 3 * stack * views // self._apart
        self.body: nn.Module | None = None
        if config.encoder == 'drq':
            features = self._build_convolutions(config, in_channels, size_px)
        else:
            self.body, features = BODIES[config.encoder](config, in_channels, size_px)
            self._activations = config.channels * size_px**2
        self.linear = Linear(features * self._apart, config.latent_dim)
        self.norm = nn.LayerNorm(config.latent_dim)

    def _build_convolutions(self, config: NetworkConfig, in_channels: int, size_px: int) -> int:
        widths = [in_channels] + [config.channels] * len(config.strides)
        self.first = nn.Conv2d(widths[0], widths[1], 3, config.strides[0])
        self.rest = nn.Sequential(*_conv_layers(widths[1:], config.strides[1:]))
        sizes = conv_sizes(config, size_px)
        self._activations = config.channels * sizes[1] ** 2
        return config.channels * sizes[-1] ** 2

    def forward(self, images: Tensor) -> Tensor:
        """Encode.

        Args:
            images: float32 in 0..255, shape (B, T V 3, H, W), camera after camera in each frame.

        Returns:
            Latent z in (-1, 1), shape (B, latent_dim).
        """
        return self.latent(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return what the linear layer sees of images, as :meth:`forward` takes them: (B, F)."""
        images = self._arrange(images)
        body = self._convolutions() if self.body is None else self._embody
        step = len(images) if recordable(images) else _BLOCK_NUMBERS // self._activations
        features = [body(block) for block in images.split(max(step, 1))]
        return self._joined(features[0] if len(features) == 1 else torch.cat(features))

    def latent(self, features: Tensor) -> Tensor:
        """Return the latent of :meth:`features`."""
        return self._latent(features, Linear.__call__)

    def plain(self, images: Tensor) -> Tensor:
        """Encode by ordinary operations alone, which every runtime has; as :meth:`forward`."""
        images = self._arrange(images) / 255 - 0.5
        if self.body is not None:
            features: Tensor = self.body(images)
        else:
            convolved: Tensor = self.rest(torch.relu(self.first(images)))
            features = convolved.permute(0, 2, 3, 1).flatten(1)
        return self._latent(self._joined(features), plain_linear)

    def _arrange(self, images: Tensor) -> Tensor:
        if self._apart > 1:
            images = images.unflatten(1, (-1, self._apart, 3)).transpose(1, 2)
            images = images.flatten(2, 3).flatten(0, 1)
        return images

    def _joined(self, features: Tensor) -> Tensor:
        """Put the features of a stack's cameras together where they came one by one."""
        return features.unflatten(0, (-1, self._apart)).flatten(1) if self._apart > 1 else features

    def _latent(self, features: Tensor, apply: Callable[[Linear, Tensor], Tensor]) -> Tensor:
        latent: Tensor = torch.tanh(self.norm(apply(self.linear, features)))
        return latent

    def _embody(self, images: Tensor) -> Tensor:
        assert self.body is not None
        features: Tensor = self.body(images.float() / 255 - 0.5)
        return features

    def _convolutions(self) -> Callable[[Tensor], Tensor]:
        """Return what convolves images in 0..255."""
        weight, bias, stride = _parts(self.first)
        # x / 255 - 0.5 folded into the first layer: one pass over the images less.
        shifted = bias - 0.5 * weight.sum((1, 2, 3))
        first = weight / 255, shifted, stride
        rest = [_parts(layer) for layer in self.rest if isinstance(layer, nn.Conv2d)]

        def convolve(images: Tensor) -> Tensor:
            x = images.contiguous(memory_format=torch.channels_last)
            for layer in (first, *rest):
                x = convolve_relu(x, *layer)
            # The memory order of channels_last is (H, W, C): flattening in it costs no copy.
            return x.permute(0, 2, 3, 1).flatten(1)

        return convolve


def _parts(layer: nn.Conv2d) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    assert layer.bias is not None
    return layer.weight, layer.bias, layer.stride


def conv_sizes(config: NetworkConfig, size_px: int) -> list[int]:
    """Return the side of the picture before and after each 3x3 convolution, in pixels.

    Raises:
        ClaifoError: nothing of the picture is left.
    """
    sizes = [size_px]
    for stride in config.strides:
        sizes.append((sizes[-1] - 3) // stride + 1)
    if sizes[-1] < 1:
        raise ClaifoError(
            f'network.strides {config.strides} leave no pixel of the frame; use fewer layers '
            'or a larger env.size_px'
        )
    return sizes


def _conv_layers(widths: list[int], strides: tuple[int, ...]) -> Iterator[nn.Module]:
    for i, stride in enumerate(strides):
        yield nn.Conv2d(widths[i], widths[i + 1], 3, stride)
        yield nn.ReLU(inplace=True)


class _Residual(nn.Module):
    """Two 3x3 convolutions whose result is added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.convs
        added: Tensor = x + second(torch.relu(first(torch.relu(x))))
        return added


def _impala(config: NetworkConfig, in_channels: int, size_px: int) -> tuple[nn.Module, int]:
    """Return the residual network of IMPALA (arXiv 1802.01561): three stages."""
    layers: list[nn.Module] = []
    widths = [in_channels, config.channels, 2 * config.channels, 2 * config.channels]
    for before, width in itertools.pairwise(widths):
        layers += [
            nn.Conv2d(before, width, 3, padding=1), nn.MaxPool2d(3, 2, 1),
            _Residual(width), _Residual(width),
        ]  # fmt: skip
        size_px = (size_px + 1) // 2
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten()), widths[-1] * size_px**2


class _SpatialSoftmax(nn.Module):
    """Where in the picture each channel is strongest (arXiv 1504.00702): 2 numbers a channel."""

    def __init__(self, size_px: int) -> None:
        super().__init__()
        line = torch.linspace(-1, 1, size_px)
        places = torch.stack(torch.meshgrid(line, line, indexing='ij')).flatten(1).T
        self.register_buffer('places', places.contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self.places, Tensor)
        points: Tensor = torch.softmax(x.flatten(2), 2) @ self.places
        return points.flatten(1)


def _spatial_softmax(
    config: NetworkConfig, in_channels: int, size_px: int
) -> tuple[nn.Module, int]:
    widths = [in_channels] + [config.channels] * len(config.strides)
    sizes = conv_sizes(config, size_px)
    convolutions = list(_conv_layers(widths, config.strides))[:-1]  # the last one without ReLU
    return nn.Sequential(*convolutions, _SpatialSoftmax(sizes[-1])), 2 * config.channels


class _Attention(nn.Module):
    """A block of a transformer: self-attention, then a layer on each token (norms first)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.inputs, self.outputs = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.tokenwise = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.norms
        parts = self.inputs(first(x)).unflatten(2, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = x + self.outputs(seen.transpose(1, 2).flatten(2))
        added: Tensor = x + self.tokenwise(second(x))
        return added


class _Vit(nn.Module):
    """A small vision transformer (arXiv 2010.11929) on patches of 8 pixels; the mean token."""

    PATCH_PX, HEADS, BLOCKS = 8, 4, 3

    def __init__(self, in_channels: int, width: int, size_px: int) -> None:
        super().__init__()
        tokens = (size_px // self.PATCH_PX) ** 2
        self.patches = nn.Conv2d(in_channels, width, self.PATCH_PX, self.PATCH_PX)
        self.places = nn.Parameter(torch.randn(1, tokens, width) / math.sqrt(width))
        self.blocks = nn.Sequential(*(_Attention(width, self.HEADS) for _ in range(self.BLOCKS)))
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.places
        mean: Tensor = self.norm(self.blocks(tokens)).mean(1)
        return mean


def _vit(config: NetworkConfig, in_channels: int, size_px: int) -> tuple[nn.Module, int]:
    width = _Vit.HEADS * config.channels
    return _Vit(in_channels, width, size_px), width


BODIES: dict[str, Callable[[NetworkConfig, int, int], tuple[nn.Module, int]]] = {
    'impala': _impala,
    'spatial_softmax': _spatial_softmax,
    'vit': _vit,
}
"""Each maps pictures in -0.5..0.5, (N, C, H, W), to (N, features); returns the number as well."""
