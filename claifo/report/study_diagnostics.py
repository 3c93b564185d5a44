"""Discriminator and latents of every method of a study, on the same axes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from claifo.playback.domain_gap import domain_gap
from claifo.report.scenes import Pairs, Stage
from claifo_core.policy import Policy
from claifo_sim.domains import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claifo.study.results import Group
    from claifo.study.run_folder import Run
    from claifo_core.config import EnvConfig

LEARNER = {
    'discriminator_expert_accuracy': 'expert told right',
    'discriminator_agent_accuracy': 'agent told right',
    'discriminator_entropy': 'entropy',
    'discriminator_gradient': 'gradient of D',
    'encoder_gradient': 'gradient of the encoder',
}
LATENT = {
    'probe_accuracy': 'probe', 'distance_ratio': 'distance', 'retrieval': 'found again'
}  # fmt: skip
COLUMNS = {**LEARNER, **LATENT}
_LAST = 0.1  # share of the training over which the learner's figures are averaged

Figures = dict[str, float]
Line = tuple['Group', int, Figures]
"""Group, seed, and figures of one finished run."""


def measure(groups: Sequence[Group]) -> list[Line]:
    """Measure every finished run; states are rendered once for runs that see alike.

    Args:
        groups: Its runs.

    Raises:
        ClaifoError: a file of a run is damaged.
        SimError: a simulator is not installed.
    """
    stacks = functools.cache(_stacks)
    lines = []
    for group in groups:
        for result in group.done:
            if result.held:
                figures = {**_learner(result.held), **_latent(result.held, stacks)}
                lines.append((group, result.run.seed, figures))
    return lines


def _stacks(env: EnvConfig) -> Pairs:
    with Stage(env, source_of(env.domain)) as stage:
        return stage.stacks()


def _learner(run: Run) -> Figures:
    train = run.records['train']
    newest = train[-max(1, round(_LAST * len(train))) :]
    found = {name: [r[name] for r in newest if r.get(name) is not None] for name in LEARNER}
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def _latent(run: Run, stacks_of: Callable[[EnvConfig], Pairs]) -> Figures:
    file = run.folder / 'policy.safetensors'
    if not file.is_file():  # of some runs the figures alone are kept
        return {}
    policy, stacks = Policy.load(file), stacks_of(run.config.env)
    gap = domain_gap(policy.encode(stacks.source), policy.encode(stacks.target), stacks.episode)
    return {
        'probe_accuracy': gap.accuracy,
        'distance_ratio': gap.distance_ratio,
        'retrieval': gap.retrieval,
    }


def rows(lines: Sequence[Line]) -> Iterator[dict[str, object]]:
    """Yield the lines of diagnostics.csv."""
    for group, seed, figures in lines:
        yield {
            'method': group.method, 'task': group.task, 'domain': group.domain,
            'commit': group.commit, 'seed': seed,
            **{name: figures.get(name) for name in COLUMNS},
        }  # fmt: skip


def means(
    lines: Sequence[Line], named: Sequence[tuple[str, Group]]
) -> list[tuple[str, list[float | None]]]:
    """Return the means over the finished runs of each method, in the order of ``COLUMNS``.

    Args:
        lines: What :func:`measure` found.
        named: Label and runs of each method of one world.
    """
    found = []
    for label, group in named:
        known = [figures for of, _, figures in lines if of is group]
        if known:
            found.append((label, [_mean([f[k] for f in known if k in f]) for k in COLUMNS]))
    return found


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
