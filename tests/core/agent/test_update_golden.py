"""Whole updates against plain NumPy in float64: forward passes written out, gradients by central
finite differences over every single weight, Adam by hand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from toy_world import small_config, stacks_of

from claifo_core.agent import Augmenter, Networks, build_agent, build_networks, build_optimisers
from claifo_core.data.replay import Batch
from claifo_core.data.stacks import Stacks

BATCH, STACK, SIZE, ACTIONS = 5, 2, 16, 2
STD, RATE, D_RATE, TAU = 0.5, 1e-2, 3e-2, 0.1
PROPRIO = 3
Weights = dict[str, np.ndarray]


def config_of(**options):
    """Return a tiny network whose T doubles the brightness: known, and unlike no T at all."""
    sizes = {
        'network__channels': 2, 'network__strides': [2, 1], 'network__latent_dim': 4,
        'network__hidden_dim': 8, 'env__frame_stack': STACK,
    }
    rates = {
        'agent__learning_rate': RATE, 'agent__discriminator_learning_rate': D_RATE,
        'agent__critic_tau': TAU, 'agent__actor_penalty': 0.2,
    }
    look = {'augment__brightness': [2.0, 2.0], 'augment__shift_px': 0}
    return small_config(**sizes, **rates, **look, **options)


def make_batch(rng: np.random.Generator, proprio_dim: int = 0) -> Batch:
    obs = rng.integers(0, 256, (2, BATCH, STACK, 3, SIZE, SIZE), dtype=np.uint8)
    numbers = rng.uniform(-1, 1, (BATCH, ACTIONS)).astype(np.float32)
    discount = np.array([0.9, 0.9, 0.0, 0.9, 0.9], np.float32)
    reward = rng.uniform(-1, 1, BATCH).astype(np.float32)
    proprio = rng.uniform(-1, 1, (2, BATCH, proprio_dim)).astype(np.float32)
    stacks = map(stacks_of, torch.from_numpy(obs))
    return Batch(*stacks, *map(torch.from_numpy, (numbers, reward, discount, *proprio)))


def weights_of(networks: Networks) -> Weights:
    """Return a copy of every weight as float64 under 'network.layer.kind'."""
    found = {'similarity.weight': networks.similarity}
    for name, module in networks.modules().items():
        found |= {f'{name}.{key}': value for key, value in module.named_parameters()}
    return {key: value.detach().double().numpy().copy() for key, value in found.items()}


# --- the networks and the algorithm, once more ---------------------------------------------------


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """Correlate (B, C, H, W) with (O, C, 3, 3), tap by tap."""
    out = (x.shape[-1] - 3) // stride + 1
    total = np.zeros((len(x), len(weight), out, out)) + bias[None, :, None, None]
    for dy in range(3):
        for dx in range(3):
            part = x[:, :, dy : dy + stride * out : stride, dx : dx + stride * out : stride]
            total += np.einsum('bchw,oc->bohw', part[:, :, :out, :out], weight[:, :, dy, dx])
    return total


def encode(w: Weights, obs: np.ndarray) -> np.ndarray:
    x = obs.reshape(BATCH, -1, SIZE, SIZE) / 255 - 0.5
    x = np.maximum(conv(x, w['encoder.first.weight'], w['encoder.first.bias'], 2), 0)
    x = np.maximum(conv(x, w['encoder.rest.0.weight'], w['encoder.rest.0.bias'], 1), 0)
    # Pixels are flattened row by row with the channel last.
    u = np.moveaxis(x, 1, 3).reshape(BATCH, -1) @ w['encoder.linear.weight'].T
    u = u + w['encoder.linear.bias']
    mean, variance = u.mean(1, keepdims=True), u.var(1, keepdims=True)
    u = (u - mean) / np.sqrt(variance + 1e-5) * w['encoder.norm.weight'] + w['encoder.norm.bias']
    return np.tanh(u)


def mlp(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    for layer in (0, 2, 4):
        x = x @ w[f'{name}.{layer}.weight'].T + w[f'{name}.{layer}.bias']
        x = np.maximum(x, 0) if layer < 4 else x
    return x


def critic(w: Weights, name: str, z: np.ndarray, a: np.ndarray) -> list[np.ndarray]:
    both = np.concatenate([z, a], 1)
    return [mlp(w, f'{name}.heads.{head}', both)[:, 0] for head in (0, 1)]


def judge(w: Weights, pair: np.ndarray) -> np.ndarray:
    return mlp(w, 'discriminator', pair)[:, 0]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def penalty(w: Weights, points: np.ndarray, on: str, target: float) -> float:
    """Return the gradient penalty; the gradient by the chain rule through three layers."""
    one, two, three = (w[f'discriminator.{layer}.weight'] for layer in (0, 2, 4))
    first = points @ one.T + w['discriminator.0.bias']
    second = np.maximum(first, 0) @ two.T + w['discriminator.2.bias']
    gradient = ((three * (second > 0)) @ two * (first > 0)) @ one
    if on == 'sigmoid':
        p = sigmoid(judge(w, points))
        gradient = gradient * (p * (1 - p))[:, None]
    return float(np.mean((np.linalg.norm(gradient, axis=1) - target) ** 2))


def cross_entropy(logits: np.ndarray) -> float:
    own = logits[np.arange(len(logits)), np.arange(len(logits))]
    return float(np.mean(np.log(np.exp(logits).sum(1)) - own))


class Adam:
    """Adam by its paper, over all weights with the given prefixes."""

    def __init__(self, prefixes: tuple[str, ...], rate: float):
        self.prefixes, self.rate, self.count = prefixes, rate, 0
        self.m: Weights = {}
        self.v: Weights = {}

    def gradients(self, w: Weights, loss: Callable[[Weights], float]) -> Weights:
        keys = [key for key in w if key.startswith(self.prefixes)]
        return {key: differences(w, key, loss) for key in keys}

    def apply(self, w: Weights, gradients: Weights) -> None:
        self.count += 1
        for key, g in gradients.items():
            self.m[key] = 0.9 * self.m.get(key, 0) + 0.1 * g
            self.v[key] = 0.999 * self.v.get(key, 0) + 0.001 * g**2
            m = self.m[key] / (1 - 0.9**self.count)
            v = self.v[key] / (1 - 0.999**self.count)
            w[key] = w[key] - self.rate * m / (np.sqrt(v) + 1e-8)


def differences(w: Weights, key: str, loss: Callable[[Weights], float]) -> np.ndarray:
    """Return the gradient of ``loss`` in one array, entry by entry."""
    gradient, h = np.zeros_like(w[key]), 1e-6
    for index in np.ndindex(gradient.shape):
        moved = {**w, key: w[key].copy()}
        moved[key][index] += h
        up = loss(moved)
        moved[key][index] -= 2 * h
        gradient[index] = (up - loss(moved)) / (2 * h)
    return gradient


def with_proprio(latent: np.ndarray, proprio: torch.Tensor) -> np.ndarray:
    return np.concatenate([latent, proprio.double().numpy()], 1)


class Oracle:
    """One update, following algorithm 1.5, with the random numbers of the agent's stream."""

    def __init__(self, w: Weights, config, draws: torch.Generator):
        self.w, self.config, self.draws = w, config.agent, draws
        self.everywhere = config.augment.apply == 'everywhere'
        self.adams = {
            'encoder': Adam(('encoder',), RATE),
            'similarity': Adam(('similarity',), RATE),
            'critic': Adam(('critic',), RATE),
            'actor': Adam(('actor',), RATE),
            'discriminator': Adam(('discriminator',), D_RATE),
        }
        self.metrics: dict[str, float] = {}

    def plain(self, obs: Stacks) -> np.ndarray:
        return obs.pictures().double().numpy()

    def bright(self, obs: Stacks) -> np.ndarray:
        return np.clip(2 * self.plain(obs), 0, 255)

    def noise(self) -> np.ndarray:
        drawn = torch.randn(BATCH, ACTIONS, generator=self.draws).double().numpy()
        return np.clip(STD * drawn, -0.3, 0.3)

    def nce(self, anchor: np.ndarray, positive: np.ndarray, w: Weights) -> float:
        if self.config.contrastive == 'bilinear':
            logits = anchor @ w['similarity.weight'] @ positive.T
        else:
            anchor, positive = (z / np.linalg.norm(z, axis=1)[:, None] for z in (anchor, positive))
            within = (anchor @ anchor.T)[~np.eye(BATCH, dtype=bool)].reshape(BATCH, -1)
            logits = np.concatenate([anchor @ positive.T, within], 1) / self.config.temperature
        hits = logits.argmax(1) == np.arange(BATCH)
        self.metrics['contrastive_accuracy'] = float(hits.mean())
        return cross_entropy(logits)

    def discriminator(self, agent: np.ndarray, expert: np.ndarray) -> np.ndarray:
        """Step D on pairs of latents (B, 2Z); return the reward."""
        bce = self.config.gan_loss == 'bce'
        mix = torch.rand(BATCH, 1, generator=self.draws).double().numpy() if bce else 0.0
        points = mix * agent + (1 - mix) * expert

        def loss(w: Weights) -> float:
            e, a = judge(w, expert), judge(w, agent)
            if bce:
                fit = -np.mean(np.log(sigmoid(e))) - np.mean(np.log(1 - sigmoid(a)))
                regular = penalty(w, points, self.config.penalty_on, 1.0)
            else:
                fit = 0.5 * (np.mean((e - 1) ** 2) + np.mean((a + 1) ** 2))
                regular = penalty(w, points, 'logit', 0.0)
            return fit + self.config.penalty_weight * regular

        self.metrics['discriminator_loss'] = loss(self.w)
        self.metrics['discriminator_agent'] = float(sigmoid(judge(self.w, agent)).mean())
        self.metrics['discriminator_expert'] = float(sigmoid(judge(self.w, expert)).mean())
        self.step(loss, 'discriminator')
        output = judge(self.w, agent)
        if not bce:
            return 2 * np.maximum(0, 1 - (output - 1) ** 2 / 4)
        if self.config.imitation_reward == 'softplus':
            return np.log1p(np.exp(output))
        return output > 0

    def target(self, z_next: np.ndarray, reward: np.ndarray, agent: Batch) -> np.ndarray:
        state = with_proprio(z_next, agent.next_proprio)
        action = np.clip(np.tanh(mlp(self.w, 'actor', state)) + self.noise(), -1, 1)
        q = critic(self.w, 'target_critic', state, action)
        self.metrics['reward_mean'] = float(np.mean(reward))
        if self.config.reward == 'imitation+env':
            reward = reward + self.config.env_reward_scale * agent.reward.double().numpy()
        return reward + agent.discount.double().numpy() * np.minimum(*q)

    def squares(self, w: Weights, z: np.ndarray, agent: Batch, y: np.ndarray) -> float:
        state = with_proprio(z, agent.proprio)
        q = critic(w, 'critic', state, agent.action.double().numpy())
        return float(np.mean((q[0] - y) ** 2) + np.mean((q[1] - y) ** 2))

    def step(self, loss: Callable[[Weights], float], *names: str) -> None:
        """Move all named parts by the gradients at one point."""
        parts = [self.adams[name] for name in names]
        gradients = [part.gradients(self.w, loss) for part in parts]
        for part, gradient in zip(parts, gradients, strict=True):
            part.apply(self.w, gradient)

    def actor(self, state: np.ndarray) -> None:
        noise = self.noise()

        def loss(w: Weights) -> float:
            u = mlp(w, 'actor', state)
            # Unclamped in the gradient: the clamp is straight through. The batch stays inside.
            action = np.tanh(u) + noise
            assert np.abs(action).max() < 1
            saturation = np.mean(np.maximum(np.abs(u) - 1, 0) ** 2)
            q = np.minimum(*critic(w, 'critic', state, action))
            return float(-np.mean(q) + self.config.actor_penalty * saturation)

        self.metrics['actor_loss'] = loss(self.w)
        self.step(loss, 'actor')
        for key in [key for key in self.w if key.startswith('target_critic')]:
            now = self.w[key.removeprefix('target_')]
            self.w[key] = (1 - TAU) * self.w[key] + TAU * now

    def sequential(self, agent: Batch, expert: Batch) -> None:
        if self.config.contrastive != 'none':
            positive = encode(self.w, self.bright(agent.obs))

            def nce(w: Weights) -> float:
                return self.nce(encode(w, self.bright(agent.obs)), positive, w)

            self.metrics['contrastive_loss'] = nce(self.w)
            self.step(nce, 'encoder', 'similarity')
        look = self.bright if self.everywhere else self.plain
        pairs = [
            np.concatenate([encode(self.w, look(o)) for o in (b.obs, b.next_obs)], 1)
            for b in (agent, expert)
        ]
        reward = self.discriminator(*pairs)
        z_next, z = (encode(self.w, self.bright(o)) for o in (agent.next_obs, agent.obs))
        y = self.target(z_next, reward, agent)

        def loss(w: Weights) -> float:
            return self.squares(w, encode(w, self.bright(agent.obs)), agent, y)

        self.metrics['critic_loss'] = loss(self.w)
        self.step(loss, 'encoder', 'critic')
        self.actor(with_proprio(z, agent.proprio))

    def joint(self, agent: Batch, expert: Batch) -> None:
        look = self.bright if self.everywhere else self.plain
        z, z_next = (encode(self.w, self.bright(o)) for o in (agent.obs, agent.next_obs))
        pairs = [
            np.concatenate([encode(self.w, look(o)) for o in (b.obs, b.next_obs)], 1)
            for b in (agent, expert)
        ]
        reward = self.discriminator(*pairs)
        y = self.target(z_next, reward, agent)

        def squares(w: Weights) -> float:
            return self.squares(w, encode(w, self.bright(agent.obs)), agent, y)

        def nce(w: Weights) -> float:
            return self.nce(encode(w, self.bright(agent.obs)), z, w)

        self.metrics |= {'critic_loss': squares(self.w), 'contrastive_loss': nce(self.w)}
        self.step(
            lambda w: squares(w) + nce(w), 'encoder', 'similarity', 'critic'
        )
        self.actor(with_proprio(z, agent.proprio))


