"""The parts of the page that need no simulator: each returns HTML."""

from __future__ import annotations

import platform
from html import escape
from importlib.metadata import distributions
from typing import TYPE_CHECKING, NamedTuple

from claifo.report import figures
from claifo.report.run import column, own_curve
from claifo_core.config import TrainConfig, methods
from claifo_core.config.settings import differences, to_dict
from claifo_core.training.formulas import FORMULAS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claifo.report.probe import DomainGap
    from claifo.report.run import Curve, Run

_PACKAGES = ('claifo', 'torch', 'numpy', 'mujoco', 'dm_control', 'gymnasium', 'rosbags')


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
    _alone('Discriminator loss', 'discriminator_loss'),
    _alone('Contrastive accuracy', 'contrastive_accuracy', share=True),
    _alone('Contrastive loss', 'contrastive_loss'),
    _alone('Cloning loss', 'cloning_loss'),
    _alone('Critic loss', 'critic_loss'),
    _alone('Mean Q', 'q_mean'),
    _Panel('Actions', _ACTIONS),
)


def heading(text: str) -> str:
    """Return a section heading."""
    return f'<h2>{text}</h2>'


def header(run: Run, source: str, goal: str, mismatch: str) -> str:
    """Return the title: what was learned, and how far the run has come.

    Args:
        run: The run.
        source: Domain in which the expert was filmed.
        goal: What the robot has to do.
        mismatch: How the two domains differ.
    """
    env = run.config.env
    name = methods.title(run.config.agent)
    state = 'finished' if run.progress >= 1 else f'{run.progress:.0%} done'
    return (
        f'<h1>{escape(env.task)}</h1><p class="lead">{escape(goal.capitalize())}. {name} learned '
        f'it from videos in <span class="source">{escape(source)}</span> and acts in '
        f'<span class="target">{escape(env.domain)}</span>: {escape(mismatch)}.<br>'
        f'Run {escape(run.folder.resolve().name)}, seed {run.config.seed}, {state}.</p>'
    )


def tiles(run: Run, gaps: Sequence[tuple[str, DomainGap]]) -> str:
    """Return the figures that a reader looks for first."""
    evals = run.records['eval']
    last = (run.records['train'] or [{}])[-1]
    shown = []
    if evals:
        best = max(evals, key=lambda r: r['return_mean'])
        shown.append((f'{evals[-1]["return_mean"]:.0f}', f'last return{_share(run, evals[-1])}'))
        shown.append((f'{best["return_mean"]:.0f}', f'best return{_share(run, best)}'))
    else:
        shown.append(('-', 'no evaluation yet'))
    shown.append((_duration(run.wall_s), 'training time'))
    frames = run.last_step * run.config.env.action_repeat
    shown.append((f'{frames:,}', f'frames, {last.get("updates", 0):,} updates'))
    if gaps:
        accuracy = ' → '.join(f'{gap.accuracy:.2f}' for _, gap in gaps)
        distance = ' → '.join(f'{gap.distance_ratio:.2f}' for _, gap in gaps)
        shown.append((distance, 'latent distance of the two looks'))
        shown.append((accuracy, 'domain probe, 0.5 = invisible'))
    cells = ''.join(f'<div><b>{value}</b><span>{label}</span></div>' for value, label in shown)
    return f'<div class="tiles">{cells}</div>'


def learning(run: Run, controls: Sequence[Curve]) -> str:
    """Return the learning curves, by frames and by wall time."""
    text = heading('Learning curve')
    own = own_curve(run, 'this run')
    if not own.mean:
        first = run.config.eval_every
        return f'{text}<p>No evaluation yet: the first follows at agent step {first:,}.</p>'
    expert, random = (run.start.get(f'{who}_return') for who in ('expert', 'random'))
    charts = (
        f'<figure>{figures.learning_curve(own, controls, by, expert, random)}</figure>'
        for by in ('frames', 'wall_s')
    )
    episodes = run.records['eval'][-1].get('episodes', run.config.eval_episodes)
    agent = run.config.agent
    alone = agent.cloning or agent.reward == 'imitation'
    seen = f'The learner {"never" if alone else "also"} sees this reward.'
    return (
        f'{text}<p class="note">True return in the target domain: mean over {episodes} episodes '
        f'of the mean action, band of one standard deviation. {seen}</p>'
        f'<div class="two">{"".join(charts)}</div>'
    )


def policy_name(run: Run, metadata: Mapping[str, object]) -> str:
    """Say which policy :attr:`Run.best_policy` is, and from which step."""
    best = run.best_policy is not None and run.best_policy.stem == 'policy_best'
    step = metadata.get('step')
    age = f' (step {step:,})' if isinstance(step, int) else ''
    return ('Best policy' if best else 'Latest policy') + age


