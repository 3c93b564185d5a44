"""The report: reads a run, films it, measures its latent space, writes one HTML page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.bags.truth import read_truth
from claifo.report import robustness, sections
from claifo.report.figures import projection
from claifo.report.media import contact_sheet, player, stack_strip
from claifo.report.probe import DomainGap, domain_gap
from claifo.report.run import Run, read_controls, read_run
from claifo.report.scenes import Pairs, Stage
from claifo.report.template import PAGE, SCRIPT, STYLE
from claifo_core.files import write_atomic
from claifo_core.policy import Policy
from claifo_sim import task_info
from claifo_sim.domains import pairs, source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo.bags.truth import Truth

Gaps = list[tuple[str, DomainGap]]


def build(run_dir: Path, out: Path | None = None, controls: Sequence[Path] = ()) -> Path:
    """Write the report of a run, complete or half finished.

    Args:
        run_dir: The run folder.
        out: The page; ``report.html`` in the run folder when None.
        controls: CSV files with the curves of other runs
            (see :func:`claifo.report.run.read_controls`).

    Returns:
        Where the page is.

    Raises:
        ClaifoError: no run folder, a broken file in it or among the controls, or no space left.
    """
    run = read_run(run_dir)
    curves = [curve for path in controls for curve in read_controls(path)]
    truth = read_truth(run.config.expert.bag) if run.config.expert.bag else None
    source = truth.domain if truth else source_of(run.config.env.domain)
    info = task_info(run.config.env.task)
    pair = pairs(info.suite, info.scene).get(run.config.env.domain.partition('/')[0])
    mismatch = pair.description if pair and source != run.config.env.domain else 'the same look'
    with Stage(run.config.env, source) as stage:
        stacks = stage.stacks()
        gaps = _gaps(run, stacks)
        body = [
            sections.header(run, source, info.description, mismatch),
            sections.tiles(run, gaps),
            sections.learning(run, curves),
            _clip(run, stage, source),
            _views(run, stage, stacks, source),
            _latent(gaps),
            robustness.section(run.folder / 'matrix.csv'),
            sections.dashboard(run),
            _setting(run, truth),
        ]
    path = out or run.folder / 'report.html'
    title = escape(f'claifo report: {run.folder.resolve().name}')
    page = PAGE.format(title=title, style=STYLE, script=SCRIPT, body='\n'.join(body))
    write_atomic(path, page.encode())
    return path


def _gaps(run: Run, stacks: Pairs) -> Gaps:
    """Measure the latent domain gap of the untrained and of the best policy, where there."""
    gaps = []
    for path in (run.first_policy, run.best_policy):
        if path:
            policy = Policy.load(path)
            first = path == run.first_policy
            name = 'Before training' if first else sections.policy_name(run, policy.metadata)
            latents = (policy.encode(stacks.source), policy.encode(stacks.target))
            gaps.append((name, domain_gap(*latents, stacks.episode)))
    return gaps


def _clip(run: Run, stage: Stage, source: str) -> str:
    heading = sections.heading('Side by side')
    if run.best_policy is None:
        return heading + '<p>No policy has been saved yet.</p>'
    policy = Policy.load(run.best_policy)
    clips = [stage.policy_clip(policy)]
    captions = [f'<span class="target">policy</span> in {escape(run.config.env.domain)}']
    if stage.has_expert:
        clips.insert(0, stage.expert_clip())
        captions.insert(0, f'<span class="source">expert</span> in {escape(source)}')
    seconds = (len(clips[-1].frames) - 1) / clips[-1].fps
    return (
        f'{heading}<p class="note">{sections.policy_name(run, policy.metadata)}, without '
        f'exploration noise: the first {seconds:.0f} s of an episode'
        f'{", from the same initial state as the expert" if stage.has_expert else ""}.</p>'
        + player(clips, captions)
    )


def _views(run: Run, stage: Stage, stacks: Pairs, source: str) -> str:
    env = run.config.env
    actor = 'expert' if stage.has_expert else 'uniform random'
    strips = (
        stack_strip(side[2], f'<span class="{look}">{look}</span>, {env.size_px} px')
        for look, side in (('source', stacks.source), ('target', stacks.target))
    )
    return (
        f'{sections.heading("Two looks of the same states")}<p class="note">Top: '
        f'<span class="source">{escape(source)}</span>, as the expert was filmed. Bottom: '
        f'<span class="target">{escape(env.domain)}</span>, as the agent sees its world. Each '
        f'column is one physics state of {actor} episodes, rendered twice.</p>'
        f'{contact_sheet(stage.sheet())}<div class="stack">{"".join(strips)}</div>'
        f'<p class="note">Above: one observation, the stack of {env.frame_stack} frames that the '
        f'network gets.</p>'
    )


def _latent(gaps: Gaps) -> str:
    heading = sections.heading('Latent domain gap')
    if not gaps:
        return heading + '<p>No policy has been saved yet.</p>'
    charts = ''.join(f'<figure>{projection(name, gap)}</figure>' for name, gap in gaps)
    return heading + sections.gap_text(gaps) + f'<div class="two">{charts}</div>'


def _setting(run: Run, truth: Truth | None) -> str:
    bag = run.config.expert.bag
    expert = [Path(bag).name if bag else 'unknown']
    if truth:
        frames = sum(episode.frames for episode in truth.episodes)
        expert += [f'{len(truth.episodes)} episodes', f'{frames:,} frames']
        if truth.returns:
            expert.append(f'true return {sum(truth.returns) / len(truth.returns):.0f}')
        expert += [truth.command] if truth.command else []
    return sections.setting(run, {'expert videos': ', '.join(expert)})
