"""The networks of algorithm 1.2: encoder, actor, twin critic, discriminator, similarity."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claifo_core.config import NetworkConfig


# So many numbers (2 MB) of the first layer's output at a time keep the convolutions in a CPU's
# caches.
_BLOCK_NUMBERS = 1 << 19

# Below so many weights, what a call costs outweighs what oneDNN saves.
_LARGE = 1 << 18

_ONEDNN = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()


class _Product(torch.autograd.Function):
    """``rows @ weight.T`` by oneDNN, differentiable any number of times."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor) -> Tensor:  # noqa: ANN401 (torch's type)
        """Multiply (B, inputs) by the transposed of (outputs, inputs)."""
        ctx.save_for_backward(rows, weight)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, None, 'none', [], '')
        return product

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # noqa: ANN401
        """Return the gradients of both factors, products as well."""
        rows, weight = ctx.saved_tensors
        for_rows = for_weight = None
        if ctx.needs_input_grad[0]:
            for_rows = _Product.apply(grad, weight.T)
        if ctx.needs_input_grad[1]:
            # In the memory order of the weight: adding across orders takes longer than this.
            for_weight = (
                _Product.apply(grad.T, rows.T)
                if weight.is_contiguous()
                else _Product.apply(rows.T, grad.T).T
            )
        return for_rows, for_weight


