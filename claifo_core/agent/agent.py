"""C-LAIfO, Algorithm 1 on one page: one update of encoder, discriminator, critic and actor.

The five steps, in the paper's order (arXiv 2407.12792; equations in :mod:`.losses`):

1. the encoder learns latents that do not depend on the look (``objective``),
2. the discriminator learns to tell pairs (z, z') of the expert from the agent's,
3. what it says of the agent's pairs is the reward (both ``judge``),
4. critic and encoder learn the return of that reward,
5. the actor learns actions of high return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claifo_core.agent import losses
from claifo_core.agent.auxiliary import CriticStep
from claifo_core.agent.diagnostics import rank_correlation
from claifo_core.agent.exploration import explore, smoothed
from claifo_core.agent.sample import Sample
from claifo_core.agent.sight import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.agent.auxiliary import Auxiliary
    from claifo_core.agent.judge import Judge
    from claifo_core.agent.networks import Networks
    from claifo_core.agent.objective import Objective
    from claifo_core.agent.optimisers import Optimisers
    from claifo_core.agent.sight import Part, Sight
    from claifo_core.config import AgentConfig
    from claifo_core.data.replay import Batch
    from claifo_core.data.stacks import Stacks

Metrics = dict[str, Tensor]
"""Named scalars, detached (formulas in docs/metrics.md)."""


class Agent:
    """Acts from stacks of frames and learns from batches of transitions."""

    def __init__(
        self,
        networks: Networks,
        optimisers: Optimisers,
        sight: Sight,
        objective: Objective,
        judge: Judge,
        config: AgentConfig,
        rng: torch.Generator,
        auxiliaries: Sequence[Auxiliary] = (),
    ) -> None:
        """Take built parts (:func:`claifo_core.agent.parts.build_agent` chooses them).

        Args:
            networks: What acts and learns.
            optimisers: What moves their weights.
            sight: What each step sees of a stack.
            objective: The loss that makes latents invariant.
            judge: Who rewards imitation.
            config: Coefficients and forms of the losses.
            rng: Where the noise on actions comes from.
            auxiliaries: Further losses of step 4.
        """
        self.networks, self.optimisers = networks, optimisers
        self._sight, self._objective, self._judge = sight, objective, judge
        self._config, self._rng, self._auxiliaries = config, rng, auxiliaries

    @torch.no_grad()
    def act(self, obs: Tensor, proprio: Tensor, std: float) -> Tensor:
        """Return actions in [-1, 1].

        Args:
            obs: uint8, shape (B, T V, 3, H, W).
            proprio: float32, shape (B, P).
            std: Scale of the Gaussian exploration noise; 0 gives the mean action.
        """
        state = torch.cat([self._sight.encode(obs.flatten(1, 2).float()), proprio], 1)
        return explore(torch.tanh(self.networks.actor(state)), std, self._rng)

    def update(
        self, agent: Batch, expert: Batch, std: float | Tensor, random: Sequence[Stacks] = ()
    ) -> Metrics:
        """Do one update of every network.

        Args:
            agent: Transitions of the agent.
            expert: Transitions of the expert.
            std: Scale of the smoothing noise on actions.
            random: Stacks of random actions, see :class:`.sample.Sample`.
        """
        sample = Sample(agent, expert, random)
        self._sight.watch(sample)
        if self._config.encoder_step == 'sequential':
            return self._sequential(sample, std)
        return self._joint(sample, std)

    def _sequential(self, sample: Sample, std: float | Tensor) -> Metrics:
        """Step the encoder on InfoNCE, then on the critic's error (the authors' code)."""
        metrics: Metrics = {}
        here, there = (sample.agent.obs, 'critic'), (sample.agent.next_obs, 'critic')
        # Step 1.
        anchors, positives = self._objective.parts(sample)
        if anchors:
            first = self._sight.graded(*anchors)
            loss, metrics = self._objective.loss(first, self._second(positives))
            metrics['encoder_gradient'] = self.optimisers.step(loss, 'encoder')
            self._objective.after_step()
        # Steps 2 and 3, on latents of the encoder as it is now.
        ours, theirs, (next_latent,) = self._sight.latents(*self._judge.parts(sample), [there])
        reward, told = self._judge.imitate(sample, ours, theirs)
        metrics |= told
        # Step 4.
        latent = self._sight.graded(here).latent
        loss = self._critic_loss(sample.agent, latent, next_latent, reward, std, metrics)
        if self._config.critic_gradient:
            metrics['encoder_gradient'] = self.optimisers.step(loss, 'encoder', 'critic')
        else:
            self.optimisers.step(loss, 'critic')
        # Step 5.
        self._actor_step(torch.cat([latent.detach(), sample.agent.proprio], 1), std, metrics)
        return metrics

    def _joint(self, sample: Sample, std: float | Tensor) -> Metrics:
        """Step the encoder once on the sum of both losses (the paper's objective)."""
        here, there = (sample.agent.obs, 'critic'), (sample.agent.next_obs, 'critic')
        anchors, positives = self._objective.parts(sample)
        ours, theirs = self._judge.parts(sample)
        shares = self._config.share_views
        (next_latent,), theirs_seen, second, ours_seen = self._sight.latents(
            [there], theirs, positives if self._objective.in_pass else [], [] if shares else ours
        )
        # Steps 2 and 3.
        ours_seen = [*second, next_latent] if shares else ours_seen
        reward, metrics = self._judge.imitate(sample, ours_seen, theirs_seen)
        # Step 4, with step 1 on the same views where it can be.
        seen = self._sight.graded(here)
        loss = self._critic_loss(sample.agent, seen.latent, next_latent, reward, std, metrics)
        if anchors:
            first = seen if self._sight.alike(anchors, [here]) else self._sight.graded(*anchors)
            other = View(torch.cat(second)) if second else self._second(positives)
            added, told = self._objective.loss(first, other)
            loss, metrics = loss + added, metrics | told
        metrics['encoder_gradient'] = self.optimisers.step(loss, 'encoder', 'critic')
        self._objective.after_step()
        # Step 5.
        self._actor_step(torch.cat([seen.latent.detach(), sample.agent.proprio], 1), std, metrics)
        return metrics

    def _second(self, positives: list[Part]) -> View:
        with torch.set_grad_enabled(self._objective.two_way):
            return self._sight.graded(*positives)

    def _critic_loss(
        self, agent: Batch, latent: Tensor, next_latent: Tensor, reward: Tensor,
        std: float | Tensor, metrics: Metrics,
    ) -> Tensor:  # fmt: skip
        """Step 4: the squared errors of both critics."""
        with torch.no_grad():
            next_state = torch.cat([next_latent, agent.next_proprio], 1)
            next_action, _ = self._smoothed(next_state, std)
            values = self.networks.target_critic(next_state, next_action)
            target = self._target(reward, agent.discount, values)
        latent = latent if self._config.critic_gradient else latent.detach()
        state = torch.cat([latent, agent.proprio], 1)
        q1, q2 = self.networks.critic(state, agent.action)
        loss = losses.critic_loss(q1, q2, target)
        metrics |= {'critic_loss': loss.detach(), 'q_mean': q1.detach().mean()}
        metrics['reward_rank'] = rank_correlation(reward, agent.reward)
        step = CriticStep(latent, state, agent.action, (q1, q2), next_latent, next_action, reward)
        for auxiliary in self._auxiliaries:
            added, told = auxiliary.loss(step, std)
            loss = loss + added
            metrics |= told
        return loss

    def _target(self, reward: Tensor, discount: Tensor, values: tuple[Tensor, Tensor]) -> Tensor:
        return losses.critic_target(reward, discount, *values)

    def _actor_step(self, state: Tensor, std: float | Tensor, metrics: Metrics) -> None:
        """Step 5: train the actor on fixed states (z, proprioception); the target follows."""
        action, pre_tanh = self._smoothed(state, std)
        loss = losses.actor_loss(*self.networks.critic(state, action))
        if self._config.actor_penalty > 0:
            loss = loss + self._config.actor_penalty * losses.saturation_penalty(pre_tanh)
        self.optimisers.step(loss, 'actor')
        metrics['actor_loss'] = loss.detach()
        metrics['action_abs'] = pre_tanh.detach().tanh().abs().mean()
        self.networks.follow_critic(self._config.critic_tau)

    def _smoothed(self, state: Tensor, std: float | Tensor) -> tuple[Tensor, Tensor]:
        return smoothed(self.networks.actor, state, std, self._config.std_clip, self._rng)
