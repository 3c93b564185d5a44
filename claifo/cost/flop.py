"""FLOP and bytes of one update, counted from the settings.

A FLOP is a multiplication or an addition: a product of (m, k) and (k, n) has 2 m k n. Counted are
convolutions and matrix products, forward and backward; what works element by element is not. Of
bytes, what must move if every stage were one kernel: see :func:`bytes_moved`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claifo_core.agent.encoders import conv_sizes
from claifo_core.config import CONTRASTED

if TYPE_CHECKING:
    from claifo_core.config import AgentConfig, TrainConfig


@dataclass(frozen=True)
class Shape:
    """What the simulator adds to the settings.

    Attributes:
        action_dim: Length of an action, A.
        views: Cameras per frame, V.
        proprio_dim: Length of the proprioception that is used, P.
    """

    action_dim: int
    views: int = 1
    proprio_dim: int = 0


@dataclass(frozen=True)
class Encodes:
    """Stacks encoded per update: without gradient, and with (then also backward)."""

    without: int
    graded: int


def encodes(config: TrainConfig) -> Encodes:
    """Count the stacks that one update encodes (algorithm 1.5 and claifo_core/agent/agent.py)."""
    agent, batch = config.agent, config.agent.batch_size
    contrastive = 0 if agent.contrastive == 'none' else _contrasted(agent)
    if agent.encoder_step == 'sequential':
        return Encodes(5 * batch + contrastive, batch + contrastive)
    views = 3 if agent.share_views else 5
    one_view = config.augment.apply in ('CL-Q', 'everywhere') and agent.contrastive_data == 'agent'
    return Encodes(views * batch + contrastive, batch + (0 if one_view else contrastive))


def _contrasted(agent: AgentConfig) -> int:
    """Return the rows that the contrastive loss compares."""
    return CONTRASTED[agent.contrastive_data] * agent.batch_size


def sides(config: TrainConfig) -> list[int]:
    """Return the side of each convolution's output, in pixels."""
    return conv_sizes(config.network, config.env.size_px)[1:]


