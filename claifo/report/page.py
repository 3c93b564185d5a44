"""The report: reads a run, films it, measures its latent space, writes one HTML page."""

from __future__ import annotations

import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.bags.truth import read_truth
from claifo.playback.domain_gap import DomainGap, domain_gap
from claifo.report import dashboard, figures, media, render, robustness
from claifo.report.scenes import Clip, Pairs, Stage
from claifo.study.run_folder import Run, curve, read_controls, read_run
from claifo_core.config import TrainConfig, methods, settings
from claifo_core.policy import Policy
from claifo_sim import task_info
from claifo_sim.domains import pairs, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claifo.bags.truth import Truth
    from claifo.study.run_folder import Curve

Gaps = list[tuple[str, DomainGap]]
_PACKAGES = ('claifo', 'torch', 'numpy', 'mujoco', 'dm_control', 'gymnasium', 'rosbags')


def build(run_dir: Path, out: Path | None = None, controls: Sequence[Path] = ()) -> Path:
    """Write the report of a run, complete or half finished.

    Args:
        run_dir: The run folder.
        out: The page; ``report.html`` in the run folder when None.
        controls: CSV files with the curves of other runs
            (see :func:`claifo.study.run_folder.read_controls`).

    Returns:
        Where the page is.

    Raises:
        ClaifoError: no run folder, a broken file in it or among the controls, or no space left.
    """
    run = read_run(run_dir)
    others = [other for path in controls for other in read_controls(path)]
    truth = read_truth(run.config.expert.bag) if run.config.expert.bag else None
    source = truth.domain if truth else source_of(run.config.env.domain)
    with Stage(run.config.env, source) as stage:
        return render.write(
            out or run.folder / 'report.html',
            'run',
            run=run,
            source=source,
            **_words(run, source),
            **_seen(run, stage),
            curves=_learning(run, others),
            matrix=robustness.read(run.folder / 'matrix.csv'),
            dashboard=dashboard.charts(run),
            facts=_facts(run, truth),
            options=_options(run.config),
        )


def _words(run: Run, source: str) -> dict[str, str]:
    """Return what was learned, and how the two domains differ."""
    info, domain = task_info(run.config.env.task), run.config.env.domain
    pair = pairs(info.suite, info.scene).get(domain.partition('/')[0])
    return {
        'goal': info.description.capitalize(),
        'method': methods.title(run.config.agent),
        'mismatch': pair.description if pair and source != domain else 'the same look',
    }


def _seen(run: Run, stage: Stage) -> dict[str, object]:
    """Return pictures, clips and the latent space, and the figures that readers look for first."""
    stacks, policy = stage.stacks(), None
    if run.best_policy:
        policy = Policy.load(run.best_policy)
    gaps, clips = _gaps(run, policy, stacks), _clips(policy, stage)
    sheet = stage.sheet()
    return {
        'has_expert': stage.has_expert,
        'clips': clips,
        'player': media.player(clips) if clips else None,
        'policy': _policy_name(run, policy) if policy else '',
        'pairs': list(zip(sheet.source, sheet.target, strict=True)),
        'stacks': [('source', stacks.source[2]), ('target', stacks.target[2])],
        'gaps': gaps,
        'projections': [(figures.projection(name, gap), '') for name, gap in gaps],
        'figures': _figures(run, gaps),
        'image_uri': media.image_uri,
        'stack_uris': media.stack_uris,
        'sheet': media.sheet,
    }


def _gaps(run: Run, best: Policy | None, stacks: Pairs) -> Gaps:
    """Measure the latent domain gap of the untrained and of the best policy, where there."""
    first = run.first_policy
    found = {'Before training': Policy.load(first)} if first else {}
    if best:
        found[_policy_name(run, best)] = best
    return [
        (name, domain_gap(p.encode(stacks.source), p.encode(stacks.target), stacks.episode))
        for name, p in found.items()
    ]


