"""The losses of other methods against loops over plain numbers, written from their papers."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_gradient_flow_methods import method
from torch import nn

from claifo_core.agent import diagnostics
from claifo_core.agent.auxiliary import CriticStep
from claifo_core.agent.baselines import (
    bisimulation,
    byol,
    cloning,
    disentangail,
    information,
    patchail,
    vrl3,
)
from claifo_core.agent.sight import View
from claifo_core.config import NetworkConfig

RNG = np.random.default_rng(3)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# --- BYOL ----------------------------------------------------------------------------------------


def test_byol_is_the_distance_of_unit_vectors():
    p, z = RNG.normal(size=(2, 6, 5))
    total = 0.0
    for a, b in zip(p, z, strict=True):
        total += sum((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2)
    got = byol.distances(as_tensor(p), as_tensor(z))
    assert float(got) == pytest.approx(total / 6, rel=1e-10)


def head(module: nn.Sequential, x: np.ndarray) -> np.ndarray:
    """Apply linear, normalisation over the batch, ReLU, linear."""
    first, norm, _, last = module
    w = {
        k: v.detach().double().numpy()
        for k, v in (('a', first.weight), ('b', first.bias), ('g', norm.weight),
                     ('h', norm.bias), ('c', last.weight), ('d', last.bias))
    }  # fmt: skip
    x = x @ w['a'].T + w['b']
    x = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * w['g'] + w['h']
    return np.maximum(x, 0) @ w['c'].T + w['d']


def test_byol_of_both_views_predicts_the_slow_copy():
    agent = method('byol')
    heads, objective = agent.networks.heads, agent._objective
    with torch.no_grad():  # away from the online weights
        rng = torch.Generator().manual_seed(0)
        for weight in heads.target.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=rng))
    images = torch.from_numpy(RNG.integers(0, 256, (2, 6, 6, 16, 16))).float()
    views = [View(agent._sight.encode(image), image) for image in images]
    loss, _ = objective.loss(*views)
    slow_encoder, slow_projector = heads.target
    total = 0.0
    for first, second in (views, views[::-1]):
        online = head(heads.predictor, head(heads.projector, first.latent.detach().numpy()))
        slow = slow_encoder(second.images).detach().numpy()
        total += float(byol.distances(
            as_tensor(online), as_tensor(head(slow_projector, slow))
        ))
    assert float(loss.detach()) == pytest.approx(total, rel=1e-3)


# --- PatchAIL ------------------------------------------------------------------------------------


def test_similarity_is_the_exponential_of_minus_the_divergence():
    agent, expert = RNG.normal(size=(4, 7)), RNG.normal(size=(5, 7))
    mean = [np.mean([sigmoid(row[k]) for row in expert]) for k in range(7)]
    theirs = [m / sum(mean) for m in mean]
    wanted = []
    for row in agent:
        ours = [sigmoid(x) / sum(sigmoid(row)) for x in row]
        divergence = sum(p * math.log(p / q) for p, q in zip(ours, theirs, strict=True))
        wanted.append(math.exp(-divergence))
    np.testing.assert_allclose(
        patchail.similarity(as_tensor(agent), as_tensor(expert)), wanted, rtol=1e-10
    )
    assert max(wanted) < 1


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """Correlate one image (C, H, W), padded by 1, with (O, C, 4, 4), pixel by pixel."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    size = (x.shape[1] - 4) // stride + 1
    out = np.zeros((len(weight), size, size))
    for i, j in itertools.product(range(size), repeat=2):
        part = x[:, i * stride : i * stride + 4, j * stride : j * stride + 4]
        out[:, i, j] = np.tensordot(weight, part, 3) + bias
    return out


def patch_logits(network: patchail.PatchDiscriminator, image: np.ndarray) -> np.ndarray:
    x, stride = image, 2
    for layer in network.layers:
        if isinstance(layer, nn.Conv2d):
            weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
            x, stride = conv(x, weight, bias, stride), 1
        else:
            x = np.where(x > 0, x, 0.2 * x)
    return x.flatten()


