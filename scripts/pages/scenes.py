"""docs/scenes.md: tasks, cameras, rates, domains and experts, as the code itself says.

    python scripts/scene_tables.py           # write docs/scenes.md
    python scripts/scene_tables.py --sheets  # and the contact sheets in docs/images (a minute)

A test compares the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from claifo.commands import domains as sheets
from claifo.experts import expert_tasks, load_expert
from claifo.experts.policies import TrainedExpert
from claifo_sim import task_info, tasks
from claifo_sim.domains import pairs, unseen

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'scenes.md'
SUITES = {
    'dmc': 'DeepMind Control', 'adroit': 'Adroit hand', 'robosuite': 'robosuite, Panda arm',
}  # fmt: skip
SHEETS = ('walker_walk', 'adroit_door', 'adroit_hammer', 'adroit_pen', 'adroit_relocate',
          'robosuite_lift', 'robosuite_stack', 'robosuite_door')
UNSEEN_SHEET = 'images/walker_unseen.png'
HEAD = """# The scenes

Written by `python scripts/scene_tables.py`, from what the code declares.

Every task is one name away: `claifo expert record TASK --domain source`,
`claifo train --env.task TASK --env.domain light`, `claifo launch train_sim task:=TASK
domain:=light`. A domain is `PAIR/source` (the expert's world) or `PAIR/target` (the agent's);
`PAIR` alone is its target. `unseen/NAME` is a look for tests that no preset trains with, and
`A+B` is A with all that B changes ([robustness.md](robustness.md)). `env.cameras` chooses other
cameras, several make one observation (`network.views` says how), and `env.proprio` adds what the
robot measures of itself.

Adroit and robosuite tasks count their reward in two ways: as the paper does, for progress or
success alone (sparse), or with terms that lead there (`_dense`). Success is told in two ways, too:
in at least one step of an episode, and, for Adroit, in more steps than its authors ask for (25,
pen 20). Pictures of Adroit are upright here; those of the authors stand on their heads. The poses
of the paper's three cameras of relocate are not known to us: `cam1` to `cam3` are ours. Of
robosuite the front view is filmed, because it shows all that its domains change;
`env.cameras: [agentview]` is nearer to the cube.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    head = list(head)
    yield '| ' + ' | '.join(head) + ' |'
    yield '|' + '---|' * len(head)
    for row in rows:
        yield '| ' + ' | '.join(map(str, row)) + ' |'
    yield ''


def page() -> str:
    """Return the page."""
    lines = [HEAD]
    for suite, title in SUITES.items():
        lines += [f'## {title}', '', *_tasks(suite), *_domains(suite), *_pictures(suite)]
    return '\n'.join([*lines, *_unseen(), '## Experts', '', *_experts()])


def _tasks(suite: str) -> Iterator[str]:
    head = ('task', 'Hz', 'actions', 'proprioception', 'steps', 'cameras', 'px', 'what to do')
    return table(head, (
        (f'`{t.name}`', f'{t.control_hz:g}', t.action_dim, t.proprio_dim, t.control_steps,
         ', '.join(t.cameras), t.size_px, t.description)
        for t in tasks() if t.suite == suite
    ))  # fmt: skip


def _domains(suite: str) -> Iterator[str]:
    """Yield which pairs there are, and for which scenes."""
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
    yield from ('## Unseen looks, in every scene', '')
    yield from table(('look', 'what is changed'), (
        (f'`{name}`', found.description) for name, found in unseen('dmc').items()
    ))  # fmt: skip
    yield f'![walker_walk in the stock look and in every unseen one]({UNSEEN_SHEET})\n'


def _pictures(suite: str) -> Iterator[str]:
    for task in SHEETS:
        if task_info(task).suite == suite:
            yield f'![{task} in every domain: source above target]({_sheet(task)})\n'


def _sheet(task: str) -> str:
    return f'images/{task.removesuffix("_walk")}_domains.png'


def _experts() -> Iterator[str]:
    yield 'Returns and success as measured when the files were made (see experts/README.md).\n'
    yield from table(('task', 'expert', 'return', 'success', 'for long'), map(_expert, (
        task for task in expert_tasks() if not task.endswith('_dense')
    )))  # fmt: skip


def _expert(task: str) -> tuple[str, ...]:
    expert = load_expert(task)
    if not isinstance(expert, TrainedExpert):
        return f'`{task}`', 'scripted', '', '', ''
    info = expert.info
    share = ['' if value is None else f'{value:.0%}' for value in (info.success, info.solved)]
    return f'`{task}`', 'network', f'{info.return_mean:.0f} +- {info.return_std:.0f}', *share


def main() -> int:
    """Write the page, and the sheets when asked to."""
    PAGE.write_text(page())
    if '--sheets' in sys.argv:
        for task in SHEETS:
            sheets.write_sheet(task, PAGE.parent / _sheet(task), sheets.pair_rows(task))
        task = SHEETS[0]
        sheets.write_sheet(task, PAGE.parent / UNSEEN_SHEET, sheets.unseen_rows(task))
    return 0


if __name__ == '__main__':
    sys.exit(main())