def _clips(policy: Policy | None, stage: Stage) -> list[Clip]:
    """Film the policy, and the expert before it, where there are such."""
    if policy is None:
        return []
    return [*([stage.expert_clip()] if stage.has_expert else []), stage.policy_clip(policy)]


def _policy_name(run: Run, policy: Policy) -> str:
    """Say which policy :attr:`Run.best_policy` is, and from which step."""
    best = run.best_policy is not None and run.best_policy.stem == 'policy_best'
    step = policy.metadata.get('step')
    age = f' (step {step:,})' if isinstance(step, int) else ''
    return ('Best policy' if best else 'Latest policy') + age


def _figures(run: Run, gaps: Gaps) -> list[tuple[str, str]]:
    """Return the figures that a reader looks for first, each with its meaning."""
    evals, shown = run.records['eval'], []
    if evals:
        best = max(evals, key=lambda r: r['return_mean'])
        for name, record in (('last', evals[-1]), ('best', best)):
            shown.append((f'{record["return_mean"]:.0f}', f'{name} return{_share(run, record)}'))
    else:
        shown.append(('-', 'no evaluation yet'))
    minutes = run.wall_s / 60
    updates = (run.records['train'] or [{}])[-1].get('updates', 0)
    frames = run.last_step * run.config.env.action_repeat
    shown += [
        (f'{minutes:.1f} min' if minutes < 90 else f'{minutes / 60:.1f} h', 'training time'),
        (f'{frames:,}', f'frames, {updates:,} updates'),
    ]
    if gaps:
        distance = ' → '.join(f'{gap.distance_ratio:.2f}' for _, gap in gaps)
        accuracy = ' → '.join(f'{gap.accuracy:.2f}' for _, gap in gaps)
        shown.append((distance, 'latent distance of the two looks'))
        shown.append((accuracy, 'domain probe, 0.5 = invisible'))
    return shown


def _share(run: Run, record: Mapping[str, float]) -> str:
    expert = run.start.get('expert_return')
    return f', {record["return_mean"] / expert:.0%} of the expert' if expert else ''


def _learning(run: Run, controls: Sequence[Curve]) -> list[tuple[str, str]]:
    """Return the learning curves, by frames and by wall time; none before an evaluation."""
    own = curve('this run', run.records['eval'])
    expert, random = (run.start.get(f'{who}_return') for who in ('expert', 'random'))
    return [
        (figures.learning_curve(own, controls, by, expert, random), '')
        for by in ('frames', 'wall_s') if own.mean
    ]  # fmt: skip


def _facts(run: Run, truth: Truth | None) -> dict[str, object]:
    start, parameters = run.start, run.start.get('parameters')
    return {
        'expert videos': ', '.join(_videos(run.config.expert.bag, truth)),
        'seed': run.config.seed,
        'device': start.get('device', 'unknown'),
        'torch threads': start.get('threads', 'unknown'),
        'parameters': f'{parameters:,}' if parameters else 'unknown',
        'started': start.get('time', 'unknown'),
        'versions': f'{_versions()} (where this page was made)',
    }


def _videos(bag: str, truth: Truth | None) -> list[str]:
    told = [Path(bag).name if bag else 'unknown']
    if truth:
        frames = sum(episode.frames for episode in truth.episodes)
        told += [f'{len(truth.episodes)} episodes', f'{frames:,} frames']
        if truth.returns:
            told.append(f'true return {sum(truth.returns) / len(truth.returns):.0f}')
        told += [truth.command] if truth.command else []
    return told


def _options(config: TrainConfig) -> list[tuple[str, object, object]]:
    """Return name, value and default of every option."""
    both = zip(settings.options(config), settings.options(), strict=True)
    return [(name, value, default) for (name, value, _), (_, default, _) in both]


def _versions() -> str:
    installed = {d.metadata['Name']: d.version for d in distributions()}
    found = [f'{name} {installed[name]}' for name in _PACKAGES if name in installed]
    return ', '.join([f'Python {platform.python_version()}', *found])