# --- the comparison ------------------------------------------------------------------------------

SETTINGS = {
    'the authors': {'agent__penalty_weight': 10.0},
    'LAIfO': {'agent__contrastive': 'none', 'agent__penalty_on': 'logit'},
    'least squares': {'agent__gan_loss': 'least_squares', 'augment__apply': 'everywhere'},
    'paper': {
        'agent__encoder_step': 'joint', 'agent__contrastive': 'cosine',
        'agent__temperature': 0.5, 'agent__imitation_reward': 'softplus',
    },
    'shared views': {
        'agent__encoder_step': 'joint', 'agent__share_views': True,
        'augment__apply': 'everywhere', 'augment__draw': 'sample',
        'agent__imitation_reward': 'softplus',
    },
    'proprioception and environment reward': {
        'env__proprio': True, 'agent__reward': 'imitation+env', 'agent__env_reward_scale': 0.3,
    },
    'the same, joint': {
        'env__proprio': True, 'agent__reward': 'imitation+env', 'agent__encoder_step': 'joint',
        'agent__contrastive': 'cosine',
    },
}  # fmt: skip


@pytest.mark.parametrize('options', SETTINGS.values(), ids=SETTINGS.keys())
def test_one_update(options):
    config = config_of(**options)
    networks = build_networks(
        config.network, frame_stack=STACK, size_px=SIZE, action_dim=ACTIONS, seed=5,
        proprio_dim=PROPRIO * config.env.proprio,
    )  # fmt: skip
    shake(networks)
    optimisers = build_optimisers(networks, config.agent)
    agent = build_agent(
        networks, optimisers, Augmenter(config.augment, torch.Generator().manual_seed(1)),
        config, torch.Generator().manual_seed(2),
    )  # fmt: skip
    oracle = Oracle(weights_of(networks), config, torch.Generator().manual_seed(2))
    rng = np.random.default_rng(11)
    batches = make_batch(rng, PROPRIO * config.env.proprio), make_batch(rng)

    got = agent.update(*batches, STD)
    getattr(oracle, config.agent.encoder_step)(*batches)

    for name, value in oracle.metrics.items():
        assert float(got[name]) == pytest.approx(value, rel=2e-4, abs=1e-6), name
    for name, optimiser in optimisers.items():
        moments = optimiser.moments()
        for key, weight in trained_by(networks, name).items():
            number = next(k for k, w in enumerate(optimiser.weights) if w is weight)
            found = {k.split('.')[1]: v for k, v in moments.items() if k.startswith(f'{number}.')}
            compare_moments(key, found, oracle.adams[key.split('.')[0]])
    for key, wanted in weights_of(networks).items():
        difference = np.abs(oracle.w[key] - wanted)
        # Where a gradient is 0 up to rounding, Adam's first step has no defined direction.
        rate = D_RATE if key.startswith('discriminator') else RATE
        assert np.mean(difference < 0.02 * rate) > 0.97, key


