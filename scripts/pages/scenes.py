"""docs/scenes.md: tasks, cameras, rates, domains and experts, as the code itself says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from claifo.commands import domains as sheets
from claifo.experts import expert_tasks, load_expert
from claifo.experts.policies import TrainedExpert
from claifo_sim import task_info, tasks
from claifo_sim.domains import pairs, unseen
from pages.markdown import table

SUITES = {
    'dmc': 'DeepMind Control', 'adroit': 'Adroit hand', 'robosuite': 'robosuite, Panda arm',
}  # fmt: skip
SHEETS = ('walker_walk', 'adroit_door', 'adroit_hammer', 'adroit_pen', 'adroit_relocate',
          'robosuite_lift', 'robosuite_stack', 'robosuite_door')
UNSEEN_SHEET = 'images/walker_unseen.png'

def sections() -> dict[str, str]:
    """Return what stands on the page below its first words."""
    lines: list[str] = []
    for suite, title in SUITES.items():
        lines += [f'## {title}', _tasks(suite), _domains(suite), *_pictures(suite)]
    return {'docs/scenes.md': '\n\n'.join([*lines, *_unseen(), *_experts()])}


def _tasks(suite: str) -> str:
    head = ('task', 'Hz', 'actions', 'proprioception', 'steps', 'cameras', 'px', 'what to do')
    return table(head, (
        (f'`{t.name}`', f'{t.control_hz:g}', t.action_dim, t.proprio_dim, t.control_steps,
         ', '.join(t.cameras), t.size_px, t.description)
        for t in tasks() if t.suite == suite
    ))  # fmt: skip


def _domains(suite: str) -> str:
    """Return which pairs there are, and for which scenes."""
    scenes = sorted({t.scene for t in tasks() if t.suite == suite})
    offers: dict[tuple[str, str], list[str]] = {}
    for scene in scenes:
        for name, pair in pairs(suite, scene).items():
            offers.setdefault((name, pair.description), []).append(scene)
    return table(('domain', 'source against target', 'scenes'), (
        (f'`{name}`', text, 'all' if found == scenes else ', '.join(found))
        for (name, text), found in offers.items()
    ))  # fmt: skip


def _unseen() -> Iterator[str]:
    """Yield the looks for tests; those of the other suites differ in the reach of the camera."""
    yield '## Unseen looks, in every scene'
    yield table(('look', 'what is changed'), (
        (f'`{name}`', found.description) for name, found in unseen('dmc').items()
    ))  # fmt: skip
    yield f'![walker_walk in the stock look and in every unseen one]({UNSEEN_SHEET})'


def _pictures(suite: str) -> Iterator[str]:
    for task in SHEETS:
        if task_info(task).suite == suite:
            yield f'![{task} in every domain: source above target]({_sheet(task)})'


def _sheet(task: str) -> str:
    return f'images/{task.removesuffix("_walk")}_domains.png'


def _experts() -> Iterator[str]:
    yield '## Experts'
    yield 'Returns and success as measured when the files were made (see experts/README.md).'
    yield table(('task', 'expert', 'return', 'success', 'for long'), map(_expert, (
        task for task in expert_tasks() if not task.endswith('_dense')
    )))  # fmt: skip


def _expert(task: str) -> tuple[str, ...]:
    expert = load_expert(task)
    if not isinstance(expert, TrainedExpert):
        return f'`{task}`', 'scripted', '', '', ''
    info = expert.info
    share = ['' if value is None else f'{value:.0%}' for value in (info.success, info.solved)]
    return f'`{task}`', 'network', f'{info.return_mean:.0f} +- {info.return_std:.0f}', *share


def draw(folder: Path) -> None:
    """Write the contact sheets."""
    for task in SHEETS:
        sheets.write_sheet(task, folder / _sheet(task), sheets.pair_rows(task))
    task = SHEETS[0]
    sheets.write_sheet(task, folder / UNSEEN_SHEET, sheets.unseen_rows(task))
