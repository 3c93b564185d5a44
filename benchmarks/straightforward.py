"""Algorithm 1 the straightforward way: what the learner's speed is compared with.

The same draws and the same mathematics as :mod:`claifo_core`, written as one would write them
first: every view is encoded by a call of its own in planar layout, the random shift samples a
bilinear grid, colours go through HSV frame by frame, and the reward encodes fresh views.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from claifo_core.agent import agent, augment, losses, optimisers, photometric, sight
from claifo_core.agent.judge import LatentJudge
from claifo_core.agent.layers import Linear
from claifo_core.agent.objective import InfoNce

if TYPE_CHECKING:
    from collections.abc import Callable

    from claifo_core.agent.networks import Encoder
    from claifo_core.agent.sample import Sample
    from claifo_core.data.replay import Batch
    from claifo_core.data.stacks import Stacks
    from claifo_core.training.learner import Learner


class PlainEncoder(nn.Module):
    """The encoder in planar (NCHW) layout, with the weights of ``fast``."""

    def __init__(self, fast: Encoder) -> None:
        """Copy the weights of ``fast``."""
        super().__init__()
        layers = [copy.deepcopy(layer) for layer in fast.rest]
        self.convolutions = nn.Sequential(copy.deepcopy(fast.first), nn.ReLU(), *layers)
        for parameter in self.convolutions.parameters():
            parameter.data = parameter.data.contiguous()
        self.linear, self.norm = copy.deepcopy(fast.linear), copy.deepcopy(fast.norm)
        channels = fast.first.out_channels
        weight = self.linear.weight.data.unflatten(1, (-1, channels))
        self.linear.weight.data = weight.transpose(1, 2).flatten(1).contiguous()

    def forward(self, images: Tensor) -> Tensor:
        """Encode float32 images in 0..255, shape (B, C, H, W)."""
        features = self.convolutions(images / 255 - 0.5).flatten(1)
        latent: Tensor = torch.tanh(self.norm(self.linear(features)))
        return latent


class PlainAugmenter(augment.Augmenter):
    """Takes the same draws and applies them frame by frame, in colour space 0..1."""

    def watch(self, agent: Stacks, expert: Stacks) -> None:
        """Begin an update: pictures are gathered once for all of its views."""
        super().watch(agent, expert)
        self._gathered: dict[int, Tensor] = {}

    def _pictures(self, stacks: Stacks) -> Tensor:
        if id(stacks) not in self._gathered:
            self._gathered[id(stacks)] = stacks.pictures()
        return self._gathered[id(stacks)]

    def view(self, stacks: Stacks, look: str, out: Tensor) -> Tensor:
        """Return a view in planar layout, (B, 3 T V, H, W); ``out`` is left alone."""
        images = self._pictures(stacks).float()
        drawn = self.draw(look, *images.shape[:2])
        if drawn.plans != [[]]:
            images = torch.stack(
                [_looked(images[:, k], drawn.plans, k) for k in range(images.shape[1])], 1
            )
        flat = images.flatten(1, 2)
        return flat if drawn.moves is None else _shifted(flat, drawn.moves)


def _looked(frame: Tensor, plans: list[augment.Plan], picture: int) -> Tensor:
    """Apply T to one frame of the stacks."""
    frame = frame / 255
    for change, values in plans[picture % len(plans)]:
        frame = _PLAIN[change](frame, values)
    return frame * 255


def _shifted(images: Tensor, moves: Tensor) -> Tensor:
    """Shift by bilinear sampling of the padded images."""
    pad = int(moves.abs().max())
    height, width = images.shape[2:]
    padded = functional.pad(images, (pad,) * 4, mode='replicate')
    corner = (moves + pad).float()
    rows = torch.arange(height).float().view(1, -1, 1) + corner[0].view(-1, 1, 1)
    columns = torch.arange(width).float().view(1, 1, -1) + corner[1].view(-1, 1, 1)
    grid = torch.stack(torch.broadcast_tensors(columns, rows), -1)
    sides = torch.tensor([width + 2 * pad, height + 2 * pad])
    return functional.grid_sample(padded, (2 * grid + 1) / sides - 1, align_corners=False)


class PlainJudge(LatentJudge):
    """Finds the penalty's gradient by differentiating twice."""

    def loss(self, agent: Tensor, expert: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the loss, and the outputs for expert and agent."""
        config, network = self._config, self._network
        outputs = network(expert).squeeze(1), network(agent).squeeze(1)
        if config.gan_loss == 'bce':
            mix = torch.rand(len(agent), 1, generator=self._rng)
            points, target, on = mix * agent + (1 - mix) * expert, 1.0, config.penalty_on
            loss = losses.discriminator_loss(*outputs)
        else:
            points, target, on = expert, 0.0, 'logit'
            loss = losses.least_squares_loss(*outputs)
        penalty = losses.gradient_penalty(network, points, on=on, target=target)
        return loss + config.penalty_weight * penalty, outputs


class PlainOptimisers(optimisers.Optimisers):
    """PyTorch's Adam as it comes."""

    def __post_init__(self) -> None:
        """Put PyTorch's in the place of ours."""
        super().__post_init__()
        for name, adam in self.items():
            setattr(self, name, torch.optim.Adam(adam.weights, adam.rate))

    def step(self, loss: Tensor, *names: str) -> Tensor:
        """Descend ``loss`` with the named optimisers."""
        chosen = [getattr(self, name) for name in names]
        for optimiser in chosen:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in chosen:
            optimiser.step()
        return loss.detach()

    def set_share(self, share: float) -> None:
        """Keep the learning rates."""


class PlainAgent(agent.Agent):
    """Algorithm 1 in order, ten encodes per update: reward from fresh views."""

    def _sequential(self, sample: Sample, std: float | Tensor) -> dict[str, Tensor]:
        """Do one update of every network, the encoder step sequential."""
        ours, step = sample.agent, self.optimisers.step
        with torch.no_grad():
            second = self._sight.graded((ours.obs, 'contrastive'))
        first = self._sight.graded((ours.obs, 'contrastive'))
        loss, metrics = self._objective.loss(first, second)
        step(loss, 'encoder')
        loss, _ = self._judge.loss(self._pair(ours), self._pair(sample.expert))
        step(loss, 'discriminator')
        reward = self._judge.reward(self._pair(ours))
        with torch.no_grad():
            next_latent = self._sight.graded((ours.next_obs, 'critic')).latent
        latent = self._sight.graded((ours.obs, 'critic')).latent
        loss = self._critic_loss(ours, latent, next_latent, reward, std, metrics)
        step(loss, 'encoder', 'critic')
        self._actor_step(torch.cat([latent.detach(), ours.proprio], 1), std, metrics)
        return metrics

    _joint = _sequential

    @torch.no_grad()
    def _pair(self, batch: Batch) -> Tensor:
        views = (batch.obs, batch.next_obs)
        return torch.cat([self._sight.graded((obs, 'discriminator')).latent for obs in views], 1)


def plain_agent(learner: Learner) -> PlainAgent:
    """Return an agent with the weights, settings and random streams of the learner's own."""
    networks, config = copy.copy(learner.agent.networks), learner.config
    networks.encoder = PlainEncoder(networks.encoder)
    for module in networks.modules().values():
        for part in module.modules():
            if isinstance(part, Linear):
                part.__class__ = nn.Linear
    ours = optimisers.build_optimisers(networks, config.agent)
    adam = PlainOptimisers(**dict(ours.items()), average=ours.average)
    augmenter = PlainAugmenter(config.augment, learner.rngs['augment'])
    rng = learner.rngs['agent']
    return PlainAgent(
        networks,
        adam,
        sight.Sight(networks.encoder, augmenter, config),
        InfoNce(config.agent, networks.similarity, networks.heads),
        PlainJudge(networks.discriminator, config.agent, rng, lambda loss: loss),
        config.agent,
        rng,
    )


def _of(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _blend(frame: Tensor, other: Tensor | float, ratio: Tensor) -> Tensor:
    return (_of(ratio) * frame + (1 - _of(ratio)) * other).clamp(0, 1)


def _luma(frame: Tensor) -> Tensor:
    red, green, blue = frame.unbind(1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)


def _brightness(frame: Tensor, factor: Tensor) -> Tensor:
    return (frame * _of(factor)).clamp(0, 1)


def _contrast(frame: Tensor, ratio: Tensor) -> Tensor:
    return _blend(frame, _luma(frame).mean((1, 2, 3), keepdim=True), ratio)


def _saturation(frame: Tensor, ratio: Tensor) -> Tensor:
    return _blend(frame, _luma(frame), ratio)


def _hue(frame: Tensor, turn: Tensor) -> Tensor:
    """RGB to HSV, turn, and back, with every sextant computed and one selected."""
    red, green, blue = frame.unbind(1)
    value, low = frame.amax(1), frame.amin(1)
    grey = value == low
    chroma = value - low
    saturation = chroma / torch.where(grey, 1, value)
    divisor = torch.where(grey, 1, chroma)
    from_red, from_green, from_blue = ((value - c) / divisor for c in (red, green, blue))
    hue = (value == red) * (from_blue - from_green)
    hue = hue + ((value == green) & (value != red)) * (2 + from_red - from_blue)
    hue = hue + ((value != green) & (value != red)) * (4 + from_green - from_red)
    hue = (hue / 6 + 1 + turn.view(-1, 1, 1)) % 1
    sextant = (hue * 6).floor()
    part = hue * 6 - sextant
    p = (value * (1 - saturation)).clamp(0, 1)
    q = (value * (1 - saturation * part)).clamp(0, 1)
    t = (value * (1 - saturation * (1 - part))).clamp(0, 1)
    mask = (sextant.long() % 6).unsqueeze(1) == torch.arange(6).view(-1, 1, 1)
    choices = torch.stack([
        torch.stack([value, q, p, p, t, value], 1),
        torch.stack([t, value, value, q, p, p], 1),
        torch.stack([p, p, t, value, value, q], 1),
    ], 1)
    return (choices * mask.unsqueeze(1)).sum(2)


def _jitter(frame: Tensor, values: Tensor) -> Tensor:
    """Apply the four changes above in the order that was drawn."""
    each = (_brightness, _contrast, _saturation, _hue)
    for number in values[0, 4:].int().tolist():
        frame = each[number](frame, values[:, number])
    return frame


def _grayscale(frame: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(_of(chosen), _luma(frame), frame)


def _invert(frame: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(_of(chosen), 1 - frame, frame)


def _blur(frame: Tensor, sigma: Tensor) -> Tensor:
    """Convolve each frame of the batch with its own 3x3 kernel."""
    if not bool((sigma > 0).any()):
        return frame
    sigma = sigma.expand(len(frame))
    side = torch.where(sigma > 0, torch.exp(-0.5 / sigma.square()), 0)
    row = torch.stack([side, torch.ones_like(side), side], 1)
    row = row / row.sum(1, keepdim=True)
    kernel = (row[:, :, None] * row[:, None, :]).repeat_interleave(3, 0).unsqueeze(1)
    padded = functional.pad(frame, (1, 1, 1, 1), mode='reflect').flatten(0, 1).unsqueeze(0)
    return functional.conv2d(padded, kernel, groups=len(kernel)).view(frame.shape)


def _permute(frame: Tensor, order: Tensor) -> Tensor:
    index = order.expand(len(frame), 3)[:, :, None, None].expand_as(frame)
    return frame.gather(1, index)


_PLAIN: dict[photometric.Change, Callable[[Tensor, Tensor], Tensor]] = {
    photometric.brightness_: _brightness,
    photometric.jitter_: _jitter,
    photometric.grayscale_: _grayscale,
    photometric.invert_: _invert,
    photometric.blur_: _blur,
    photometric.permute_: _permute,
}