def shake(networks: Networks) -> None:
    """Move biases and normalisation off their initial 0 and 1, and the target off the critic."""
    rng = torch.Generator().manual_seed(4)
    for module in networks.modules().values():
        for weight in module.parameters():
            noise = torch.randn(weight.shape, generator=rng)
            weight.data.add_(noise, alpha=0.1 if weight.ndim == 1 else 0.02)
    networks.actor[-1].weight.data.mul_(0.3)


def trained_by(networks: Networks, name: str) -> dict[str, torch.Tensor]:
    named = getattr(networks, name).named_parameters()
    extra = {'similarity.weight': networks.similarity} if name == 'encoder' else {}
    return {f'{name}.{key}': value for key, value in named} | extra


def compare_moments(key: str, moments: dict, adam: Adam) -> None:
    """Compare count, mean and mean square of the gradients that one weight has seen."""
    if not moments:
        assert not np.any(adam.m.get(key, 0)), f'{key} was to move'
        return
    assert int(moments['step']) == adam.count, key
    for name, wanted in (('exp_avg', adam.m[key]), ('exp_avg_sq', adam.v[key])):
        tolerance = 1e-3 * float(np.abs(wanted).max()) + 1e-12
        np.testing.assert_allclose(moments[name], wanted, rtol=0, atol=tolerance, err_msg=key)
