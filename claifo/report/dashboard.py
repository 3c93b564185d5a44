"""The dashboard of a run: small charts of the learner's own figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from claifo.report import figures
from claifo.study.run_folder import column
from claifo_core.training.formulas import FORMULAS

if TYPE_CHECKING:
    from claifo.study.run_folder import Run


class _Panel(NamedTuple):
    """A chart of the dashboard: its lines are (label, field, colour)."""

    title: str
    lines: tuple[tuple[str, str, str], ...]
    share: bool = False


def _alone(title: str, name: str, share: bool = False) -> _Panel:
    return _Panel(title, (('', name, figures.INK),), share)


def _sides(title: str, suffix: str) -> _Panel:
    """Return a chart of a share on expert and on agent pairs."""
    expert = ('expert', f'discriminator_expert{suffix}', figures.SOURCE)
    agent = ('agent', f'discriminator_agent{suffix}', figures.TARGET)
    return _Panel(title, (expert, agent), share=True)


_REWARD = (('mean', 'reward_mean', figures.TARGET), ('std', 'reward_std', figures.MUTED))
_ACTIONS = (
    ('mean |tanh u|', 'action_abs', figures.TARGET),
    ('exploration std', 'action_std', figures.MUTED),
)
_GRADIENTS = (
    ('encoder', 'encoder_gradient', figures.TARGET),
    ('discriminator', 'discriminator_gradient', figures.MUTED),
)
_PANELS = (
    _sides('Discriminator: mean sigma(D)', ''),
    _sides('Discriminator: accuracy', '_accuracy'),
    _alone('Discriminator: entropy (bits)', 'discriminator_entropy', share=True),
    _Panel('Gradient norms', _GRADIENTS),
    _Panel('Imitation reward', _REWARD),
    _alone('Rank correlation of the reward with the true one', 'reward_rank'),
    _alone('Discriminator loss', 'discriminator_loss'),
    _alone('Contrastive accuracy', 'contrastive_accuracy', share=True),
    _alone('Contrastive loss', 'contrastive_loss'),
    _alone('Cloning loss', 'cloning_loss'),
    _alone('Critic loss', 'critic_loss'),
    _alone('Mean Q', 'q_mean'),
    _Panel('Actions', _ACTIONS),
)


def charts(run: Run) -> list[tuple[str, str]]:
    """Return charts with the meaning of their lines; none before the first update."""
    train = [r for r in run.records['train'] if 'frames' in r]
    frames, drawn = column(train, 'frames'), []
    for title, lines, share in _PANELS:
        held = [line for line in lines if any(r.get(line[1]) is not None for r in train)]
        if held:
            series = [(label, column(train, name), colour) for label, name, colour in held]
            meaning = '; '.join(FORMULAS[name] for _, name, _ in held)
            drawn.append((figures.panel(title, frames, series, share=share), meaning))
    return drawn
