"""C-LAIfO, Algorithm 1 on one page: one update of encoder, discriminator, critic and actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent import losses
from claifo_core.agent.baselines.vrl3 import Conservative, safe_target
from claifo_core.agent.diagnostics import gradient_norm
from claifo_core.agent.exploration import explore
from claifo_core.agent.objective import View, contrasted
from claifo_core.agent.parts import build_bisimulation, build_cloning, build_judge, build_objective

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claifo_core.agent.augment import Augmenter
    from claifo_core.agent.networks import Networks
    from claifo_core.agent.objective import Part
    from claifo_core.agent.optimisers import Optimisers
    from claifo_core.config import TrainConfig
    from claifo_core.data.replay import Batch
    from claifo_core.data.stacks import Stacks


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
        self._flat = config.network.contrast == 'features'
        self._config = config.agent
        self._objective = build_objective(
            networks, config.agent, self._encode, self._step_judge
        )
        self._bisimulation = build_bisimulation(networks, config.agent)
        self._cloning = build_cloning(networks, config.agent)
        self._judge = build_judge(networks, config.agent, rng, self._encode)
        apply = config.augment.apply
        sees_t = {
            'contrastive': apply != 'nowhere',
            'discriminator': apply in ('CL-D', 'everywhere'),
            'critic': apply in ('CL-Q', 'everywhere'),
        }
        self._looks = {role: 'T' if sees else 'shift' for role, sees in sees_t.items()}
        raw = self._objective is not None and self._objective.raw_anchor
        self._looks['raw'] = 'raw'
        self._looks['anchor'] = 'raw' if raw else self._looks['contrastive']
        self._conservative = Conservative(networks.critic, rng)
        self._offline = False
        self._rng = rng
        self._half = half
        self._dtype = torch.bfloat16 if half else torch.float32
        augmenter.prepare(self._dtype)

    @torch.no_grad()
    def act(self, obs: Tensor, proprio: Tensor, std: float) -> Tensor:
        """Return actions in [-1, 1].

        Args:
            obs: uint8, shape (B, T V, 3, H, W).
            proprio: float32, shape (B, P).
            std: Scale of the Gaussian exploration noise; 0 gives the mean action.
        """
        state = torch.cat([self._encode(obs.flatten(1, 2).float()), proprio], 1)
        mean = torch.tanh(self.networks.actor(state))
        return explore(mean, std, self._rng)

    def update(
        self,
        agent: Batch,
        expert: Batch,
        std: float | Tensor,
        random: Sequence[Stacks] = (),
        *,
        offline: bool = False,
    ) -> dict[str, Tensor]:
        """Do one update of every network.

        Args:
            agent: Transitions of the agent; their environment reward counts as the configuration
                says.
            expert: Transitions of the expert; only their observations are used, and with
                ``agent.cloning`` their actions.
            std: Scale of the smoothing noise on actions.
            random: Stacks from random actions in the agent's world and in the expert's, where the
                configuration needs them.
            offline: Hold the critic low for actions that ``agent`` does not show.

        Returns:
            Named scalars, detached (formulas in docs/metrics.md).
        """
        self._offline = offline
        self._augmenter.watch(agent.obs, expert.obs)
        if self._cloning is not None:
            latent = self._encode(self._view(expert.obs, 'critic'))  # what the actor sees, too
            loss, metrics = self._cloning.loss(latent, expert.action)
            return metrics | {'encoder_gradient': self._step(loss, 'encoder', 'actor')}
        if self._config.encoder_step == 'sequential':
            return self._sequential(agent, expert, std, random)
        return self._joint(agent, expert, std, random)

    def _sequential(
        self, agent: Batch, expert: Batch, std: float | Tensor, random: Sequence[Stacks]
    ) -> dict[str, Tensor]:
        """Step the encoder on InfoNCE, then on the critic's error (the authors' code)."""
        metrics: dict[str, Tensor] = {}
        if self._objective is not None:
            anchors, positives = self._contrasted(agent, expert, random)
            first = self._graded_view(*anchors)
            loss, metrics = self._objective.loss(first, self._second_view(positives))
            metrics['encoder_gradient'] = self._step(loss, 'encoder')
            self._objective.after_step()
        ours, theirs = self._judged(agent), self._judged(expert)
        *latents, next_latent = self._encode_all(*ours, *theirs, (agent.next_obs, 'critic'))
        pairs = latents[: len(ours)], latents[len(ours) :]
        reward = self._imitation_reward((agent, expert), random, pairs, metrics)
        latent = self._encode(self._view(agent.obs, 'critic'))
        loss = self._critic_loss(latent, next_latent, agent, reward, std, metrics)
        if self._config.critic_gradient:
            metrics['encoder_gradient'] = self._step(loss, 'encoder', 'critic')
        else:
            self._step(loss, 'critic')
        self._actor_step(torch.cat([latent.detach(), agent.proprio], 1), std, metrics)
        return metrics

    def _joint(
        self, agent: Batch, expert: Batch, std: float | Tensor, random: Sequence[Stacks]
    ) -> dict[str, Tensor]:
        """Step the encoder once on the sum of both losses (the paper's objective)."""
        metrics: dict[str, Tensor] = {}
        objective = self._objective
        anchors, positives = self._contrasted(agent, expert, random)
        one_way = objective is not None and not objective.two_way and not self._flat
        theirs, ours = self._judged(expert), self._judged(agent)
        next_latent, *rest = self._encode_all(
            (agent.next_obs, 'critic'),
            *theirs,
            *(positives if one_way else []),
            *([] if self._config.share_views else ours),
        )
        expert_pair, rest = rest[: len(theirs)], rest[len(theirs) :]
        second = None
        if one_way:
            second = View(torch.cat(rest[: len(positives)]))
            rest = rest[len(positives) :]
        agent_pair = [second.latent, next_latent] if second and self._config.share_views else rest
        pairs = agent_pair, expert_pair
        reward = self._imitation_reward((agent, expert), random, pairs, metrics)
        seen = self._graded_view((agent.obs, 'critic'))
        loss = self._critic_loss(seen.latent, next_latent, agent, reward, std, metrics)
        if objective is not None:
            one_view = self._looks['critic'] == self._looks['anchor'] == 'T'
            one_view = one_view and self._config.contrastive_data == 'agent'
            first = seen if one_view else self._graded_view(*anchors)
            added, told = objective.loss(first, second or self._second_view(positives))
            loss = loss + added
            metrics |= told
        metrics['encoder_gradient'] = self._step(loss, 'encoder', 'critic')
        if objective is not None:
            objective.after_step()
        self._actor_step(torch.cat([seen.latent.detach(), agent.proprio], 1), std, metrics)
        return metrics

    def _contrasted(
        self, agent: Batch, expert: Batch, random: Sequence[Stacks]
    ) -> tuple[list[Part], list[Part]]:
        if self._objective is None:
            return [], []
        return contrasted(self._config.contrastive_data, agent.obs, expert.obs, random)

    def _view(self, obs: Stacks, role: str, out: Tensor | None = None) -> Tensor:
        """Return a random view for one consumer, shape (B, 3 T V, H, W)."""
        return self._augmenter.view(obs, self._looks[role], out, self._dtype)

    def _graded_view(self, *parts: Part) -> View:
        views = [self._view(*part) for part in parts]
        images = views[0] if len(views) == 1 else torch.cat(views)
        if not self._flat:
            return View(self._encode(images), images)
        encoder = self.networks.encoder
        features = self._autocast(encoder.features, images)
        return View(self._autocast(encoder.latent, features), images, features)

    def _second_view(self, parts: list[Part]) -> View:
        assert self._objective is not None
        with torch.set_grad_enabled(self._objective.two_way):
            return self._graded_view(*parts)

    def _encode(self, images: Tensor, encoder: nn.Module | None = None) -> Tensor:
        return self._autocast(encoder or self.networks.encoder, images)

    def _autocast(self, network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self._half):
            return network(inputs).float()

    @torch.no_grad()
    def _encode_all(self, *views: Part) -> list[Tensor]:
        """Encode a random view of each part in one pass without gradient."""
        sizes = [len(obs) for obs, _ in views]
        _, *shape = views[0][0].shape
        images = torch.empty(
            (sum(sizes), *shape), dtype=self._dtype, device=views[0][0].device,
            memory_format=torch.channels_last,
        )  # fmt: skip
        for (obs, role), part in zip(views, images.split(sizes), strict=True):
            self._view(obs, role, out=part)
        return list(self._encode(images).split(sizes))

    def _judged(self, batch: Batch) -> list[Part]:
        """Return which views the judge wants the latents of."""
        if self._judge is None or self._judge.sees_pixels:
            return []
        return [(batch.obs, 'discriminator'), (batch.next_obs, 'discriminator')]

    def _imitation_reward(
        self,
        batches: tuple[Batch, Batch],
        random: Sequence[Stacks],
        pairs: tuple[list[Tensor], list[Tensor]],
        metrics: dict[str, Tensor],
    ) -> Tensor:
        """Train the judge on transitions of agent and expert, then return the agent's reward."""
        reward = torch.zeros_like(batches[0].reward)
        if self._judge is not None:
            if self._judge.sees_pixels:
                both = [[batch.obs, batch.next_obs] for batch in batches]
                if self._config.random_constraint:
                    for stacks, obs in zip(both, random, strict=True):
                        stacks.append(obs)
                agent, expert = (
                    [self._view(obs, 'discriminator').float() for obs in stacks] for stacks in both
                )
                pairs = agent, expert
            reward, told = self._judge.learn(*pairs, self._step_judge)
            metrics |= told
        metrics |= {'reward_mean': reward.mean(), 'reward_std': reward.std()}
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
            if self._config.reward != 'imitation':
                reward = reward + self._config.env_reward_scale * agent.reward
            next_state = torch.cat([next_latent, agent.next_proprio], 1)
            next_action, _ = self._noisy_action(next_state, std)
            target = losses.critic_target(
                reward, agent.discount, *self.networks.target_critic(next_state, next_action)
            )
            if self._config.safe_q > 0:
                target = safe_target(target, self._config.safe_q)
        if not self._config.critic_gradient:
            latent = latent.detach()
        state = torch.cat([latent, agent.proprio], 1)
        q1, q2 = self.networks.critic(state, agent.action)
        loss = losses.critic_loss(q1, q2, target)
        metrics |= {'critic_loss': loss.detach(), 'q_mean': q1.detach().mean()}
        if self._offline:
            action, _ = self._noisy_action(state.detach(), std)
            added = self._conservative.loss(state, (q1, q2), action.detach(), next_action)
            loss = loss + added
            metrics['conservative_loss'] = added.detach()
        if self._bisimulation is not None:
            added, told = self._bisimulation.loss(latent, agent.action, next_latent, reward)
            loss = loss + added
            metrics |= told
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

    def _step_judge(self, loss: Tensor) -> Tensor:
        return self._step(loss, 'discriminator')

    def _step(self, loss: Tensor, *names: str) -> Tensor:
        """Descend ``loss`` with the named optimisers; returns the first one's gradient norm."""
        optimisers = [getattr(self.optimisers, name) for name in names]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        return gradient_norm(optimisers[0])
