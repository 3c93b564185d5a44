"""Several cameras and proprioception: from the replay through the networks to the policy file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_world import small_config, stacks_of

from claifo_core.agent import Agent, Augmenter, build_agent, build_networks, build_optimisers
from claifo_core.agent.encoders import Encoder
from claifo_core.config import NetworkConfig
from claifo_core.data.replay import Batch, Replay
from claifo_core.data.timestep import TimeStep
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.learner import Learner

B, STACK, VIEWS, PROPRIO, ACTIONS = 6, 2, 2, 3, 2
MODES = pytest.mark.parametrize('mode', ['stacked', 'shared'])


def encoder(mode: str) -> Encoder:
    torch.manual_seed(0)
    network = NetworkConfig(channels=4, strides=(2, 1), latent_dim=8, hidden_dim=16, views=mode)
    return Encoder(network, STACK, VIEWS, 16)


def pictures(seed: int = 0) -> torch.Tensor:
    """Stacks of both cameras, float32 (B, T, V, 3, H, W)."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (B, STACK, VIEWS, 3, 16, 16), generator=rng).float()


@MODES
def test_every_camera_and_every_frame_counts(mode):
    net, images = encoder(mode), pictures()
    before = net(images.flatten(1, 3))
    for frame in range(STACK):
        for view in range(VIEWS):
            other = images.clone()
            other[:, frame, view] = 0
            assert not torch.allclose(net(other.flatten(1, 3)), before)


def test_shared_is_one_convolution_per_camera_and_joined_features():
    net, images = encoder('shared'), pictures()
    features = [net._convolutions()(images[:, :, view].flatten(1, 2)) for view in range(VIEWS)]
    wanted = torch.tanh(net.norm(net.linear(torch.cat(features, 1))))
    torch.testing.assert_close(net(images.flatten(1, 3)), wanted)
    assert net.first.weight.shape[1] == 3 * STACK
    assert encoder('stacked').first.weight.shape[1] == 3 * STACK * VIEWS


def test_one_camera_is_the_same_in_both_modes():
    nets = []
    for mode in ('stacked', 'shared'):
        torch.manual_seed(0)
        nets.append(Encoder(NetworkConfig(strides=(2,), views=mode), STACK, 1, 16))
    images = pictures()[:, :, 0].flatten(1, 2)
    torch.testing.assert_close(nets[0](images), nets[1](images))


def test_the_replay_keeps_cameras_in_order_and_proprioception_with_its_frame():
    replay = Replay(40, 4, 1, views=VIEWS, proprio_dim=1, stack=STACK, n_step=3)
    for number in range(12):
        frame = np.empty((4, 4, 3 * VIEWS), np.uint8)
        frame[..., :3], frame[..., 3:] = number, 100 + number
        felt = np.array([number], np.float32)
        if number:
            replay.append(0, np.zeros(1, np.float32), 0.0, frame, felt)
        else:
            replay.begin(0, frame, felt)
    batch = replay.sample(64, torch.Generator().manual_seed(0))
    start = batch.proprio[:, 0]
    assert set(start.tolist()) == set(range(9))
    assert torch.equal(batch.next_proprio[:, 0], start + 3)
    shown = batch.obs.pictures()[..., 0, 0].float()[..., 0]
    before = (start - 1).clamp_min(0)
    assert torch.equal(shown, torch.stack([before, before + 100, start, start + 100], 1))
    newest, felt = (found[0] for found in replay.latest())
    assert newest[:, 0, 0, 0].tolist() == [10, 110, 11, 111]
    assert felt.tolist() == [11.0]


def build(**options) -> Agent:
    config = small_config(env__proprio=True, **options)
    networks = build_networks(
        config.network, frame_stack=STACK, size_px=16, action_dim=ACTIONS, views=VIEWS,
        proprio_dim=PROPRIO, seed=1,
    )  # fmt: skip
    return build_agent(
        networks, build_optimisers(networks, config.agent),
        Augmenter(config.augment, torch.Generator().manual_seed(2)),
        config, torch.Generator().manual_seed(3),
    )  # fmt: skip


def batch(seed: int, felt: float = 1.0) -> Batch:
    rng = np.random.default_rng(seed)
    obs = rng.integers(0, 256, (2, B, STACK * VIEWS, 3, 16, 16), dtype=np.uint8)
    action, reward = rng.uniform(-1, 1, (B, ACTIONS)), rng.uniform(0, 1, B)
    proprio = felt * rng.uniform(-1, 1, (2, B, PROPRIO))
    numbers = (action, reward, np.full(B, 0.9), *proprio)
    return Batch(
        *map(stacks_of, torch.from_numpy(obs)),
        *(torch.from_numpy(n.astype(np.float32)) for n in numbers)
    )