class Linear(nn.Linear):
    """A linear layer; large ones use oneDNN on x86: on AMD cores twice as fast as MKL."""

    def forward(self, rows: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        plain = rows.is_cuda or not _ONEDNN or torch.is_autocast_enabled(rows.device.type)
        if plain or self.weight.numel() < _LARGE:
            return super().forward(rows)
        product: Tensor = _Product.apply(rows, self.weight)
        return product + self.bias


class Encoder(nn.Module):
    """Image stack to latent: 3x3 convolutions, linear, LayerNorm, tanh."""

    def __init__(self, config: NetworkConfig, stack: int, views: int, size_px: int) -> None:
        """Build for stacks of ``stack`` frames of ``views`` cameras, ``size_px`` squared each."""
        super().__init__()
        self.views = views
        self._apart = views if config.views == 'shared' else 1
        in_channels = 3 * stack * views // self._apart
        widths = [in_channels] + [config.channels] * len(config.strides)
        self.first = nn.Conv2d(widths[0], widths[1], 3, config.strides[0])
        self.rest = nn.Sequential(*_conv_layers(widths[1:], config.strides[1:]))
        sizes = [size_px]
        for stride in config.strides:
            sizes.append((sizes[-1] - 3) // stride + 1)
        size_px, self._activations = sizes[-1], config.channels * sizes[1] ** 2
        if size_px < 1:
            raise ClaifoError(
                f'network.strides {config.strides} leave no pixel of the frame; use fewer layers '
                'or a larger env.size_px'
            )
        features = config.channels * size_px * size_px * self._apart
        self.linear = Linear(features, config.latent_dim)
        self.norm = nn.LayerNorm(config.latent_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Encode.

        Args:
            images: float32 in 0..255, shape (B, T V 3, H, W), camera after camera in each frame.

        Returns:
            Latent z in (-1, 1), shape (B, latent_dim).
        """
        if self._apart > 1:
            images = images.unflatten(1, (-1, self._apart, 3)).transpose(1, 2)
            images = images.flatten(2, 3).flatten(0, 1)
        step = _BLOCK_NUMBERS // self._activations if images.device.type == 'cpu' else len(images)
        blocks = images.split(max(step, 1))
        features = [self._convolve(block) for block in blocks]
        joined = features[0] if len(features) == 1 else torch.cat(features)
        if self._apart > 1:
            joined = joined.unflatten(0, (-1, self._apart)).flatten(1)
        latent: Tensor = torch.tanh(self.norm(self.linear(joined)))
        return latent

    def _convolve(self, images: Tensor) -> Tensor:
        weight, bias = self.first.weight, self.first.bias
        assert bias is not None
        # oneDNN's own layout is quicker to enter than channels_last, but has no gradient.
        exact = not torch.is_autocast_enabled(images.device.type)
        own_layout = _ONEDNN and exact and not images.is_cuda and not torch.is_grad_enabled()
        laid_out = (
            images.to_mkldnn()
            if own_layout
            else images.contiguous(memory_format=torch.channels_last)
        )
        # x / 255 - 0.5 folded into the first layer: one pass over the images less.
        shifted = bias - 0.5 * weight.sum((1, 2, 3))
        x = functional.conv2d(laid_out, weight / 255, shifted, self.first.stride)
        x = self.rest(functional.relu_(x))
        features: Tensor = x.to_dense() if own_layout else x
        # The memory order of channels_last is (H, W, C): flattening in it costs no copy.
        return features.permute(0, 2, 3, 1).flatten(1)


def _conv_layers(widths: list[int], strides: tuple[int, ...]) -> Iterator[nn.Module]:
    for i, stride in enumerate(strides):
        yield nn.Conv2d(widths[i], widths[i + 1], 3, stride)
        yield nn.ReLU(inplace=True)


def mlp(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    """Return two hidden layers with ReLU."""
    return nn.Sequential(
        Linear(inputs, hidden),
        nn.ReLU(),
        Linear(hidden, hidden),
        nn.ReLU(),
        Linear(hidden, outputs),
    )


class TwinCritic(nn.Module):
    """Two independent estimates of Q(s, a); s is the latent z with the proprioception."""

    def __init__(self, state_dim: int, action_dim: int, hidden: int) -> None:
        """Build both heads."""
        super().__init__()
        self.heads = nn.ModuleList(mlp(state_dim + action_dim, 1, hidden) for _ in range(2))

    def forward(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return Q1 and Q2, shape (B,) each, of state (B, Z + P) and action (B, A)."""
        both = torch.cat([state, action], 1)
        first, second = (head(both).squeeze(1) for head in self.heads)
        return first, second


@dataclass
class Networks:
    """All networks of the agent; ``similarity`` is W of the bilinear InfoNCE.

    The actor gives the pre-tanh mean of the action, the discriminator the logit of "expert".
    """

    encoder: Encoder
    actor: nn.Sequential
    critic: TwinCritic
    target_critic: TwinCritic
    discriminator: nn.Sequential
    similarity: nn.Parameter

    def modules(self) -> dict[str, nn.Module]:
        """Return the modules by name (all but the similarity matrix)."""
        return {name: part for name, part in vars(self).items() if isinstance(part, nn.Module)}


def build_networks(
    config: NetworkConfig,
    *,
    frame_stack: int,
    size_px: int,
    action_dim: int,
    seed: int,
    views: int = 1,
    proprio_dim: int = 0,
    device: torch.device | str = 'cpu',
) -> Networks:
    """Build and initialise every network from one seed.

    Linear layers start orthogonal with gain 1, convolutions with gain sqrt(2), biases at 0, the
    similarity matrix uniform in [0, 1) (algorithm 1.2).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(config, frame_stack, views, size_px)
        z, h = config.latent_dim, config.hidden_dim
        critic = TwinCritic(z + proprio_dim, action_dim, h)
        actor, discriminator = mlp(z + proprio_dim, action_dim, h), mlp(2 * z, 1, h)
        for part in (encoder, actor, critic, discriminator):
            part.apply(_initialise)
        similarity = nn.Parameter(torch.rand(z, z).to(device))
    for weight in encoder.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    target = copy.deepcopy(critic).requires_grad_(False)
    return Networks(
        encoder.to(device),
        actor.to(device),
        critic.to(device),
        target.to(device),
        discriminator.to(device),
        similarity,
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        gain = nn.init.calculate_gain('relu') if isinstance(module, nn.Conv2d) else 1.0
        nn.init.orthogonal_(module.weight, gain)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