@pytest.fixture
def patches() -> patchail.PatchDiscriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return patchail.PatchDiscriminator(NetworkConfig(channels=8), 12)


def test_patch_discriminator(patches):
    images = RNG.uniform(-0.5, 0.5, (3, 12, 16, 16))
    got = patches(torch.tensor(images, dtype=torch.float32))
    wanted = np.stack([patch_logits(patches, image) for image in images])
    assert got.shape == (3, 25)  # 16 px: 8, 7, 6, 5
    np.testing.assert_allclose(got.detach(), wanted, atol=1e-4)


def test_reward_is_the_mean_logit_times_similarity_scaled_once():
    agent = method('patchail')
    judge, network = agent._judge, agent.networks.discriminator
    wanted_scale = None
    for times in (1, 300):  # patches that differ more make another similarity
        with torch.no_grad():
            network.layers[-1].weight.mul_(times)
        ours, theirs = RNG.integers(0, 256, (2, 2, 6, 6, 16, 16))
        pairs = [torch.from_numpy(part).float() for part in (*ours, *theirs)]
        reward, _ = judge.learn(pairs[:2], pairs[2:])
        stacks = [np.concatenate(part, 1) / 255 - 0.5
                  for part in (ours, theirs)]  # fmt: skip
        agent_out, expert_out = (
            np.stack([patch_logits(network, image) for image in stack]) for stack in stacks
        )
        alike = patchail.similarity(as_tensor(agent_out), as_tensor(expert_out)).numpy()
        assert times == 1 or abs(alike.mean() - 1.3 / wanted_scale) > 0.05
        wanted_scale = wanted_scale or 1.3 / alike.mean()
        np.testing.assert_allclose(
            reward, wanted_scale * alike * agent_out.mean(1), rtol=1e-3, atol=1e-5
        )


def test_loss_of_patches_is_cross_entropy_over_all_of_them_and_the_penalty():
    ours, theirs = RNG.integers(0, 256, (2, 2, 6, 6, 16, 16))
    pairs = [torch.from_numpy(part).float() for part in (*ours, *theirs)]
    for weight in (0.0, 7.0):
        agent = method('patchail', agent__penalty_weight=weight)
        judge, network = agent._judge, agent.networks.discriminator
        stacks = [np.concatenate(part, 1) / 255 - 0.5
                  for part in (ours, theirs)]  # fmt: skip
        agent_out, expert_out = (
            np.stack([patch_logits(network, image) for image in stack]) for stack in stacks
        )
        wanted = -np.mean(np.log(sigmoid(expert_out))) - np.mean(np.log(1 - sigmoid(agent_out)))
        judge._rng = torch.Generator().manual_seed(4)
        inputs = [torch.tensor(stack, dtype=torch.float32) for stack in stacks]
        wanted += weight * float(judge._penalty(*inputs).detach())
        judge._rng = torch.Generator().manual_seed(4)
        _, metrics = judge.learn(pairs[:2], pairs[2:])
        assert float(metrics['discriminator_loss']) == pytest.approx(wanted, rel=1e-4)
        assert judge._config.penalty_weight == weight


def slopes(network: nn.Module, points: np.ndarray, pick) -> np.ndarray:
    """Return gradients of ``pick(logits of a sample)`` by central differences, (B, C, H, W)."""
    found = np.zeros_like(points)
    network = network.double()
    for index in np.ndindex(points[0].shape):
        moved = torch.tensor(np.stack([points, points]))
        for sign, part in zip((1, -1), moved, strict=True):
            part[(slice(None), *index)] += sign * 1e-5
        up, down = (pick(network(part).detach()).numpy() for part in moved)
        found[(slice(None), *index)] = (up - down) / 2e-5
    return found


