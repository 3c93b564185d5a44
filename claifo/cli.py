"""The command `claifo`: finds the command asked for and turns errors into one plain line."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from typing import TYPE_CHECKING, Any

from claifo.commands import (
    bag,
    bench,
    doctor,
    domains,
    evaluate,
    expert,
    export,
    launch,
    probe,
    report,
    study,
    tasks,
    train,
)
from claifo_core.errors import ClaifoError, did_you_mean
from claifo_sim.errors import SimError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS = (
    tasks, domains, expert, bag, train, study, launch, evaluate, export, probe, report, doctor,
    bench,
)  # fmt: skip
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations and names the option nearest to a wrong one.

    Raises:
        ClaifoError: instead of printing the usage and leaving the process.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 (those of the base class)
        """Pass the settings on; `--size` must not mean `--size-px` by accident."""
        super().__init__(**{'allow_abbrev': False, **settings})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse unknown arguments here, where the options of the command are known."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            near = did_you_mean(unknown[0].partition('=')[0], self._option_string_actions)
            self.error(f'unknown argument {unknown[0]}{near}')
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Answer an unknown command or choice with the nearest known one."""
        if action.choices is not None and value not in action.choices:
            options = [str(option) for option in action.choices]
            near = did_you_mean(str(value), options)
            raise argparse.ArgumentError(
                action, f'there is no {value}{near}; choose from {", ".join(options)}'
            )

    def error(self, message: str) -> Any:  # noqa: ANN401 (never returns)
        """Raise the message as one line."""
        raise ClaifoError(f'{message}; see {self.prog} --help')


def build_parser() -> Parser:
    """Build the parser of all commands; nothing heavy is imported for it."""
    parser = Parser(
        prog='claifo',
        description='Learn a robot policy from videos of an expert whose world looks different.',
        epilog='claifo COMMAND --help explains one command.',
    )
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of :func:`guarded`."""

    def command() -> int:
        args = build_parser().parse_args(argv)
        code: int = args.run(args)
        return code

    return guarded(command)


def guarded(action: Callable[[], int]) -> int:
    """Run ``action`` and turn what the user can solve into one line.

    Returns:
        The exit code: that of ``action``, 2 an error the user can solve (one line on stderr), 130
        stopped by Ctrl-C, 141 when the reader of the output has gone away.
    """
    try:
        code = action()
        sys.stdout.flush()
    except (ClaifoError, SimError) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        print('claifo: interrupted', file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # What is still buffered must not raise once more when Python leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if error.filename is None and error.errno not in DISK_FULL:
            raise
        return _complain(_describe(error))
    return code


def _describe(error: OSError) -> str:
    where = f'{error.filename}: ' if error.filename is not None else ''
    return f'{where}{error.strerror}'


def _complain(message: str) -> int:
    from claifo.terminal import printable

    print(f'claifo: error: {printable(" ".join(message.split()))}', file=sys.stderr)
    return EXIT_ERROR
