"""``claifo tasks``: the tasks that can be simulated."""

from __future__ import annotations

import argparse

_COLUMNS = ('task', 'Hz', 'actions', 'steps', 'domains', 'what to do')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        'tasks', help='list the simulated tasks',
        description='List every simulated task: control rate, number of actions, control steps of '
                    'an episode, number of visual domains, and what the robot has to do.',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table of tasks."""
    from importlib.util import find_spec

    from claifo_sim import domain_names, tasks

    rows = [
        (info.name, f'{info.control_hz:g}', str(info.action_dim), str(info.control_steps),
         str(len(domain_names(info.name))), info.description)
        for info in tasks()
    ]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    for row in (_COLUMNS, *rows):
        name, *numbers, text = row
        cells = [name.ljust(widths[0])]
        cells += [n.rjust(w) for n, w in zip(numbers, widths[1:], strict=False)]
        print('  '.join([*cells, text]))
    if find_spec('robosuite') is None:
        print('the robosuite tasks need robosuite, which is not installed: make robosuite')
    return 0