def test_the_penalty_is_per_sample_and_the_published_one_is_not(patches):
    points = RNG.uniform(-0.5, 0.5, (2, 12, 8, 8))
    given = torch.tensor(points)
    ours = slopes(patches, points, lambda logits: logits.mean(1))
    wanted = np.mean([(np.linalg.norm(ours[k]) - 1) ** 2 for k in range(2)])
    agent = method('patchail')
    agent._judge._network = patches
    agent._judge._rng = torch.Generator().manual_seed(0)
    assert float(agent._judge._penalty(given, given).detach()) == pytest.approx(wanted, rel=1e-5)

    theirs = slopes(patches, points, lambda logits: logits.sum(1)).reshape(12, -1)
    logits = 2 * patches(given).shape[1]
    wanted = sum((np.linalg.norm(theirs[k] / 255) - 1) ** 2 for k in range(12)) / logits
    got = patchail.penalty_over_channels(patches, given)
    assert float(got.detach()) == pytest.approx(wanted, rel=1e-5)


# --- DisentanGAIL --------------------------------------------------------------------------------


@pytest.fixture
def parts() -> disentangail.Disentangler:
    config = NetworkConfig(channels=2, strides=(2, 1), latent_dim=4, hidden_dim=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return disentangail.Disentangler(config, 2, 1, 16).double()


def statistic(network: nn.Sequential, z: np.ndarray, domain: float) -> float:
    x = np.append(z, domain)
    for layer in network:
        if isinstance(layer, nn.Linear):
            x = layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()
        else:
            x = np.maximum(x, 0)
    return float(x[0])


def test_information_is_the_donsker_varadhan_bound(parts):
    """With domain -1 for the agent's latents and 1 for the expert's."""
    z = RNG.normal(size=(10, 4))
    domain = [-1.0] * 5 + [1.0] * 5
    wanted = []
    for network in parts.statistics:
        joint = sum(statistic(network, x, d) for x, d in zip(z, domain, strict=True)) / 10
        product = [math.exp(statistic(network, x, d)) for x in z for d in (-1.0, 1.0)]
        wanted.append(joint - math.log(sum(product) / 20))
    got = information.information(*parts.scores(as_tensor(z)))
    np.testing.assert_allclose(got.detach(), wanted, rtol=1e-9)


def test_information_of_known_latents_is_at_most_one_bit():
    """Latents that name the domain, and a statistic that believes them."""
    own, wrong = torch.full((1, 10), 30.0).double(), torch.full((1, 10), -30.0).double()
    nats = information.information(own, torch.cat([own, wrong], 1))
    assert float(nats) / math.log(2) == pytest.approx(1, abs=1e-6)
    blind = torch.zeros(1, 10)
    assert float(information.information(blind, torch.zeros(1, 20))) == pytest.approx(0, abs=1e-6)


def test_the_gradient_of_the_statistics_divides_by_a_moving_average(parts):
    average: list[float] | None = None
    for _ in range(3):
        z = as_tensor(RNG.normal(size=(6, 4)))
        own, either = (t.detach().numpy() for t in parts.scores(z))
        now = [np.mean([math.exp(t) for t in row]) for row in either]
        average = now if average is None else [
            0.99 * a + 0.01 * b for a, b in zip(average, now, strict=True)
        ]
        wanted = sum(n / a - np.mean(o) for n, a, o in zip(now, average, own, strict=True))
        loss = parts.loss(z)
        assert float(loss.detach()) == pytest.approx(wanted, rel=1e-6)
        np.testing.assert_allclose(parts.log_average.exp(), average, rtol=1e-6)


def test_statistics_find_what_latents_tell_in_bits(parts):
    """Half of the latents name their domain: the other half leave it open, so 0.5 bit."""
    rng = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(parts.statistics.parameters(), 1e-2)

    def drawn(count: int) -> torch.Tensor:
        noise = 0.1 * torch.randn(2 * count, 4, generator=rng, dtype=torch.float64)
        side = torch.cat([-torch.ones(count), torch.ones(count)])
        noise[:, 0] += side * (torch.rand(2 * count, generator=rng) < 0.5)
        return noise

    for _ in range(300):
        optimiser.zero_grad()
        parts.loss(drawn(128)).backward()
        optimiser.step()
    bits = information.information(*parts.scores(drawn(4000))).max().detach() / math.log(2)
    assert float(bits) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ('weight', 'bits', 'wanted'),
    [(0.5, 0.995, 0.75), (0.5, 0.7, 0.5), (0.6, 0.3, 0.4), (4.0, 1.0, 5.0), (1.2e-4, 0.0, 1e-4)],
)
def test_the_weight_adapts_within_bounds(weight, bits, wanted):
    got = information.adapted(torch.tensor(weight), torch.tensor(bits))
    assert float(got) == pytest.approx(wanted)


