"""Layers that several networks are made of, and how weights start."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from claifo_core.device.capture import recordable

# Below so many weights, what a call costs outweighs what oneDNN saves.
_LARGE = 1 << 18

ONEDNN = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()


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
        plain = recordable(rows) or not ONEDNN or torch.is_autocast_enabled(rows.device.type)
        if plain or self.weight.numel() < _LARGE:
            return super().forward(rows)
        product: Tensor = _Product.apply(rows, self.weight)
        return product + self.bias


def plain_linear(layer: nn.Linear, rows: Tensor) -> Tensor:
    """Apply a layer by the ordinary operation, which every runtime has."""
    return functional.linear(rows, layer.weight, layer.bias)


def convolve_relu(
    images: Tensor, weight: Tensor, bias: Tensor, stride: tuple[int, ...]
) -> Tensor:
    """Convolve and cut off below 0; without gradient in one pass of oneDNN.

    Args:
        images: Shape (B, C, H, W), channels last.
        weight: Shape (outputs, C, h, w), channels last.
        bias: Shape (outputs,).
        stride: Of both sides.
    """
    if recordable(images) or not ONEDNN or torch.is_grad_enabled():
        return functional.relu_(functional.conv2d(images, weight, bias, stride))
    if torch.is_autocast_enabled('cpu'):
        half = torch.get_autocast_dtype('cpu')
        images, weight, bias = images.to(half), weight.to(half), bias.to(half)
    convolved: Tensor = torch.ops.mkldnn._convolution_pointwise(
        images, weight, bias, (0, 0), stride, (1, 1), 1, 'relu', [], ''
    )
    return convolved


def mlp(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    """Return two hidden layers with ReLU."""
    return nn.Sequential(
        Linear(inputs, hidden),
        nn.ReLU(),
        Linear(hidden, hidden),
        nn.ReLU(),
        Linear(hidden, outputs),
    )


def stages(network: nn.Sequential, rows: Tensor) -> list[Tensor]:
    """Return what each layer of :func:`mlp` gives, its output last."""
    found = []
    for layer in network:
        rows = layer(rows)
        found.append(rows)
    return found


def slope(network: nn.Sequential, hidden: list[Tensor], upstream: Tensor) -> Tensor:
    """Return the gradient of an :func:`mlp` to its inputs, itself differentiable.

    As ``torch.autograd.grad(create_graph=True)`` finds it. But that carries a second derivative of
    ReLU along, which is 0, at a third of the price.

    Args:
        network: The network.
        hidden: What its hidden layers give behind ReLU at the points, shape (B, H) each.
        upstream: Gradient to its output, shape (B, outputs).
    """
    *layers, last = (layer for layer in network if isinstance(layer, nn.Linear))
    gradient = upstream @ last.weight
    for layer, rows in zip(reversed(layers), reversed(hidden), strict=True):
        gradient = (gradient * (rows > 0)) @ layer.weight
    return gradient


def initialise(module: nn.Module) -> None:
    """Start a linear layer orthogonal with gain 1, a convolution with sqrt(2), biases at 0."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        gain = nn.init.calculate_gain('relu') if isinstance(module, nn.Conv2d) else 1.0
        nn.init.orthogonal_(module.weight, gain)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
