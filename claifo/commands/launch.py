"""`claifo launch`: start a graph of nodes where ROS 2 is absent."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from claifo.arguments import pairs

if TYPE_CHECKING:
    from claifo.graphs import Graph


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'launch',
        help='start a graph of ROS 2 nodes; where ROS 2 is sourced: ros2 launch claifo …',
        description='Start a graph of nodes, as `ros2 launch claifo GRAPH.launch.py` does where '
        'ROS 2 is sourced: the same arguments, the same processes. Ctrl-C ends it.',
    )
    parser.add_argument('graph', metavar='GRAPH', help='train_sim, record_expert, … (--show-args)')
    parser.add_argument('values', metavar='NAME:=VALUE', nargs='*', help='arguments of the graph')
    parser.add_argument('--show-args', action='store_true', help='list the arguments and end')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run a graph; returns its exit code."""
    from claifo.graphs import find, runner
    from claifo.interrupts import stop_on_interrupt

    graph = find(args.graph)
    if args.show_args:
        print(describe(graph))
        return 0
    processes = graph.compose(graph.values(pairs(args.values, ':=')))
    return runner.run(processes, stop_on_interrupt())


def describe(graph: Graph) -> str:
    """Return what a graph does and its arguments, as text."""
    lines = [f'{graph.name}: {graph.text}', '', 'Arguments (pass as name:=value):']
    for argument in graph.arguments:
        default = '' if argument.default is None else f' (default: {argument.default!r})'
        choices = ', '.join(repr(choice) for choice in argument.choices)
        one_of = f'; one of {choices}' if choices else ''
        lines += ['', f"    '{argument.name}':", f'        {argument.text}{one_of}{default}']
    return '\n'.join(lines)