@pytest.mark.parametrize('faithful', [False, True])
def test_what_is_descended_and_what_the_weight_is_compared_with(monkeypatch, faithful):
    """Discriminator loss + weight x bits; bits, or the authors' nats, against the thresholds."""
    agent = method('disentangail', agent__faithful=faithful)
    judge, network = agent._judge, agent.networks.discriminator
    dark, bright = torch.full((6, 6, 16, 16), 10.0), torch.full((6, 6, 16, 16), 240.0)
    descended: list[float] = []

    def descend(loss: torch.Tensor) -> torch.Tensor:
        descended.append(float(loss.detach()))
        return agent.optimisers.step(loss, 'discriminator')

    judge._descend = descend
    optimiser = torch.optim.Adam(network.statistics.parameters(), 1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        with torch.no_grad():
            latents = judge._sample(torch.cat([dark, bright]))
        network.loss(latents).backward()
        optimiser.step()
    _, metrics = judge.learn([dark, dark], [bright, bright])
    unit = math.log(2) if faithful else 1.0
    for _ in range(3):
        weight = float(network.weight)
        threshold = 0.85 * float(metrics['domain_information'])
        assert threshold > 0.1
        monkeypatch.setattr(information, 'TOO_MUCH', threshold)
        monkeypatch.setattr(information, 'LITTLE', threshold)
        _, metrics = judge.learn([dark, dark], [bright, bright])
        told = float(metrics['domain_information']) * unit
        wanted = float(metrics['discriminator_loss']) + weight * told
        assert descended[-1] == pytest.approx(wanted, rel=1e-5)
        assert (float(network.weight) > weight) == (told > threshold) == (not faithful)


def test_latents_are_reparameterised(parts):
    """Mean plus spread times noise: both have a gradient, and the spread is within its bounds."""
    outputs = as_tensor(np.tanh(RNG.normal(size=(5, 8)))).requires_grad_(True)
    judge = disentangail.DisentangledJudge(
        parts, method('disentangail')._config, torch.Generator().manual_seed(7), None,
        SimpleNamespace(encode=lambda images, encoder: images),
    )  # fmt: skip
    noise = torch.randn(5, 4, generator=torch.Generator().manual_seed(7)).double().numpy()
    values = outputs.detach().numpy()
    std = np.exp(-5 + 7 * (values[:, 4:] + 1) / 2)
    latents = judge._sample(outputs)
    np.testing.assert_allclose(latents.detach(), values[:, :4] + std * noise, rtol=1e-6)
    latents.sum().backward()
    np.testing.assert_allclose(outputs.grad[:, :4], 1)
    np.testing.assert_allclose(outputs.grad[:, 4:], 3.5 * std * noise, rtol=1e-6)


def test_the_multiplier_of_random_actions_follows_their_information():
    """Discriminator loss + weight x bits + multiplier x bits of random actions."""
    agent = method('disentangail_random')
    judge, network = agent._judge, agent.networks.discriminator
    images = torch.randint(0, 256, (3, 6, 6, 16, 16)).float()
    descended: list[float] = []

    def descend(loss: torch.Tensor) -> torch.Tensor:
        descended.append(float(loss.detach()))
        return agent.optimisers.step(loss, 'discriminator')

    judge._descend = descend
    for multiplier in (1.0, 1e-3):
        network.multiplier.fill_(multiplier)
        weight = float(network.weight)
        _, told = judge.learn([*images], [*images.flip(0)])
        wanted = float(told['discriminator_loss']) + weight * float(told['domain_information'])
        wanted += multiplier * float(told['random_information'])
        assert descended[-1] == pytest.approx(wanted, rel=1e-5)
        assert float(told['random_multiplier']) == pytest.approx(multiplier)
        more = float(told['random_information']) > 0.001
        moved = multiplier * math.exp(1e-3 if more else -1e-3)
        assert float(network.multiplier) == pytest.approx(max(moved, 1e-3), rel=1e-6)


def test_the_multiplier_stays_between_its_bounds_and_moves_by_a_thousandth():
    for before, bits, after in (
        (1.0, 0.5, math.exp(1e-3)), (1.0, 0.0, math.exp(-1e-3)), (1e-3, 0.0, 1e-3)
    ):  # fmt: skip
        moved = information.multiplied(torch.tensor(before), torch.tensor(bits))
        assert float(moved) == pytest.approx(after)


# --- the domain hidden from the shared encoder ---------------------------------------------------


def bits_of(network: information.DomainInformation, z: np.ndarray) -> float:
    """Return the greater Donsker-Varadhan bound, of the first half as agent's."""
    bounds = []
    for net in network.statistics:
        half = len(z) // 2
        own = [statistic(net, x, -1.0 if i < half else 1.0) for i, x in enumerate(z)]
        either = [math.exp(statistic(net, x, d)) for x in z for d in (-1.0, 1.0)]
        bounds.append(np.mean(own) - math.log(np.mean(either)))
    return max(bounds) / math.log(2)


class Fixed:
    """An objective whose loss is the sum of the second view's latents."""

    two_way, in_pass, steps = True, False, 0

    def loss(self, first: View, second: View) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return second.latent.sum(), {'contrastive_loss': second.latent.sum()}

    def after_step(self) -> None:
        self.steps += 1


@pytest.mark.parametrize('inner', [None, Fixed()], ids=['alone', 'added'])
def test_the_encoder_pays_for_what_its_latents_tell(parts, inner):
    """Loss and gradient of an objective + weight x bits, after a step of the statistics."""
    optimiser = torch.optim.Adam(parts.statistics.parameters(), 0.05)

    def descend(loss: torch.Tensor) -> torch.Tensor:
        assert latents.grad is None
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    z, other = RNG.normal(size=(2, 6, 4))
    latents = as_tensor(z).requires_grad_(True)
    objective = information.HideDomain(inner, parts, descend)
    before = [weight.clone() for weight in parts.statistics.parameters()]
    loss, told = objective.loss(View(latents), View(as_tensor(other)))
    after = list(parts.statistics.parameters())
    assert not any(a.equal(b) for a, b in zip(before, after, strict=True))
    assert latents.grad is None and all(weight.requires_grad for weight in after)
    bits = bits_of(parts, z)
    assert float(told['encoder_information']) == pytest.approx(bits, rel=1e-9)
    assert float(told['encoder_domain_weight']) == 0.5
    wanted = 0.5 * bits + (other.sum() if inner else 0)
    assert float(loss.detach()) == pytest.approx(wanted, rel=1e-9)
    factor = 1.5 if bits > 0.99 else 1 / 1.5 if bits < 0.495 else 1
    assert float(parts.weight) == pytest.approx(0.5 * factor)
    optimiser.zero_grad()
    loss.backward()
    assert all(weight.grad is None for weight in after)
    for index in np.ndindex(z.shape):
        moved = [z.copy(), z.copy()]
        moved[0][index] += 1e-6
        moved[1][index] -= 1e-6
        slope = (bits_of(parts, moved[0]) - bits_of(parts, moved[1])) / 2e-6
        assert float(latents.grad[index]) == pytest.approx(0.5 * slope, rel=1e-4, abs=1e-7)
    objective.after_step()
    assert objective.two_way == (inner is not None) == (not objective.in_pass)
    assert inner is None or inner.steps == 1


# --- bisimulation --------------------------------------------------------------------------------


def test_bisimulation_is_the_distance_of_what_follows():
    """|z_i - z_j|_1 against |r_i - r_j| + discount x W2; the model is fitted by likelihood."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = nn.Linear(4 + 2, 8).double()
    z, after, a, r = (RNG.uniform(-1, 1, shape) for shape in ((5, 4), (5, 4), (5, 2), 5))
    latents = as_tensor(z).requires_grad_(True)
    step = CriticStep(
        latents, latents, as_tensor(a), (latents, latents), as_tensor(after), as_tensor(a),
        as_tensor(r),
    )  # fmt: skip
    loss, told = bisimulation.Bisimulation(model, 0.7, 0.9).loss(step, 0.1)
    w, b = model.weight.detach().numpy(), model.bias.detach().numpy()
    outputs = [w @ np.append(z[i], a[i]) + b for i in range(5)]
    means = [output[:4] for output in outputs]
    stds = [np.exp(-5 + 5 * sigmoid(output[4:])) for output in outputs]
    total, fit, slope = 0.0, 0.0, np.zeros((5, 4))
    for i in range(5):
        j = (i - 1) % 5
        squares = (means[i] - means[j]) ** 2 + (stds[i] - stds[j]) ** 2
        target = abs(r[i] - r[j]) + 0.9 * math.sqrt(sum(squares))
        error = sum(abs(z[i] - z[j])) - target
        total += error**2 / 5
        slope[i] += 0.7 * 2 * error * np.sign(z[i] - z[j]) / 5
        slope[j] -= 0.7 * 2 * error * np.sign(z[i] - z[j]) / 5
        for k in range(4):
            density = math.exp(-(((after[i, k] - means[i][k]) / stds[i][k]) ** 2) / 2) / stds[i][k]
            fit -= math.log(density) / 5
    assert float(told['bisimulation_loss']) == pytest.approx(total, rel=1e-9)
    assert float(told['transition_loss']) == pytest.approx(fit, rel=1e-9)
    assert float(loss.detach()) == pytest.approx(0.7 * total + fit, rel=1e-9)
    moved = torch.autograd.grad(loss, [latents, *model.parameters()])
    np.testing.assert_allclose(moved[0], slope, rtol=1e-9)  # nothing of the model's own loss
    mean, std = bisimulation.Bisimulation(model, 0.7, 0.9)._predict(as_tensor(z), as_tensor(a))
    fitted = torch.autograd.grad(
        bisimulation.transition_loss(mean, std, as_tensor(after)), list(model.parameters())
    )
    for got, wanted in zip(moved[1:], fitted, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9)


# --- behaviour cloning ---------------------------------------------------------------------------


def test_cloning_is_the_squared_error_of_the_mean_action():
    """Its gradient reaches latents and actor alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        actor = nn.Linear(4, 2).double()
    z, a = RNG.normal(size=(6, 4)), RNG.uniform(-1, 1, (6, 2))
    latents = as_tensor(z).requires_grad_(True)
    loss, told = cloning.cloning_loss(actor, latents, as_tensor(a))
    w, b = actor.weight.detach().numpy(), actor.bias.detach().numpy()
    total, size, slope = 0.0, 0.0, np.zeros((6, 4))
    for i in range(6):
        for k in range(2):
            mean = math.tanh(sum(w[k, j] * z[i, j] for j in range(4)) + b[k])
            total += (mean - a[i, k]) ** 2 / 12
            size += abs(mean) / 12
            slope[i] += 2 * (mean - a[i, k]) * (1 - mean**2) * w[k] / 12
    assert float(loss.detach()) == pytest.approx(total, rel=1e-9)
    assert float(told['cloning_loss']) == pytest.approx(total, rel=1e-9)
    assert float(told['action_abs']) == pytest.approx(size, rel=1e-9)
    moved = torch.autograd.grad(loss, [latents, *actor.parameters()])
    np.testing.assert_allclose(moved[0], slope, rtol=1e-9)
    assert all(gradient.any() for gradient in moved)


# --- VRL3 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('target', 'wanted'),
    [(-5.0, -5.0), (199.0, 199.0), (200.5, 200.5), (201.0, 201.0), (204.0, 202.0), (300.0, 210.0)],
)
def test_safe_targets_grow_by_the_root_of_their_excess(target, wanted):
    assert float(vrl3.safe_target(torch.tensor(target), 200.0)) == pytest.approx(wanted)


