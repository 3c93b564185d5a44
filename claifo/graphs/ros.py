"""Running a graph where ROS 2 is: as a launch description."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.graphs.composition import Graph, Process
from claifo.graphs.known import find

if TYPE_CHECKING:
    from launch.action import Action

    from launch import LaunchContext, LaunchDescription  # type: ignore[attr-defined]

PACKAGE = 'claifo'
# Arguments that launch itself reads, of whatever launch file.
_OF_LAUNCH = ('launch-prefix', 'launch-prefix-filter', 'sigterm_timeout', 'sigkill_timeout',
              'emulate_tty')  # fmt: skip


def description(name: str) -> LaunchDescription:
    """Return the launch description of a graph, with all its arguments."""
    from launch.actions import DeclareLaunchArgument, OpaqueFunction

    from launch import LaunchDescription  # type: ignore[attr-defined]

    graph = find(name)
    arguments = [
        DeclareLaunchArgument(
            argument.name, default_value=argument.default, description=argument.text,
            choices=list(argument.choices) or None,
        )
        for argument in graph.arguments
    ]  # fmt: skip
    return LaunchDescription([*arguments, OpaqueFunction(function=_start, args=[graph])])


def _start(context: LaunchContext, graph: Graph) -> list[Action]:
    """Return the actions of a graph, once the values of its arguments are known."""
    given = {argument.name: context.launch_configurations[argument.name]
             for argument in graph.arguments}  # fmt: skip
    return _actions(graph.compose(graph.values(_typed(context, graph) | given)))


def _typed(context: LaunchContext, graph: Graph) -> dict[str, str]:
    """Return what was typed for a graph: launch takes arguments that nobody has declared.

    In a launch file of others that includes this one, the words are meant for that one.
    """
    if not any(word.endswith(f'{graph.name}.launch.py') for word in sys.argv):
        return {}
    pairs = (word.partition(':=') for word in context.argv)
    return {name: value for name, mark, value in pairs if mark and name not in _OF_LAUNCH}


def _actions(processes: list[Process]) -> list[Action]:
    """Return processes as actions: those that come before, and the rest behind them."""
    first = [process for process in processes if process.before]
    rest = [action for process in processes if not process.before for action in _node(process)]
    for process in reversed(first):
        rest = _before(process, rest)
    return rest


def _before(process: Process, rest: list[Action]) -> list[Action]:
    from launch.actions import ExecuteProcess

    # No node: it would not understand the arguments that ROS adds.
    command = [sys.executable, '-m', process.executable, *process.args]
    action = ExecuteProcess(cmd=command, name=process.name, output='screen')

    def ended(event: Any, context: LaunchContext) -> list[Action]:  # noqa: ANN401
        return [_end(process.name, event.returncode)] if event.returncode else rest

    return [action, _on_exit(action, ended)]


def _node(process: Process) -> list[Action]:
    """Return the action of a process and what follows its end."""
    action = _action(process)

    def ended(event: Any, context: LaunchContext) -> list[Action]:  # noqa: ANN401
        if context.is_shutdown:
            return []
        if process.restart and event.returncode < 0:
            return _node(process)
        return [_end(process.name, event.returncode)]

    return [action, _on_exit(action, ended)]


def _action(process: Process) -> Action:
    from launch.actions import ExecuteProcess
    from launch_ros.actions import Node

    timing = {'sigterm_timeout': str(process.grace_s)}
    if process.foreign:
        return ExecuteProcess(cmd=[process.executable, *process.args], output='screen', **timing)
    return Node(
        package=PACKAGE, executable=process.executable, name=process.name, output='screen',
        parameters=_parameters(process), remappings=list(process.remaps.items()),
        arguments=list(process.args), ros_arguments=_enclave(process), **timing,
    )  # fmt: skip


def _enclave(process: Process) -> list[str]:
    """Return the arguments that name the enclave of config/sros2_policy.xml, with SROS 2."""
    secure = os.environ.get('ROS_SECURITY_ENABLE') == 'true'
    return ['--enclave', f'/claifo/{process.name}'] if secure else []


def _parameters(process: Process) -> list[dict[str, Any]]:
    """Return the parameters for launch.

    It would read a word such as ``1e3`` as a number, and refuses empty lists, of which no type
    can be told; a node has the default of such a parameter, which is empty.
    """
    from launch_ros.parameter_descriptions import ParameterValue

    typed = {
        name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
        for name, value in process.written(_folder()).items()
        if value not in ([], ())
    }
    return [typed] if typed else []


@functools.cache
def _folder() -> Path:
    """Return where files stay as long as the launch runs."""
    folder = tempfile.mkdtemp(prefix='claifo_')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _on_exit(action: Action, ended: Any) -> Action:  # noqa: ANN401 (a callback)
    from launch.actions import RegisterEventHandler
    from launch.event_handlers import OnProcessExit

    return RegisterEventHandler(OnProcessExit(target_action=action, on_exit=ended))


def _end(name: str, code: int) -> Action:
    """Return what ends the graph; a failure is raised, so that ros2 launch fails too."""
    from launch.actions import EmitEvent, OpaqueFunction
    from launch.events import Shutdown

    reason = f'{name} ended with exit code {code}'
    if code == 0:
        return EmitEvent(event=Shutdown(reason=reason))

    def fail(context: LaunchContext) -> None:
        raise RuntimeError(f'{reason}; the graph ends')

    return OpaqueFunction(function=fail)
