"""Running a graph where ROS 2 is absent: the processes that `ros2 launch` would start."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml

from claifo.graphs.composition import Process
from claifo.interrupts import die_with
from claifo_core.errors import ClaifoError

_POLL_S = 0.05
_TERM_S, _KILL_S = 5.0, 5.0
_ASKED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


def run(processes: Sequence[Process], stop: Callable[[], bool]) -> int:
    """Start the processes and wait for the first that ends, or for ``stop``.

    Args:
        processes: Of one graph.
        stop: Asked all the time; true ends the graph.

    Returns:
        The exit code: that of the process that ended, or 0 after ``stop``, unless a process
        failed to end well.
    """
    with tempfile.TemporaryDirectory(prefix='claifo_') as folder:
        for process in processes:
            if process.before and (code := _run_first(process, Path(folder), stop)):
                return code
        running = [_Running(p, Path(folder)) for p in processes if not p.before]
        try:
            if stop():
                return 0
            for child in running:
                child.start()
            return _watch(running, stop)
        finally:
            _end_at_once(running)


def _end_at_once(running: list[_Running]) -> None:
    """End what still runs after an error or a second Ctrl-C; what rests gets its time."""
    with _undisturbed():
        for child in reversed(running):
            if child.process.rests:
                child.stop()
            else:
                child.kill()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore a third Ctrl-C: only the main thread would get it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, earlier, strict=True):
            signal.signal(number, handler)


def _run_first(process: Process, folder: Path, stop: Callable[[], bool]) -> int:
    child = _Running(process, folder)
    child.start()
    try:
        while child.alive and not stop():
            time.sleep(_POLL_S)
        return child.stop() if child.alive else child.exit_code()
    finally:
        child.kill()


def _watch(running: list[_Running], stop: Callable[[], bool]) -> int:
    """Wait for an end; then stop the others, the last started first."""
    code = 0
    while not stop():
        ended = next((child for child in running if not child.alive), None)
        if ended is None:
            time.sleep(_POLL_S)
        elif not ended.restarted():
            code = ended.exit_code()
            say(f'{ended.process.name} ended with exit code {code}; the graph ends')
            break
    codes = [child.stop() for child in reversed(running)]
    return code or max(codes)


def say(line: str) -> None:
    """Tell the user something about the graph."""
    print(f'[graph] {line}', flush=True)


def command(process: Process, folder: Path) -> list[str]:
    """Return the command line of a process, as `ros2 launch` builds it.

    Args:
        process: Which.
        folder: Where its files are written.
    """
    if process.foreign:
        return [process.executable, *process.args]
    if process.before:
        return [sys.executable, '-m', process.executable, *process.args]
    words = [sys.executable, '-m', f'claifo_nodes.{process.executable}', *process.args]
    words += ['--ros-args', '-r', f'__node:={process.name}']
    if params := process.written(folder):
        path = folder / f'{process.name}.yaml'
        content = {f'/**/{process.name}': {'ros__parameters': params}}
        path.write_text(yaml.safe_dump(content))
        words += ['--params-file', str(path)]
    for source, target in process.remaps.items():
        words += ['-r', f'{source}:={target}']
    return words


class _Running:
    """One process of a running graph, in a process group of its own."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process = process
        self._command = command(process, folder)
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start it; its output is passed on line by line.

        Raises:
            ClaifoError: The program cannot be started.
        """
        try:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors='replace', start_new_session=True,
                env={**os.environ, 'PYTHONUNBUFFERED': '1'},
                preexec_fn=functools.partial(die_with, os.getpid(), signal.SIGTERM),
            )  # fmt: skip
        except OSError as error:
            raise ClaifoError(f'{self._command[0]}: {error.strerror}') from None
        self._reader = threading.Thread(target=self._pass_on, args=(self._child,), daemon=True)
        self._reader.start()

    def _pass_on(self, child: subprocess.Popen[str]) -> None:
        for line in child.stdout or ():
            print(f'[{self.process.name}] {line}', end='', flush=True)

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def exit_code(self) -> int:
        """Return its exit code, 128 + n after signal n, once its output has been passed on."""
        if self._child is None or self._reader is None:
            return 0
        code = self._child.wait()
        self._reader.join(_KILL_S)
        return 128 - code if code < 0 else code

    def restarted(self) -> bool:
        """Start it again if it was killed and may be; return whether that was done."""
        code = self._child.returncode if self._child else 0
        if not self.process.restart or code >= 0:
            return False
        say(f'{self.process.name} was killed by {signal.Signals(-code).name}; it starts again')
        self.exit_code()
        self.start()
        return True

    def stop(self) -> int:
        """End it, with more force as time goes by.

        Returns:
            Its exit code; 0 also where it ended by one of the signals that ask for it.
        """
        steps = ((signal.SIGINT, self.process.grace_s), (signal.SIGTERM, _TERM_S))
        for number, patience_s in steps:
            if self.alive and self._child:
                self._child.send_signal(number)
                self._wait(patience_s)
        self.kill()
        code = self.exit_code()
        return 0 if code in _ASKED else code

    def _wait(self, patience_s: float) -> None:
        end = time.monotonic() + patience_s
        while self.alive and time.monotonic() < end:
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.alive and self._child:
            self._child.kill()
            self._child.wait()
