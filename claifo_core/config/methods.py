"""Named methods: what each changes in a configuration, and nothing else.

A method is a set of options, so a comparison differs in exactly what stands here. Names are those
of `claifo train --method` and of study files. A method holds over any preset of C-LAIfO: where it
must, it also takes back an option of a preset that it contradicts (``agent.share_views``, a
least-squares discriminator).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from claifo_core.config import AgentConfig


@dataclass(frozen=True)
class Method:
    """One method of a comparison.

    Attributes:
        summary: What it is, in half a sentence.
        source: Where it comes from.
        overrides: Dotted option names and their values, over any preset.
    """

    summary: str
    source: str
    overrides: Mapping[str, Any]


_CLAIFO, _LAIFO = 'arXiv 2407.12792', 'arXiv 2309.17371'
_APART: dict[str, Any] = {'agent.share_views': False}
_NO_CONTRAST = {'agent.contrastive': 'none', **_APART}
_PATCH = {**_NO_CONTRAST, 'agent.judge': 'patch', 'agent.gan_loss': 'bce',
          'agent.penalty_on': 'logit'}  # fmt: skip
_DISENTANGLED = {**_NO_CONTRAST, 'agent.judge': 'disentangled'}
_BYOL = {'agent.contrastive': 'byol', **_APART}
_SHIFT = {'augment.apply': 'nowhere'}
# Distances and numbers of shapes have no colours. But the greys of all distances hang on the
# nearest and the mean one of their picture, so T scales them a little (docs/robustness.md).
_DISTANCES = {'augment.kind': 'brightness', 'augment.brightness': (0.8, 1.25)}
_HIDE = {'agent.contrastive_data': 'expert', 'agent.hide_domain': True, **_APART}

_CLONE = {**_NO_CONTRAST, 'agent.cloning': True, 'expert.action_topic': '/action',
          'env.proprio': False}  # fmt: skip

_VRL3 = {**_NO_CONTRAST, 'agent.reward': 'env', 'agent.demonstrations': True,
         'agent.offline_updates': 30_000, 'agent.safe_q': 200.0, 'agent.std_start': 0.01,
         'agent.std_end': 0.01, 'uniform_steps': 0, 'expert.action_topic': '/action',
         'expert.reward_topic': '/time_step', 'env.proprio': False}  # fmt: skip

_BASELINES = {
    'claifo': Method('C-LAIfO as the preset has it', _CLAIFO, {}),
    'laifo': Method('no contrastive step, random shift alone', _LAIFO, {**_NO_CONTRAST, **_SHIFT}),
    'laifo_aug': Method(
        'LAIfO, T at discriminator and critic', _CLAIFO,
        {**_NO_CONTRAST, 'augment.apply': 'everywhere'},
    ),
    'laifo_aug_discriminator': Method(
        'LAIfO, T at the discriminator', _CLAIFO, {**_NO_CONTRAST, 'augment.apply': 'CL-D'}
    ),
    'laifo_aug_critic': Method(
        'LAIfO, T at the critic', _CLAIFO, {**_NO_CONTRAST, 'augment.apply': 'CL-Q'}
    ),
    'patchail': Method(
        'PatchAIL-W: discriminator of image patches', 'arXiv 2302.00965', {**_PATCH, **_SHIFT}
    ),
    'patchail_aug': Method(
        'PatchAIL-W, T at discriminator and critic', _CLAIFO,
        {**_PATCH, 'augment.apply': 'everywhere'},
    ),
    'patchail_faithful': Method(
        'PatchAIL-W, gradient penalty as published (next to nothing)', 'arXiv 2302.00965',
        {**_PATCH, **_SHIFT, 'agent.faithful': True},
    ),
    'disentangail': Method(
        'DisentanGAIL: preprocessor that hides the domain', 'arXiv 2103.05079',
        {**_DISENTANGLED, **_SHIFT},
    ),
    'disentangail_aug': Method(
        'DisentanGAIL, T at discriminator and critic', _CLAIFO,
        {**_DISENTANGLED, 'augment.apply': 'everywhere'},
    ),
    'disentangail_faithful': Method(
        'DisentanGAIL as in the C-LAIfO code (preprocessor frozen)', _CLAIFO,
        {**_DISENTANGLED, **_SHIFT, 'agent.faithful': True},
    ),
    'disentangail_random': Method(
        'DisentanGAIL, constraint on random actions too', 'arXiv 2103.05079',
        {**_DISENTANGLED, **_SHIFT, 'agent.random_constraint': True},
    ),
    'byol': Method('BYOL in place of InfoNCE, T on both views', _CLAIFO, _BYOL),
    'byol_faithful': Method(
        'BYOL, one of its views the plain frames', _CLAIFO, {**_BYOL, 'agent.faithful': True}
    ),
    'laifo_mi': Method(
        'LAIfO, the shared encoder hides the domain (lail_mi)', _CLAIFO,
        {**_NO_CONTRAST, **_SHIFT, **_HIDE},
    ),
    'claifo_mi': Method(
        'C-LAIfO, the shared encoder hides the domain (lail_cl_mi)', _CLAIFO, _HIDE
    ),
    'byol_mi': Method(
        'BYOL, the shared encoder hides the domain (lail_byol_mi)', _CLAIFO, {**_BYOL, **_HIDE}
    ),
    'bisim': Method(
        'LAIfO, bisimulation loss on the encoder', 'arXiv 2006.10742',
        {**_NO_CONTRAST, **_SHIFT, 'agent.bisimulation': 0.5},
    ),
    'bc': Method(
        "behaviour cloning of the expert's actions, random shift alone", 'Pomerleau 1988',
        {**_CLONE, **_SHIFT},
    ),
    'bc_aug': Method(
        'behaviour cloning, T at the actor', 'this project', {**_CLONE, 'augment.apply': 'CL-Q'}
    ),
    'vrl3': Method(
        'VRL3 without its ImageNet stage: offline on demonstrations, then online with them',
        'arXiv 2202.10324', {**_VRL3, **_SHIFT},
    ),
    'drqv2': Method(
        'DrQ-v2: the true reward, no imitation (oracle)', 'arXiv 2107.09645',
        {**_NO_CONTRAST, **_SHIFT, 'agent.reward': 'env'},
    ),
    'rl_claifo': Method(
        'true reward + C-LAIfO', _CLAIFO, {'agent.reward': 'imitation+env'}
    ),
    'rl_laifo': Method(
        'true reward + LAIfO', _LAIFO,
        {**_NO_CONTRAST, **_SHIFT, 'agent.reward': 'imitation+env'},
    ),
}  # fmt: skip

_ABLATIONS = {
    'no_critic_gradient': Method(
        'the encoder follows InfoNCE alone', _CLAIFO, {'agent.critic_gradient': False}
    ),
    'contrastive_agent': Method(
        "InfoNCE on the agent's frames", _CLAIFO, {'agent.contrastive_data': 'agent'}
    ),
    'contrastive_expert': Method(
        "InfoNCE on the agent's and the expert's frames", _CLAIFO,
        {'agent.contrastive_data': 'expert', **_APART},
    ),
    **{
        f'contrastive_{name}': Method(
            what, _CLAIFO, {'agent.contrastive_data': data, **_APART}
        )
        for name, data, what in (
            (
                'agent_random', 'agent+random',
                "InfoNCE on the agent's frames and unlike random ones as pairs",
            ),
            ('random', 'random', 'InfoNCE on unlike random frames of both worlds as pairs'),
            ('all', 'all', 'InfoNCE on agent, expert, and unlike random frames as pairs'),
        )
    },
    'bilinear': Method(
        'InfoNCE with a bilinear form (their code)', _CLAIFO, {'agent.contrastive': 'bilinear'}
    ),
    'cosine': Method(
        'InfoNCE with cosine and temperature (their paper)', _CLAIFO,
        {'agent.contrastive': 'cosine'},
    ),
    'projection': Method(
        'a head of 128 between latent and InfoNCE', 'arXiv 2002.05709', {'network.projection': 128}
    ),
    'flat_features': Method(
        'InfoNCE on the features before the linear layer', _CLAIFO,
        {'network.contrast': 'features', **_APART},
    ),
    'sequential': Method(
        'InfoNCE step, then critic step (their code)', _CLAIFO,
        {'agent.encoder_step': 'sequential', **_APART},
    ),
    'joint': Method(
        'one encoder step on both losses (their paper)', _CLAIFO, {'agent.encoder_step': 'joint'}
    ),
    'aug_none': Method(
        'no augmentation, no shift', _CLAIFO, {'augment.kind': 'shift', 'augment.shift_px': 0}
    ),
    **{
        f'aug_{kind}': Method(f'T = {kind}', _CLAIFO, {'augment.kind': kind})
        for kind in ('shift', 'brightness', 'color', 'full')
    },
    'aug_generic': Method(
        'T = generic: wide ranges, chosen for no mismatch', 'this project',
        {'augment.kind': 'generic'},
    ),
    'aug_auto': Method(
        'T = auto: ranges from the colours of agent and expert', 'this project',
        {'augment.kind': 'auto'},
    ),
    'aug_warp': Method(
        'T also pulls the corners of the picture', 'this project', {'augment.warp': 0.1}
    ),
    **{
        f'apply_{name}': Method(
            f'T at {where}', _CLAIFO, {'augment.apply': apply, **_APART}
        )
        for name, apply, where in (
            ('contrastive', 'CL-only', 'InfoNCE alone'),
            ('discriminator', 'CL-D', 'InfoNCE and discriminator'),
            ('critic', 'CL-Q', 'InfoNCE and critic'),
            ('everywhere', 'everywhere', 'InfoNCE, discriminator and critic'),
        )
    },
    'draw_batch': Method(
        'one draw of T per batch and frame (their code)', _CLAIFO, {'augment.draw': 'batch'}
    ),
    'draw_sample': Method(
        'one draw of T per sample, the same over its stack', 'this project',
        {'augment.draw': 'sample'},
    ),
    **{
        f'reward_{form}': Method(
            f'imitation reward: {form}', _CLAIFO,
            {'agent.gan_loss': 'bce', 'agent.imitation_reward': form},
        )
        for form in ('hard', 'softplus', 'probability', 'logit')
    },
    'least_squares': Method(
        'least-squares discriminator with its reward', _LAIFO,
        {'agent.gan_loss': 'least_squares'},
    ),
    **{
        kind: Method(what, source, {'env.observation': kind, **extra})
        for kind, what, source, extra in (
            ('grayscale', 'luma of all images', _CLAIFO, {}),
            (
                'event', 'event images, random shift alone (Eb-LAIfO)', 'Eb-LAIfO code',
                {**_NO_CONTRAST, **_SHIFT},
            ),
            ('depth', 'distances, T = a little brightness', _CLAIFO, _DISTANCES),
            (
                'segmentation', 'which shape is where, T = shift', _CLAIFO,
                {'augment.kind': 'shift'},
            ),
            (
                'cloud', 'distances from where the camera belongs, T as for depth',
                'this project', _DISTANCES,
            ),
        )
    },
    **{
        f'encoder_{body}': Method(f'another encoder: {body}', source, {'network.encoder': body})
        for body, source in (
            ('impala', 'arXiv 1802.01561'), ('spatial_softmax', 'arXiv 1504.00702'),
            ('vit', 'arXiv 2010.11929'),
        )
    },
}  # fmt: skip

METHODS = {**_BASELINES, **_ABLATIONS}


def method(name: str) -> Method:
    """Return the method of that name.

    Raises:
        ClaifoError: there is none.
    """
    if name not in METHODS:
        raise ClaifoError(
            f'{name}: no such method{did_you_mean(name, METHODS)}; '
            f'one of {", ".join(sorted(METHODS))}'
        )
    return METHODS[name]


def title(agent: AgentConfig) -> str:
    """Return what people call an agent of these options."""
    if agent.cloning:
        return 'Behaviour cloning'
    if agent.demonstrations:
        return 'VRL3 without ImageNet'
    if agent.reward == 'env':
        return 'DrQ-v2 with the true reward'
    if agent.judge != 'latent':
        return {'patch': 'PatchAIL-W', 'disentangled': 'DisentanGAIL'}[agent.judge]
    kinds = {'none': 'LAIfO', 'byol': 'C-LAIfO with BYOL'}
    name = kinds.get(agent.contrastive, 'C-LAIfO')
    name += ', domain hidden' if agent.hide_domain else ''
    return name + (', bisimulation' if agent.bisimulation > 0 else '')
