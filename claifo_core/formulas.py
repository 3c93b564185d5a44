"""What each figure of a record means; docs/metrics.md is checked against it."""

from __future__ import annotations

FORMULAS: dict[str, str] = {
    'critic_loss': 'mean (Q1 - y)^2 + mean (Q2 - y)^2, y = r + gamma^n min Qbar(z_n, a_n)',
    'actor_loss': '-mean min(Q1, Q2)(z, pi(z) + clipped noise), and the pre-tanh penalty if any',
    'contrastive_loss': 'InfoNCE: mean cross-entropy of row i of Z1 W Z2^T with target i (nats)',
    'contrastive_accuracy': 'share of rows of Z1 W Z2^T whose greatest entry is the diagonal one',
    'encoder_gradient': "norm of the gradient of the encoder's last step in the update",
    'discriminator_loss': 'binary cross-entropy on expert and agent pairs + gradient penalty',
    'discriminator_gradient': "norm of the gradient of the discriminator's step",
    'discriminator_entropy': 'mean entropy of sigma(D) over expert and agent pairs (bits)',
    'discriminator_expert': 'mean sigma(D(z, z_n)) over expert pairs (1 = surely the expert)',
    'discriminator_agent': 'mean sigma(D(z, z_n)) over agent pairs (0 = surely the agent)',
    'discriminator_expert_accuracy': 'share of expert pairs with D(z, z_n) > 0',
    'discriminator_agent_accuracy': 'share of agent pairs with D(z, z_n) < 0',
    'domain_information': 'DisentanGAIL: lower bound of what latents tell about the domain (bits)',
    'domain_weight': 'DisentanGAIL: weight of that bound in the loss of the preprocessor',
    'encoder_information': 'agent.hide_domain: lower bound of what z tells of the domain (bits)',
    'encoder_domain_weight': 'agent.hide_domain: weight of that bound in the loss of the encoder',
    'reward_mean': 'mean imitation reward of the batch (a function of D alone)',
    'reward_std': 'standard deviation of the imitation reward over the batch',
    'q_mean': 'mean Q1(z, a) over the batch',
    'action_abs': 'mean |tanh u| of the policy; near 1 it is saturated and hardly learns',
    'action_std': 'scheduled standard deviation of the exploration noise',
    'steps_per_s': 'agent steps of all environments together per second of wall time',
    'step': 'agent steps of all environments together',
    'frames': 'step x action repeat: control steps of the simulator',
    'updates': 'updates of the learner',
    'wall_s': 'seconds of training, summed over resumed sessions',
    'return': 'sum of the true reward over one training episode',
    'length': 'agent steps of one training episode',
    'return_mean': 'mean true return over the evaluation episodes (mean action, no noise)',
    'return_std': 'standard deviation of the true return over the evaluation episodes',
    'success_rate': 'share of evaluation episodes with success in at least one step',
    'solved_rate': 'share of evaluation episodes with success in more steps than the task asks '
    'for (Adroit: 25, pen 20; else 0)',
}