def test_conservative_loss_is_log_sum_exp_less_the_action_shown():
    """Over ten random actions, those played and the one shown; for both critics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        heads = [nn.Linear(3 + 2, 1).double() for _ in range(2)]

    def critic(state: torch.Tensor, action: torch.Tensor) -> list[torch.Tensor]:
        return [head(torch.cat([state, action], 1)).squeeze(1) for head in heads]

    z, shown, now, later = (RNG.uniform(-1, 1, (4, n)) for n in (3, 2, 2, 2))
    state = as_tensor(z).requires_grad_(True)
    rng = torch.Generator().manual_seed(6)
    drawn = 2 * torch.rand((10, 4, 2), generator=rng).numpy() - 1
    networks = SimpleNamespace(critic=critic, actor=None)
    loss = vrl3.Conservative(networks, 0.3, rng.manual_seed(6)).held_low(
        state, critic(state, as_tensor(shown)), as_tensor(now), as_tensor(later)
    )
    total, slope = 0.0, np.zeros((4, 3))
    for head in heads:
        w, b = head.weight.detach().numpy()[0], float(head.bias.detach())
        for i in range(4):
            actions = [shown[i], now[i], later[i], *drawn[:, i]]
            q = [w[:3] @ z[i] + w[3:] @ action + b for action in actions]
            total += (math.log(sum(math.exp(value) for value in q)) - q[0]) / 4
    assert float(loss.detach()) == pytest.approx(total, rel=1e-6)
    (moved,) = torch.autograd.grad(loss, state)
    # A linear critic moves all of them alike: by the state nothing can be gained.
    np.testing.assert_allclose(moved, slope, atol=1e-9)


# --- diagnostics ---------------------------------------------------------------------------------


def test_entropy_is_that_of_a_coin_in_bits():
    expert, agent = RNG.normal(size=(2, 9)) * 3

    def bits(p: float) -> float:
        return -p * math.log2(p) - (1 - p) * math.log2(1 - p)

    wanted = sum(bits(sigmoid(x)) for x in (*expert, *agent)) / 18
    got = diagnostics.judge_metrics(as_tensor(expert), as_tensor(agent))
    assert float(got['discriminator_entropy']) == pytest.approx(wanted, rel=1e-9)
    far = torch.tensor([1e4, -1e4])
    assert float(diagnostics.judge_metrics(far, far)['discriminator_entropy']) == 0


def test_gradient_norm_is_over_all_weights_together():
    weights = [nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(4)),
               nn.Parameter(torch.ones(1))]  # fmt: skip
    (weights[0].sum() * 2 - weights[1].sum()).backward()
    norm = diagnostics.norm_of([w.grad for w in weights if w.grad is not None])
    assert float(norm) == pytest.approx(math.sqrt(6 * 4 + 4))
