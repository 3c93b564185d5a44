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

    from claifo import terminal
    from claifo_sim import domain_names, tasks

    rows = [
        (info.name, f'{info.control_hz:g}', info.action_dim, info.control_steps,
         len(domain_names(info.name)), info.description)
        for info in tasks()
    ]  # fmt: skip
    terminal.show(terminal.table(_COLUMNS, *rows, right=_COLUMNS[1:5]))
    if find_spec('robosuite') is None:
        print('the robosuite tasks need robosuite, which is not installed: make robosuite')
    return 0