@MODES
@pytest.mark.parametrize('step', ['sequential', 'joint'])
def test_proprioception_reaches_actor_and_critic_and_nothing_else(mode, step):
    """Beside them, only what follows from the critic's gradient may differ."""
    results = []
    for felt in (0.0, 1.0):
        agent = build(network__views=mode, agent__encoder_step=step)
        metrics = agent.update(batch(0, felt), batch(1, felt), 0.4)
        results.append((metrics, agent.networks))
    (blind, _), (feeling, networks) = results
    for name in ('contrastive_loss', 'discriminator_loss', 'reward_mean'):
        assert float(blind[name]) == float(feeling[name]), name
    for name in ('critic_loss', 'actor_loss'):
        assert float(blind[name]) != float(feeling[name]), name
    assert networks.discriminator[0].in_features == 2 * 8
    fresh = build(network__views=mode).networks
    for part, column in (('actor', networks.actor[0]), ('critic', networks.critic.heads[0][0])):
        old = fresh.actor[0] if part == 'actor' else fresh.critic.heads[0][0]
        moved = (column.weight != old.weight)[:, 8 : 8 + PROPRIO]
        # Units that no sample of the batch switches on do not move.
        assert moved.any(1).float().mean() > 0.5, part


@MODES
def test_the_gradient_of_an_update_reaches_the_filters_of_both_cameras(mode):
    agent = build(network__views=mode)
    before = agent.networks.encoder.first.weight.detach().clone()
    agent.update(batch(0), batch(1), 0.4)
    moved = (agent.networks.encoder.first.weight != before).float().mean((0, 2, 3))
    assert (moved > 0.9).all()


@pytest.mark.parametrize('scale', [0.0, 0.5])
def test_the_environment_reward_is_added_with_its_scale(scale):
    """With Q = 0 everywhere and a discriminator that says 1 the loss is the mean of 2 r^2."""
    agent = build(
        agent__reward='imitation+env', agent__env_reward_scale=scale,
        agent__discriminator_learning_rate=0.0,
    )  # fmt: skip
    networks = agent.networks
    for part in (networks.critic, networks.target_critic, networks.discriminator):
        for weight in part.parameters():
            weight.data.zero_()
    networks.discriminator[-1].bias.data.fill_(1.0)
    seen = batch(0)
    metrics = agent.update(seen, batch(1), 0.0)
    wanted = 2 * (1 + scale * seen.reward).square().mean()
    assert float(metrics['critic_loss']) == pytest.approx(float(wanted), rel=1e-5)


def learner(**options) -> Learner:
    videos = [np.zeros((9, 16, 16, 3 * VIEWS), np.uint8)] * 2
    config = small_config(env__proprio=True, env__num_envs=1, **options)
    made = Learner(config, ACTIONS, videos, PROPRIO)
    rng = np.random.default_rng(0)
    for number in range(50):
        frame = rng.integers(0, 256, (16, 16, 3 * VIEWS), dtype=np.uint8)
        action = rng.uniform(-1, 1, ACTIONS).astype(np.float32) if number else None
        felt = rng.uniform(-1, 1, PROPRIO).astype(np.float32)
        made.observe(0, TimeStep(frame, action, 0.5, proprio=felt))
    return made


@MODES
def test_the_policy_file_acts_as_the_learner(mode, tmp_path):
    made = learner(network__views=mode, agent__std_start=0.0, agent__std_end=0.0)
    made.update()
    path = tmp_path / 'policy.safetensors'
    made.policy().save(path)
    policy = Policy.load(path)
    assert (policy.views, policy.proprio_dim) == (VIEWS, PROPRIO)
    obs, felt = (found[0] for found in made.replay.latest())
    action = policy.act(obs.flatten(0, 1)[None].numpy(), felt[None].numpy())
    np.testing.assert_allclose(made.act(), action, atol=1e-5)


def test_videos_of_another_number_of_cameras_are_refused():
    videos = [np.zeros((9, 16, 16, 6), np.uint8), np.zeros((9, 16, 16, 3), np.uint8)]
    with pytest.raises(ClaifoError, match=r'episode 1 are \(16, 16, 3\).*env.cameras'):
        Learner(small_config(), ACTIONS, videos)
