"""``claifo domains``: the visual domains, as a list and as a sheet of pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from claifo_sim.env import SimEnv
    from claifo_sim.visual import DomainPair, UnseenLook

_SIZE_PX = 168
_LABEL_PX = 18
_POSE_SEED = 1
_POSE_STEPS = 5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        'domains', help='list the visual domains, or draw them',
        description='List the pairs of visual domains: the expert is filmed in <pair>/source, the '
                    'agent lives in <pair>/target; stock is the look that the suite ships. Looks '
                    'of unseen/ are for tests, alone or laid over another: '
                    'light/target+unseen/blur_2.',
    )
    parser.add_argument('--task', default='walker_walk',
                        help='task to list or draw (default: %(default)s)')
    parser.add_argument('--sheet', type=Path, metavar='FILE.png',
                        help='write a picture of the same state in every domain')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the list, and write the sheet when one is asked for."""
    from claifo import terminal

    found: dict[str, DomainPair | UnseenLook] = {**_pairs(args.task), **_unseen(args.task)}
    rows = [(name, look.description) for name, look in found.items()]
    terminal.show(terminal.table(('domain', 'what differs'), *rows))
    if args.sheet is not None:
        write_sheet(args.task, args.sheet, pair_rows(args.task) + unseen_rows(args.task))
        print(f'wrote {args.sheet}')
    return 0


def _pairs(task: str) -> dict[str, DomainPair]:
    """Return the pairs that can be seen in ``task``, by name."""
    from claifo_sim import task_info
    from claifo_sim.domains import pairs

    info = task_info(task)
    return pairs(info.suite, info.scene)


def _unseen(task: str) -> dict[str, UnseenLook]:
    """Return the looks for tests of ``task``, by name."""
    from claifo_sim import task_info
    from claifo_sim.domains import unseen

    return unseen(task_info(task).suite)


def pair_rows(task: str) -> list[list[str]]:
    """Return the domains of the pairs: a column per pair, source above target."""
    return [[f'{pair}/{side}' for pair in _pairs(task)] for side in ('source', 'target')]


def unseen_rows(task: str) -> list[list[str]]:
    """Return the stock look and the unseen ones, as many to a row as there are pairs."""
    names, width = ['stock', *_unseen(task)], len(_pairs(task))
    return [names[k:k + width] for k in range(0, len(names), width)]


def write_sheet(task: str, path: Path, rows: list[list[str]]) -> None:
    """Write a picture of one state in many domains.

    Args:
        task: Name of the task.
        path: Of the PNG file.
        rows: Names of the domains.

    Raises:
        ClaifoError: The file is of another kind, or cannot be written.
        SimError: There is no such task or domain.
    """
    import cv2

    from claifo_core.errors import ClaifoError
    from claifo_core.files import write_atomic

    if path.suffix != '.png':
        raise ClaifoError(f'--sheet {path}: must end in .png')
    written, png = cv2.imencode('.png', _sheet(task, rows)[..., ::-1])
    assert written
    write_atomic(path, png.tobytes())


def _sheet(task: str, rows: list[list[str]]) -> np.ndarray:
    import numpy as np

    from claifo_sim import make

    env = make(task, size_px=_SIZE_PX, seed=_POSE_SEED)
    env.reset()
    for _ in range(_POSE_STEPS):
        env.step(np.zeros(env.action_space.shape))
    cells = [[_cell(env, name) for name in row] for row in rows]
    env.close()
    empty, width = np.full_like(cells[0][0], 255), max(map(len, rows))
    return np.vstack([np.hstack(row + [empty] * (width - len(row))) for row in cells])


def _cell(env: SimEnv, domain: str) -> np.ndarray:
    """Return what the cameras show in a domain, one above the other, with its name."""
    import numpy as np

    env.set_domain(domain)
    pixels = env.pixels()
    views = np.split(pixels, pixels.shape[2] // 3, 2)
    return _labelled(np.vstack(views), domain)


def _labelled(image: np.ndarray, label: str) -> np.ndarray:
    import cv2
    import numpy as np

    bar = np.full((_LABEL_PX, image.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, label, (4, _LABEL_PX - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1,
                cv2.LINE_AA)
    return np.pad(np.vstack([bar, image]), ((0, 2), (0, 2), (0, 0)), constant_values=255)
