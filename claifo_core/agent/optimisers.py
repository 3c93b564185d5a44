"""Adam over each network: its rates, and its moments in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent.diagnostics import norm_of

if TYPE_CHECKING:
    from claifo_core.agent.networks import Networks
    from claifo_core.config import AgentConfig

_BETAS, _EPS = (0.9, 0.999), 1e-8


class Adam:
    """Adam (arXiv 1412.6980) over some weights, one call for all of them.

    ``torch.optim.Adam`` calls the same kernel, after more Python than a small network's arithmetic
    takes.

    Attributes:
        rate: The learning rate; on a GPU a tensor, which a CUDA graph reads in every update.
    """

    def __init__(self, weights: Sequence[Tensor], rate: float) -> None:
        """Begin without moments."""
        self.weights = list(weights)
        on = self.weights[0].device
        self.rate: float | Tensor = torch.tensor(rate, device=on) if on.type == 'cuda' else rate
        # Laid out in memory as the weights are: the kernel ignores strides on a CPU.
        self.means = [torch.zeros_like(weight) for weight in self.weights]
        self.squares = [torch.zeros_like(weight) for weight in self.weights]
        self._counts = torch.zeros(len(self.weights), device=on)
        self.steps = list(self._counts.unbind())

    def step(self) -> None:
        """Descend the gradients that the weights have; one without stays where it is."""
        columns = zip(self.weights, self.means, self.squares, self.steps, strict=True)
        rows = [(w, w.grad, *rest) for w, *rest in columns if w.grad is not None]
        weights, gradients, means, squares, steps = map(list, zip(*rows, strict=True))
        if len(steps) == len(self.steps):
            self._counts += 1
        else:
            torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            weights, gradients, means, squares, [], steps, lr=self.rate, beta1=_BETAS[0],
            beta2=_BETAS[1], weight_decay=0.0, eps=_EPS, amsgrad=False, maximize=False,
        )  # fmt: skip

    def gradients(self) -> list[Tensor]:
        """Return those that the last backward pass has left."""
        return [weight.grad for weight in self.weights if weight.grad is not None]

    def moments(self) -> dict[str, Tensor]:
        """Return what has been gathered, as ``INDEX.KEY``."""
        return {
            f'{index}.{key}': value
            for index, step in enumerate(self.steps)
            if step > 0
            for key, value in self._of(index).items()
        }

    def load(self, moments: dict[str, Tensor]) -> None:
        """Take over what :meth:`moments` returned."""
        for name, value in moments.items():
            index, key = name.split('.')
            self._of(int(index))[key].copy_(value)

    def _of(self, index: int) -> dict[str, Tensor]:
        means, squares = self.means[index], self.squares[index]
        return {'step': self.steps[index], 'exp_avg': means, 'exp_avg_sq': squares}


@dataclass
class Optimisers:
    """Adam over the encoder with what its objective needs, over each head, over the judge.

    The judge's also steps what tells how much the latents reveal (``Networks.information``).

    Attributes:
        average: What makes the gradients those of a whole team of processes (in place).
    """

    encoder: Adam
    critic: Adam
    actor: Adam
    discriminator: Adam
    average: Callable[[list[Tensor]], None]
    _rates: dict[str, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note the learning rates with which all begin."""
        self._rates = {name: float(adam.rate) for name, adam in self.items()}

    def items(self) -> list[tuple[str, Adam]]:
        """Return the optimisers by name."""
        return [(name, getattr(self, name)) for name in _NAMES]

    def step(self, loss: Tensor, *names: str) -> Tensor:
        """Descend ``loss`` with the named optimisers; returns the first one's gradient norm."""
        adams = [getattr(self, name) for name in names]
        weights = [weight for adam in adams for weight in adam.weights]
        for weight in weights:
            weight.grad = None
        loss.backward(inputs=weights)
        for adam in adams:
            self.average(adam.gradients())
            adam.step()
        return norm_of(adams[0].gradients())

    def set_share(self, share: float) -> None:
        """Go on with this share of the learning rates with which all began."""
        for name, adam in self.items():
            if isinstance(adam.rate, Tensor):
                adam.rate.fill_(share * self._rates[name])
            else:
                adam.rate = share * self._rates[name]

    def moments(self) -> dict[str, Tensor]:
        """Return all that Adam has gathered, as ``adam.NAME.INDEX.KEY``."""
        return {
            f'adam.{name}.{key}': value
            for name, adam in self.items()
            for key, value in adam.moments().items()
        }

    def load_moments(self, tensors: dict[str, Tensor]) -> None:
        """Take over what :meth:`moments` returned; other names are left alone."""
        for name, adam in self.items():
            prefix = f'adam.{name}.'
            adam.load({
                key.removeprefix(prefix): value
                for key, value in tensors.items()
                if key.startswith(prefix)
            })


_NAMES = ('encoder', 'critic', 'actor', 'discriminator')


def build_optimisers(
    networks: Networks,
    config: AgentConfig,
    average: Callable[[list[Tensor]], None] = lambda gradients: None,
) -> Optimisers:
    """Return Adam optimisers with the learning rates of the configuration."""
    heads = [part for part in (networks.heads, networks.transition) if part is not None]
    judges = [networks.information] if networks.information is not None else []
    rate = config.learning_rate
    return Optimisers(
        encoder=_adam(rate, networks.encoder, *heads, matrix=(networks.similarity,)),
        critic=_adam(rate, networks.critic),
        actor=_adam(rate, networks.actor),
        discriminator=_adam(config.discriminator_learning_rate, networks.discriminator, *judges),
        average=average,
    )


def _adam(rate: float, *parts: nn.Module, matrix: tuple[Tensor, ...] = ()) -> Adam:
    weights = [weight for part in parts for weight in part.parameters()]
    return Adam([weight for weight in (*weights, *matrix) if weight.requires_grad], rate)
