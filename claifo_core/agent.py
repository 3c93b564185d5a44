"""C-LAIfO, Algorithm 1 on one page: one update of encoder, discriminator, critic and actor."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claifo_core import losses
from claifo_core.exploration import explore

if TYPE_CHECKING:
    from claifo_core.augment import Augmenter
    from claifo_core.config import TrainConfig
    from claifo_core.networks import Networks
    from claifo_core.replay import Batch


@dataclass
class Optimisers:
    """Adam over the encoder with the similarity matrix, and over each head."""

    encoder: torch.optim.Adam
    critic: torch.optim.Adam
    actor: torch.optim.Adam
    discriminator: torch.optim.Adam

    def items(self) -> list[tuple[str, torch.optim.Adam]]:
        """Return the optimisers by name."""
        return [(f.name, getattr(self, f.name)) for f in fields(self)]


def build_optimisers(networks: Networks, config: TrainConfig) -> Optimisers:
    """Return fused Adam optimisers with the learning rates of the configuration."""
    agent = config.agent

    def adam(parameters: list[torch.nn.Parameter], rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, rate, fused=True)

    return Optimisers(
        encoder=adam([*networks.encoder.parameters(), networks.similarity], agent.learning_rate),
        critic=adam(list(networks.critic.parameters()), agent.learning_rate),
        actor=adam(list(networks.actor.parameters()), agent.learning_rate),
        discriminator=adam(
            list(networks.discriminator.parameters()), agent.discriminator_learning_rate
        ),
    )


class Agent:
    """Acts from stacks of frames and learns from batches of transitions."""

    def __init__(
        self,
        networks: Networks,
        optimisers: Optimisers,
        augmenter: Augmenter,
        config: TrainConfig,
        rng: torch.Generator,
        *,
        half: bool = False,
    ) -> None:
        """Take built parts.

        Args:
            networks: What acts and learns.
            optimisers: What moves their weights.
            augmenter: Makes views, from a stream of its own.
            config: The run.
            rng: Where every other random number comes from.
            half: Encode in bfloat16.
        """
        self.networks = networks
        self.optimisers = optimisers
        self._augmenter = augmenter
        self._config = config.agent
        apply = config.augment.apply
        self._looks = {
            'contrastive': apply != 'nowhere',
            'discriminator': apply in ('CL-D', 'everywhere'),
            'critic': apply in ('CL-Q', 'everywhere'),
        }
        self._rng = rng
        self._half = half

    @torch.no_grad()
    def act(self, obs: Tensor, proprio: Tensor, std: float) -> Tensor:
        """Return actions in [-1, 1].

        Args:
            obs: uint8, shape (B, T V, 3, H, W).
            proprio: float32, shape (B, P).
            std: Scale of the Gaussian exploration noise; 0 gives the mean action.
        """
        state = torch.cat([self._encode(obs.float()), proprio], 1)
        mean = torch.tanh(self.networks.actor(state))
        return explore(mean, std, self._rng)

    def update(self, agent: Batch, expert: Batch, std: float | Tensor) -> dict[str, Tensor]:
        """Do one update of every network.

        Args:
            agent: Transitions of the agent; their environment reward counts as the configuration
                says.
            expert: Transitions of the expert; only their observations are used.
            std: Scale of the smoothing noise on actions.

        Returns:
            Named scalars, detached (formulas in docs/metrics.md).
        """
        if self._config.encoder_step == 'sequential':
            return self._sequential(agent, expert, std)
        return self._joint(agent, expert, std)

    def _sequential(self, agent: Batch, expert: Batch, std: float | Tensor) -> dict[str, Tensor]:
        """Step the encoder on InfoNCE, then on the critic's error (the authors' code)."""
        metrics: dict[str, Tensor] = {}
        if self._config.contrastive != 'none':
            obs = self._contrastive_obs(agent, expert)
            anchor = self._encode(self._view(obs, 'contrastive'))
            with torch.no_grad():
                positive = self._encode(self._view(obs, 'contrastive'))
            nce, metrics = self._contrastive_loss(anchor, positive)
            self._step(nce, 'encoder')
        latents = self._encode_all(
            (agent.obs, 'discriminator'),
            (agent.next_obs, 'discriminator'),
            (expert.obs, 'discriminator'),
            (expert.next_obs, 'discriminator'),
            (agent.next_obs, 'critic'),
        )
        reward = self._discriminator_step(latents[0:2], latents[2:4], metrics)
        latent = self._encode(self._view(agent.obs, 'critic'))
        loss = self._critic_loss(latent, latents[4], agent, reward, std, metrics)
        self._step(loss, 'encoder', 'critic')
        self._actor_step(torch.cat([latent.detach(), agent.proprio], 1), std, metrics)
        return metrics

    def _joint(self, agent: Batch, expert: Batch, std: float | Tensor) -> dict[str, Tensor]:
        """Step the encoder once on the sum of both losses (the paper's objective)."""
        metrics: dict[str, Tensor] = {}
        contrastive, shared = self._config.contrastive != 'none', self._config.share_views
        obs = self._contrastive_obs(agent, expert)
        next_latent, *rest = self._encode_all(
            (agent.next_obs, 'critic'),
            (expert.obs, 'discriminator'),
            (expert.next_obs, 'discriminator'),
            *([(obs, 'contrastive')] if contrastive else []),
            *([] if shared else [(agent.obs, 'discriminator'), (agent.next_obs, 'discriminator')]),
        )
        expert_pair, positive = rest[:2], rest[2] if contrastive else None
        agent_pair = [rest[2], next_latent] if shared else rest[-2:]
        reward = self._discriminator_step(agent_pair, expert_pair, metrics)
        latent = self._encode(self._view(agent.obs, 'critic'))
        loss = self._critic_loss(latent, next_latent, agent, reward, std, metrics)
        if positive is not None:
            one_view = self._looks['critic'] and obs is agent.obs
            anchor = latent if one_view else self._encode(self._view(obs, 'contrastive'))
            nce, nce_metrics = self._contrastive_loss(anchor, positive)
            loss = loss + nce
            metrics |= nce_metrics
        self._step(loss, 'encoder', 'critic')
        self._actor_step(torch.cat([latent.detach(), agent.proprio], 1), std, metrics)
        return metrics

    def _contrastive_obs(self, agent: Batch, expert: Batch) -> Tensor:
        if self._config.contrastive_data == 'agent':
            return agent.obs
        return torch.cat([agent.obs, expert.obs])

    def _view(self, obs: Tensor, role: str, out: Tensor | None = None) -> Tensor:
        """Return a random view of uint8 stacks for one consumer, float32 (B, T V, 3, H, W)."""
        images = obs.float() if out is None else out.copy_(obs)
        if self._looks[role]:
            return self._augmenter.transform_(images)
        return self._augmenter.shift_(images)

    def _encode(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self._half):
            latent: Tensor = self.networks.encoder(images.flatten(1, 2))
        return latent.float()

    @torch.no_grad()
    def _encode_all(self, *views: tuple[Tensor, str]) -> list[Tensor]:
        """Encode a random view of each (obs, role) in one pass without gradient."""
        sizes = [len(obs) for obs, _ in views]
        images = views[0][0].new_empty((sum(sizes), *views[0][0].shape[1:]), dtype=torch.float32)
        for (obs, role), part in zip(views, images.split(sizes), strict=True):
            self._view(obs, role, out=part)
        return list(self._encode(images).split(sizes))

    def _contrastive_loss(
        self, anchor: Tensor, positive: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if self._config.contrastive == 'bilinear':
            logits = losses.bilinear_logits(anchor, positive, self.networks.similarity)
        else:
            logits = losses.cosine_logits(anchor, positive, self._config.temperature)
        loss = losses.info_nce(logits)
        own = torch.arange(len(logits), device=logits.device)
        hits = (logits.detach().argmax(1) == own).float().mean()
        return loss, {'contrastive_loss': loss.detach(), 'contrastive_accuracy': hits}

    def _discriminator_step(
        self, agent_pair: list[Tensor], expert_pair: list[Tensor], metrics: dict[str, Tensor]
    ) -> Tensor:
        """Train D on transitions (z, z'), then return the agent's imitation reward."""
        config, judge = self._config, self.networks.discriminator
        agent, expert = torch.cat(agent_pair, 1), torch.cat(expert_pair, 1)
        expert_out, agent_out = judge(torch.cat([expert, agent])).squeeze(1).chunk(2)
        if config.gan_loss == 'bce':
            loss = losses.discriminator_loss(expert_out, agent_out)
            mix = self._rand(len(agent), 1)
            points, target, on = mix * agent + (1 - mix) * expert, 1.0, config.penalty_on
        else:
            loss = losses.least_squares_loss(expert_out, agent_out)
            points, target, on = expert, 0.0, 'logit'
        if config.penalty_weight > 0:
            penalty = losses.gradient_penalty(judge, points, on=on, target=target)
            loss = loss + config.penalty_weight * penalty
        self._step(loss, 'discriminator')
        with torch.no_grad():
            output = judge(agent).squeeze(1)
            reward = losses.imitation_reward(output, config.gan_loss, config.imitation_reward)
        metrics |= _discriminator_metrics(loss, expert_out, agent_out, reward)
        return reward

    def _critic_loss(
        self,
        latent: Tensor,
        next_latent: Tensor,
        agent: Batch,
        reward: Tensor,
        std: float | Tensor,
        metrics: dict[str, Tensor],
    ) -> Tensor:
        with torch.no_grad():
            if self._config.reward == 'imitation+env':
                reward = reward + self._config.env_reward_scale * agent.reward
            next_state = torch.cat([next_latent, agent.next_proprio], 1)
            next_action, _ = self._noisy_action(next_state, std)
            target = losses.critic_target(
                reward, agent.discount, *self.networks.target_critic(next_state, next_action)
            )
        state = torch.cat([latent, agent.proprio], 1)
        q1, q2 = self.networks.critic(state, agent.action)
        loss = losses.critic_loss(q1, q2, target)
        metrics |= {'critic_loss': loss.detach(), 'q_mean': q1.detach().mean()}
        return loss

    def _actor_step(self, state: Tensor, std: float | Tensor, metrics: dict[str, Tensor]) -> None:
        """Train the actor on fixed states (z, proprioception), then move the target critic."""
        action, pre_tanh = self._noisy_action(state, std)
        self.networks.critic.requires_grad_(False)
        loss = losses.actor_loss(*self.networks.critic(state, action))
        if self._config.actor_penalty > 0:
            loss = loss + self._config.actor_penalty * losses.saturation_penalty(pre_tanh)
        self._step(loss, 'actor')
        self.networks.critic.requires_grad_(True)
        metrics |= {
            'actor_loss': loss.detach(),
            'action_abs': pre_tanh.detach().tanh().abs().mean(),
        }
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.networks.target_critic.parameters()),
                list(self.networks.critic.parameters()),
                self._config.critic_tau,
            )

    def _noisy_action(self, state: Tensor, std: float | Tensor) -> tuple[Tensor, Tensor]:
        """Return the action with clipped noise, and the mean before tanh."""
        pre_tanh = self.networks.actor(state)
        mean = torch.tanh(pre_tanh)
        clip = self._config.std_clip
        noise = (std * self._noise(mean)).clamp(-clip, clip)
        return losses.clamp_straight_through(mean + noise), pre_tanh

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._rng, device=like.device)

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._rng, device=self._rng.device)

    def _step(self, loss: Tensor, *names: str) -> None:
        """Descend ``loss`` with the named optimisers."""
        optimisers = [getattr(self.optimisers, name) for name in names]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()


def _discriminator_metrics(
    loss: Tensor, expert_out: Tensor, agent_out: Tensor, reward: Tensor
) -> dict[str, Tensor]:
    expert_out, agent_out = expert_out.detach(), agent_out.detach()
    return {
        'discriminator_loss': loss.detach(),
        'discriminator_expert': torch.sigmoid(expert_out).mean(),
        'discriminator_agent': torch.sigmoid(agent_out).mean(),
        'discriminator_expert_accuracy': (expert_out > 0).float().mean(),
        'discriminator_agent_accuracy': (agent_out < 0).float().mean(),
        'reward_mean': reward.mean(),
        'reward_std': reward.std(),
    }
