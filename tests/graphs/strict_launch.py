"""Stand-ins for the classes of `launch` and `launch_ros` (jazzy), as strict as those are.

They refuse what the real ones refuse: other types of arguments, empty sequences, arrays of mixed
types. They evaluate what is evaluated when a graph starts; :func:`visit` plays the launch service.
The real packages cannot be installed by pip.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence

import yaml


class Substitution:
    """Evaluated when the graph runs."""


class Text(Substitution):
    def __init__(self, text):
        _check(text, str)
        self.text = text


def _check(value, *kinds):
    if not isinstance(value, kinds):
        raise TypeError(f"Expected 'value' to be one of {kinds} but got {value!r}")


def substitutions(value):
    """Return a word, or a sequence of words and substitutions, as substitutions."""
    if isinstance(value, (str, Substitution)):
        value = [value]
    found = [Text(part) if isinstance(part, str) else part for part in value]
    for part in found:
        _check(part, Substitution)
    return found


def performed(found):
    return ''.join(part.text for part in found)


class Action:
    def execute(self, context):
        """Do it; returns the actions that follow."""
        return []


class Event:
    pass


class Shutdown(Event):
    def __init__(self, *, reason='reason not given', due_to_sigint=False):
        _check(reason, str)
        self.reason, self.due_to_sigint = reason, due_to_sigint


class LaunchDescription:
    def __init__(self, initial_entities=None):
        self.entities = list(initial_entities or ())
        for entity in self.entities:
            _check(entity, Action)


class LaunchContext:
    def __init__(self, argv: Iterable[str] = ()):
        self.argv = list(argv)
        self.launch_configurations = dict(word.split(':=', 1) for word in self.argv)
        self.is_shutdown = False
        self.events, self.handlers, self.processes = [], [], []


class DeclareLaunchArgument(Action):
    def __init__(self, name, *, default_value=None, description=None, choices=None):
        _check(name, str)
        _check(description, str, type(None))
        if choices is not None:
            _check(choices, list)
            if not choices or (isinstance(default_value, str) and default_value not in choices):
                raise RuntimeError(f'{name}: {default_value!r} is not in the choices {choices}')
        self.name, self.choices = name, choices
        self.default_value = None if default_value is None else substitutions(default_value)

    def execute(self, context):
        given = context.launch_configurations
        if self.name not in given:
            if self.default_value is None:
                raise RuntimeError(f'Required launch argument "{self.name}" was not provided.')
            given[self.name] = performed(self.default_value)
        if self.choices is not None and given[self.name] not in self.choices:
            raise RuntimeError(f'Argument "{self.name}" is not one of {self.choices}')
        return []


class OpaqueFunction(Action):
    def __init__(self, *, function, args=None, kwargs=None):
        _check(function, Callable)
        _check(args, Iterable, type(None))
        _check(kwargs, dict, type(None))
        self.call = lambda context: function(context, *(args or ()), **(kwargs or {}))

    def execute(self, context):
        return self.call(context) or []


class EmitEvent(Action):
    def __init__(self, *, event):
        _check(event, Event)
        self.event = event

    def execute(self, context):
        context.events.append(self.event)
        return []


class OnProcessExit:
    def __init__(self, *, target_action=None, on_exit):
        _check(target_action, ExecuteProcess, type(None))
        _check(on_exit, Callable, Sequence)
        self.target_action, self._on_exit = target_action, on_exit

    def handle(self, event, context):
        return self._on_exit(event, context) if callable(self._on_exit) else self._on_exit


class RegisterEventHandler(Action):
    def __init__(self, event_handler):
        _check(event_handler, OnProcessExit)
        self.event_handler = event_handler

    def execute(self, context):
        context.handlers.append(self.event_handler)
        return []


class ExecuteProcess(Action):
    def __init__(
        self, *, cmd, name=None, output='log', sigterm_timeout='5', sigkill_timeout='5'
    ):
        self.cmd = [performed(substitutions(word)) for word in cmd]
        self.name = None if name is None else performed(substitutions(name))
        performed(substitutions(output))
        self.timeouts_s = [
            float(performed(substitutions(span))) for span in (sigterm_timeout, sigkill_timeout)
        ]

    def execute(self, context):
        context.processes.append(self)
        return []


class ParameterValue:
    def __init__(self, value, *, value_type=None):
        if value_type is str:
            self.value = performed(substitutions(value))
        else:
            self.value = _scalar_or_array(value)


class Node(ExecuteProcess):
    def __init__(
        self, *, executable, package=None, name=None, parameters=None, remappings=None,
        ros_arguments=None, arguments=None, **settings,
    ):
        cmd = [*substitutions(executable)]
        cmd += [] if arguments is None else arguments
        cmd += [] if ros_arguments is None else ['--ros-args', *_listed(ros_arguments)]
        super().__init__(cmd=cmd, **settings)
        self.package, self.executable = package, executable
        self.node_name = name
        _check(parameters, list, type(None))
        self.parameters = [_evaluated(given) for given in parameters or ()]
        self.remappings = []
        for rule in remappings or ():
            _check(rule, tuple)
            source, target = rule
            self.remappings.append((performed(substitutions(source)),
                                    performed(substitutions(target))))  # fmt: skip

    @property
    def written(self):
        """The parameters as the node reads them from the file that launch writes."""
        return {k: v for given in self.parameters for k, v in yaml.safe_load(
            yaml.dump({k: _plain(v) for k, v in given.items()})).items()}  # fmt: skip


def _listed(words):
    _check(words, list)  # it is added to a list
    return words


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _evaluated(given):
    _check(given, Mapping)
    return {performed(substitutions(name)): _value(value) for name, value in given.items()}


def _value(value):
    """Return a parameter as it is written; a bare word is read as YAML once more."""
    if isinstance(value, ParameterValue):
        return value.value
    if isinstance(value, str):
        value = yaml.safe_load(value or "''")
    return _scalar_or_array(value)


def _scalar_or_array(value):
    if isinstance(value, (bool, int, float, str, bytes)):
        return value
    _check(value, Sequence)
    if not value:
        raise TypeError(
            "Expected 'value' to be one of [float, int, str, bool, bytes], but got '()'"
        )
    for part in value:
        _check(part, bool, int, float, str)
    if {type(part) for part in value} == {int, float}:
        value = [float(part) for part in value]
    if isinstance(value[0], str):
        value = [yaml.safe_load(part) for part in value]
    if len({type(part) for part in value}) > 1:
        raise TypeError('Expected a non-empty sequence, with items of uniform type.')
    return tuple(value)


_MODULES = {
    'launch': [LaunchDescription, LaunchContext],
    'launch.actions': [DeclareLaunchArgument, EmitEvent, ExecuteProcess, OpaqueFunction,
                       RegisterEventHandler],
    'launch.event_handlers': [OnProcessExit],
    'launch.events': [Shutdown],
    'launch_ros': [],
    'launch_ros.actions': [Node],
    'launch_ros.parameter_descriptions': [ParameterValue],
}  # fmt: skip


def install(monkeypatch):
    for name, classes in _MODULES.items():
        module = types.ModuleType(name)
        for found in classes:
            setattr(module, found.__name__, found)
        monkeypatch.setitem(sys.modules, name, module)


def visit(entities, context):
    """Do actions, and those that follow from them, as the launch service does."""
    for entity in entities:
        _check(entity, Action)
        visit(entity.execute(context), context)


def exited(context, process, code):
    """Let a process end; returns what is started then."""
    before = len(context.processes)
    event = types.SimpleNamespace(returncode=code, action=process)
    for handler in [h for h in context.handlers if h.target_action in (None, process)]:
        visit(handler.handle(event, context) or [], context)
    return context.processes[before:]