def gap_text(gaps: Sequence[tuple[str, DomainGap]]) -> str:
    """Return what the latent domain gap is, and its figures."""
    rows = ''.join(
        f'<tr><th>{name}</th><td>{gap.accuracy:.3f}</td><td>{gap.distance_ratio:.3f}</td>'
        f'<td>{gap.retrieval:.3f}</td></tr>'
        for name, gap in gaps
    )
    states = len(gaps[0][1].source)
    return (
        f'<p class="note">{states} states of expert and random episodes, each encoded in both '
        f'looks. The probe is a linear classifier that tells source from target; whole episodes '
        f'are held out; 0.5 means that the domain is invisible. The distance ratio is the mean '
        f'distance between the two looks of one state over that between different states; 0 means '
        f'that they coincide. Found again is the share of latents whose nearest neighbour in the '
        f'other look shows the same state. In the projection (first two principal axes) lines '
        f'join the two looks of one state: <span class="source">source</span>, '
        f'<span class="target">target</span>.</p><div class="scroll"><table><tr><th></th>'
        f'<th>probe accuracy</th><th>distance ratio</th><th>found again</th></tr>{rows}</table>'
        '</div>'
    )


def dashboard(run: Run) -> str:
    """Return the small charts of the learner's own figures."""
    text = heading('Discriminator dashboard')
    train = [r for r in run.records['train'] if 'frames' in r]
    if not train:
        first = run.config.seed_steps
        return f'{text}<p>No update yet: the first follows at agent step {first:,}.</p>'
    frames = column(train, 'frames')
    charts = []
    for title, lines, share in _PANELS:
        held = [line for line in lines if any(r.get(line[1]) is not None for r in train)]
        if held:
            series = [(label, column(train, name), colour) for label, name, colour in held]
            meaning = '; '.join(escape(FORMULAS[name]) for _, name, _ in held)
            chart = figures.panel(title, frames, series, share=share)
            charts.append(f'<figure>{chart}<figcaption>{meaning}</figcaption></figure>')
    return (
        f'{text}<p class="note">Over frames; each point is the mean over the updates since the '
        f'point before.</p><div class="charts">{"".join(charts)}</div>'
    )


def setting(run: Run, facts: Mapping[str, str]) -> str:
    """Return the setting: facts, versions, and every option of the run."""
    start = run.start
    shown = {
        **facts,
        'seed': str(run.config.seed),
        'device': str(start.get('device', 'unknown')),
        'torch threads': str(start.get('threads', 'unknown')),
        'parameters': f'{start["parameters"]:,}' if start.get('parameters') else 'unknown',
        'started': str(start.get('time', 'unknown')),
        'versions': _versions() + ' (where this page was made)',
    }
    rows = ''.join(f'<tr><th>{k}</th><td>{escape(v)}</td></tr>' for k, v in shown.items())
    return (
        f'{heading("Setting")}<div class="scroll"><table>{rows}</table></div>'
        f'<details><summary>All options</summary><p class="note">Bold: differs from the default.'
        f'</p><div class="columns">{_options(run.config)}</div></details>'
    )


def _options(config: TrainConfig) -> str:
    changed = {line.partition(':')[0] for line in differences(config, TrainConfig())}
    rows = []
    for name, value in _flat(to_dict(config)):
        kind = ' class="set"' if name in changed else ''
        rows.append(f'<tr><th>{name}</th><td{kind}>{escape(_plain(value))}</td></tr>')
    return f'<table>{"".join(rows)}</table>'


def _flat(values: Mapping[str, object], prefix: str = '') -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            pairs.extend(_flat(value, f'{prefix}{key}.'))
        else:
            pairs.append((f'{prefix}{key}', value))
    return pairs


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ', '.join(map(str, value))
    return '-' if value is None or value == '' else str(value)


def _versions() -> str:
    installed = {d.metadata['Name']: d.version for d in distributions()}
    found = [f'{name} {installed[name]}' for name in _PACKAGES if name in installed]
    return ', '.join([f'Python {platform.python_version()}', *found])


def _share(run: Run, record: Mapping[str, float]) -> str:
    expert = run.start.get('expert_return')
    return f', {record["return_mean"] / expert:.0%} of the expert' if expert else ''


def _duration(seconds: float) -> str:
    if seconds < 5400:
        return f'{seconds / 60:.1f} min'
    return f'{seconds / 3600:.1f} h'
