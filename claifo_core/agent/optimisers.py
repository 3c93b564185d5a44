"""Adam over each network: its rates, and its moments in a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent.diagnostics import gradient_norm

if TYPE_CHECKING:
    from claifo_core.agent.networks import Networks
    from claifo_core.config import AgentConfig


@dataclass
class Optimisers:
    """Adam over the encoder with what its objective needs, over each head, over the judge.

    The judge's also steps what tells how much the latents reveal (``Networks.information``).
    """

    encoder: torch.optim.Adam
    critic: torch.optim.Adam
    actor: torch.optim.Adam
    discriminator: torch.optim.Adam
    _rates: dict[str, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note the learning rates with which all begin."""
        self._rates = {name: float(group['lr']) for name, group in self._groups()}

    def items(self) -> list[tuple[str, torch.optim.Adam]]:
        """Return the optimisers by name."""
        return [(f.name, getattr(self, f.name)) for f in fields(self) if f.init]

    def _groups(self) -> list[tuple[str, dict[str, float | Tensor]]]:
        return [(name, optimiser.param_groups[0]) for name, optimiser in self.items()]

    def step(self, loss: Tensor, *names: str) -> Tensor:
        """Descend ``loss`` with the named optimisers; returns the first one's gradient norm."""
        optimisers = [getattr(self, name) for name in names]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        return gradient_norm(optimisers[0])

    def set_share(self, share: float) -> None:
        """Go on with this share of the learning rates with which all began."""
        for name, group in self._groups():
            rate = group['lr']
            if isinstance(rate, Tensor):  # a CUDA graph reads it in every update
                rate.fill_(share * self._rates[name])
            else:
                group['lr'] = share * self._rates[name]

    def moments(self) -> dict[str, Tensor]:
        """Return all that Adam has gathered, as ``adam.NAME.INDEX.KEY``."""
        return {
            f'adam.{name}.{index}.{key}': value
            for name, optimiser in self.items()
            for index, moments in optimiser.state_dict()['state'].items()
            for key, value in moments.items()
        }

    def load_moments(self, tensors: dict[str, Tensor]) -> None:
        """Take over what :meth:`moments` returned; other names are left alone."""
        for name, optimiser in self.items():
            state = optimiser.state_dict()
            state['state'] = _moments_of(tensors, f'adam.{name}.')
            optimiser.load_state_dict(state)
            _match_layout(optimiser)


def build_optimisers(networks: Networks, config: AgentConfig) -> Optimisers:
    """Return fused Adam optimisers with the learning rates of the configuration."""
    heads = [part for part in (networks.heads, networks.transition) if part is not None]
    judges = [networks.information] if networks.information is not None else []
    rate = config.learning_rate
    return Optimisers(
        encoder=_adam(rate, networks.encoder, *heads, matrix=(networks.similarity,)),
        critic=_adam(rate, networks.critic),
        actor=_adam(rate, networks.actor),
        discriminator=_adam(config.discriminator_learning_rate, networks.discriminator, *judges),
    )


def _adam(rate: float, *parts: nn.Module, matrix: tuple[Tensor, ...] = ()) -> torch.optim.Adam:
    weights = [weight for part in parts for weight in part.parameters()]
    trained = [weight for weight in (*weights, *matrix) if weight.requires_grad]
    if not trained[0].is_cuda:
        return torch.optim.Adam(trained, rate, fused=True)
    at = torch.tensor(rate, device=trained[0].device)
    return torch.optim.Adam(trained, at, fused=True, capturable=True)


def _moments_of(tensors: dict[str, Tensor], prefix: str) -> dict[int, dict[str, Tensor]]:
    found: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix):
            index, moment = key.removeprefix(prefix).split('.')
            found.setdefault(int(index), {})[moment] = value
    return found


def _match_layout(optimiser: torch.optim.Adam) -> None:
    """Lay moments out in memory as their weights are: fused Adam on a CPU ignores strides."""
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if value.shape == parameter.shape:
                state[key] = torch.empty_like(parameter).copy_(value)