def encoder_macs(config: TrainConfig, shape: Shape) -> list[int]:
    """Return multiply-adds per stack of each convolution and of the linear layer."""
    net, stack = config.network, config.env.frame_stack
    apart = shape.views if net.views == 'shared' else 1
    widths = [3 * stack * shape.views // apart] + [net.channels] * len(net.strides)
    outputs = sides(config)
    layers = [
        apart * 9 * widths[i] * widths[i + 1] * side * side for i, side in enumerate(outputs)
    ]
    return [*layers, apart * net.channels * outputs[-1] ** 2 * net.latent_dim]


def mlp_macs(inputs: int, outputs: int, hidden: int) -> list[int]:
    """Return multiply-adds per row of each layer of a head."""
    return [inputs * hidden, hidden * hidden, hidden * outputs]


def is_counted(config: TrainConfig) -> bool:
    """Return whether :func:`flop` knows these networks and losses: those of C-LAIfO and LAIfO."""
    agent, net = config.agent, config.network
    return (
        (net.encoder, net.projection, net.contrast) == ('drq', 0, 'latent')
        and agent.judge == 'latent'
        and config.augment.warp == 0
        and agent.contrastive != 'byol'
        and not agent.hide_domain
        and agent.bisimulation == 0
        and agent.critic_gradient
        and agent.reward != 'env'
        and not agent.cloning
    )


def flop(config: TrainConfig, shape: Shape) -> dict[str, int]:
    """Return the FLOP of one update, by part; see :func:`is_counted`."""
    agent, net, batch = config.agent, config.network, config.agent.batch_size
    state = net.latent_dim + shape.proprio_dim
    layers, stacks = encoder_macs(config, shape), encodes(config)
    judge = mlp_macs(2 * net.latent_dim, 1, net.hidden_dim)
    actor = mlp_macs(state, shape.action_dim, net.hidden_dim)
    critic = 2 * sum(mlp_macs(state + shape.action_dim, 1, net.hidden_dim))
    parts = {
        'encode_without_gradient': stacks.without * sum(layers),
        'encode_with_gradient': stacks.graded * sum(layers),
        'backward_encoder': stacks.graded * _backward(layers),
        'contrastive': _contrastive(config),
        # Both halves forward and backward, the penalty, and once more for the reward.
        'discriminator': 2 * batch * (sum(judge) + _backward(judge))
        + (batch * _penalty(judge, agent) if agent.penalty_weight > 0 else 0)
        + batch * sum(judge),
        # Target: actor and critic forward. Error: forward, backward also to the latent.
        'critic': batch * (sum(actor) + critic + 3 * critic),
        # The critic's weights are fixed here: backward to its inputs alone.
        'actor': batch * (sum(actor) + _backward(actor) + 2 * critic),
    }
    return {name: 2 * macs for name, macs in parts.items()}


def _backward(layers: list[int]) -> int:
    """Gradients of all weights, and of all inputs but the first layer's."""
    return 2 * sum(layers) - layers[0]


def _penalty(judge: list[int], agent: AgentConfig) -> int:
    """Output at the points, its gradient to them, and the gradient of that to the weights.

    With the sigmoid, the last goes back through the output as well. Least squares takes the
    points of the expert, whose output is known.
    """
    if agent.gan_loss == 'least_squares':
        return 3 * sum(judge) - judge[-1]
    if agent.penalty_on == 'logit':
        return 4 * sum(judge) - judge[-1]
    return 4 * sum(judge) + _backward(judge)


def _contrastive(config: TrainConfig) -> int:
    agent, z = config.agent, config.network.latent_dim
    rows = _contrasted(agent)
    square = rows * rows * z
    if agent.contrastive == 'bilinear':  # forward, back to the anchors; both of W as well
        return 2 * square + 3 * rows * z * z
    # Cosine: anchors with positives as above, and with themselves, where both sides learn.
    return 5 * square if agent.contrastive == 'cosine' else 0


def bytes_moved(config: TrainConfig, shape: Shape) -> dict[str, int]:
    """Return the bytes that one update reads and writes in the memory of its device, by part.

    ``gather`` frames of all batches, read and written as uint8; ``views`` each stack that is
    encoded, read as uint8 and written once, whatever T does to it; ``activations`` input and
    output of each layer of the encoder, forward, and twice backward; ``optimiser`` weight,
    gradient and both moments read, all but the gradient written, float32. The heads are not
    counted (some percent).
    """
    agent, net, stack = config.agent, config.network, config.env.frame_stack
    number = 2 if config.precision == 'bfloat16' else 4
    frame = 3 * shape.views * config.env.size_px**2
    stacks = encodes(config)
    apart = shape.views if net.views == 'shared' else 1
    outputs = [apart * net.channels * side * side for side in sides(config)]
    inputs = [stack * frame, *outputs]
    forward = sum(inputs) + sum(outputs) + net.latent_dim
    backward = 2 * forward - inputs[0]
    encoder = encoder_weights(config, shape)
    state = net.latent_dim + shape.proprio_dim
    critic = 2 * sum(mlp_macs(state + shape.action_dim, 1, net.hidden_dim))
    heads = critic + sum(mlp_macs(state, shape.action_dim, net.hidden_dim))
    heads += sum(mlp_macs(2 * net.latent_dim, 1, net.hidden_dim))
    steps = 2 if agent.encoder_step == 'sequential' and agent.contrastive != 'none' else 1
    films = 4 if agent.needs_random else 2
    return {
        'gather': films * 2 * agent.batch_size * (stack + agent.n_step) * frame,
        'views': (stacks.without + stacks.graded) * stack * frame * (1 + number),
        'activations': number
        * ((stacks.without + stacks.graded) * forward + stacks.graded * backward),
        'optimiser': 4 * (7 * (steps * encoder + heads) + 3 * critic),
    }


def encoder_weights(config: TrainConfig, shape: Shape) -> int:
    """Return the weights of convolutions and linear layer, without biases."""
    macs, net = encoder_macs(config, shape), config.network
    apart = shape.views if net.views == 'shared' else 1
    used = [side * side * apart for side in sides(config)]
    return sum(m // u for m, u in zip(macs, used, strict=False)) + macs[-1]
