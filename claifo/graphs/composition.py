"""What a graph is: arguments, and a function from their values to processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claifo_core.config import settings
from claifo_core.errors import ClaifoError, did_you_mean

BOOLEANS = ('true', 'false')


@dataclass(frozen=True)
class Argument:
    """An argument of a graph.

    Attributes:
        name: Its name, as in ``name:=value``.
        default: Its value if none is given; None: one must be given.
        text: What it does.
        choices: The only values it can have, if any.
        kind: What its value is read as.
    """

    name: str
    default: str | None
    text: str
    choices: tuple[str, ...] = ()
    kind: type = str

    def read(self, value: str) -> Any:  # noqa: ANN401 (of that kind)
        """Return a value as its kind.

        Raises:
            ClaifoError: It is none of the choices, or of another kind.
        """
        if self.choices and value not in self.choices:
            raise ClaifoError(
                f'{self.name}:={value} is not possible{did_you_mean(value, self.choices)}; '
                f'choose one of {", ".join(filter(None, self.choices))}'
            )
        return settings.convert(value, self.kind, self.name)


@dataclass(frozen=True)
class Process:
    """A process of a graph.

    Attributes:
        executable: Console script of this package; with ``foreign``, any program.
        name: Name of the node, and of the process in the output.
        params: Parameters of the node.
        remaps: Topics of the node that get another name.
        args: Arguments in front of those of ROS.
        before: It must end with 0 before the others start; it is no node.
        restart: Killed by a signal, it is started again.
        foreign: It is a program of others.
        grace_s: Time to end after SIGINT, before SIGTERM.
        rests: It brings something to rest when it ends: it gets its time whatever ends the graph.
        files: Further parameters of the node, which name YAML files with this content.
    """

    executable: str
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    remaps: Mapping[str, str] = field(default_factory=dict)
    args: Sequence[str] = ()
    before: bool = False
    restart: bool = False
    foreign: bool = False
    grace_s: float = 5.0
    rests: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    def written(self, folder: Path) -> dict[str, Any]:
        """Return all parameters, once the files are written into a folder."""
        paths = {name: folder / f'{self.name}_{name}.yaml' for name in self.files}
        for name, path in paths.items():
            path.write_text(self.files[name])
        return dict(self.params) | {name: str(path) for name, path in paths.items()}


@dataclass(frozen=True)
class Graph:
    """A graph by name; every process is required: when one ends, all end.

    Attributes:
        name: Its name.
        text: What it does.
        arguments: What can be set.
        compose: From the values of all arguments to the processes.
    """

    name: str
    text: str
    arguments: tuple[Argument, ...]
    compose: Callable[[Mapping[str, Any]], list[Process]]

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the values of all arguments.

        Raises:
            ClaifoError: An argument is not known, missing, or none of its choices.
        """
        known = {argument.name: argument for argument in self.arguments}
        for name in given:
            if name not in known:
                raise ClaifoError(
                    f'{self.name} has no argument {name}{did_you_mean(name, known)}; '
                    f'see claifo launch {self.name} --show-args'
                )
        missing = [n for n, a in known.items() if a.default is None and n not in given]
        if missing:
            raise ClaifoError(
                f'{self.name} needs {missing[0]}:=VALUE: {known[missing[0]].text}'
            )
        return {n: a.read(given.get(n, a.default or '')) for n, a in known.items()}
