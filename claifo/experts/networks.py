"""The two networks of the expert trainer: a deterministic actor and a pair of critics.

Every hidden layer is linear, layer normalisation without parameters, ReLU. The normalisation
bounds the critics outside the data, which is what lets them be trained at a high rate.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the customary name)
from numpy.typing import NDArray
from torch import Tensor, nn

from claifo.experts.policies import Mlp


class Actor(nn.Module):
    """A deterministic policy: state to action in [-1, 1].

    Args:
        sizes: width of every layer from the state to the action.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        """Build the layers."""
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))

    def forward(self, state: Tensor) -> Tensor:
        """Return actions float32 (B, A) for states float32 (B, S)."""
        for layer in self.layers[:-1]:
            state = layer(state)
            state = F.relu(F.layer_norm(state, state.shape[-1:]))
        return torch.tanh(self.layers[-1](state))


def unscaled(actor: Actor, mean: NDArray[np.floating], std: NDArray[np.floating]) -> Mlp:
    """Return a copy of an actor with the scaling of its inputs folded into the first layer.

    Args:
        actor: takes ``(state - mean) / std``.
        mean: float (S,).
        std: float (S,).
    """
    values = [value.detach().numpy().copy() for value in actor.parameters()]
    weights, biases = values[0::2], values[1::2]
    weights[0] /= std
    biases[0] -= weights[0] @ mean
    return Mlp(tuple(weights), tuple(biases))


class Critics(nn.Module):
    """A pair of action values, computed together as one batched product per layer.

    Args:
        sizes: width of every layer from state and action to the value.
        count: number of critics.
    """

    def __init__(self, sizes: tuple[int, ...], count: int = 2) -> None:
        """Build the stacked layers, uniform in +-1/sqrt(inputs) as ``nn.Linear`` is."""
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
            bound = 1 / math.sqrt(inputs)
            self.weights.append(torch.empty(count, inputs, outputs).uniform_(-bound, bound))
            self.biases.append(torch.zeros(count, 1, outputs))

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        """Return values float32 (count, B) for states (B, S) and actions (B, A)."""
        inputs = torch.cat([state, action], dim=1)
        hidden = inputs.expand(len(self.weights[0]), *inputs.shape)
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if index < last:
                hidden = F.relu(F.layer_norm(hidden, hidden.shape[-1:]))
        return hidden.squeeze(-1)
