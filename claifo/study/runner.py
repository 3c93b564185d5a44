"""The runner: films first, then every run that is not done, as many at a time as there is room."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import shlex
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from claifo.films import Film
from claifo.study import progress, store
from claifo.study.board import Board
from claifo.study.executor import Executor, LocalExecutor, Process
from claifo.study.plan import Run, Study
from claifo.study.progress import DONE, FAILED, RUNNING, Progress
from claifo_core.errors import ClaifoError

_POLL_S = 0.2
_SHOW_S = 2.0  # between two looks at the runs, for the live table
_STARTS = 3  # of a run that is killed again and again, by want of memory say
_CLAIFO = (sys.executable, '-m', 'claifo')


def run(
    study: Study, folder: Path, executor: Executor, command: str, stop: Callable[[], bool]
) -> int:
    """Do all that is not done yet; the same call again goes on.

    Args:
        study: What to run.
        folder: Its folder.
        executor: Where.
        command: What the user typed, kept beside the results.
        stop: Asked all the time; true ends all runs with a checkpoint.

    Returns:
        The exit code: 1 if a run failed, else 0.

    Raises:
        ClaifoError: the study has changed, another runner works in the folder, or a film cannot be
            recorded.
    """
    with store.locked(folder):
        store.begin(folder, study, command)
        _record_films(study, folder, stop)
        began = os.times()
        code = _Runner(study, folder, executor).run(stop)
        if isinstance(executor, LocalExecutor):
            _tell_busy(folder, began, os.times())
        return code


def _tell_busy(folder: Path, began: os.times_result, now: os.times_result) -> None:
    """Say and keep which share of the cores the runs used, all their processes counted."""
    wall_s = now.elapsed - began.elapsed
    used_s = sum(now[2:4]) - sum(began[2:4])
    share = used_s / (wall_s * len(os.sched_getaffinity(0)))
    store.amend_session(folder, minutes=round(wall_s / 60, 2), cores_busy=round(share, 3))
    print(f'{wall_s / 60:.1f} min, cores {share:.0%} busy with the runs')


def command_of(study: Study, folder: Path, run: Run) -> list[str]:
    """Return the command line of a run, words after `claifo`."""
    films = {option: folder / place for option, place in study.films(run).items()}
    options = {**study.options(run), 'threads': study.threads, **films}
    words = ['train', '--config', str(folder / store.BASE_FILE), '--run', str(folder / run.folder)]
    return words + [f'--{name}={_word(value)}' for name, value in options.items()]


def _word(value: object) -> str:
    """Spell a value of YAML as an option on the command line."""
    if isinstance(value, list | tuple):
        return ','.join(map(_word, value))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _record_films(study: Study, folder: Path, stop: Callable[[], bool]) -> None:
    """Record each film that is missing, side by side.

    Raises:
        ClaifoError: one cannot be recorded.
    """
    films = {
        film: (run, option) for run in study.runs() for option, film in study.films(run).items()
    }
    missing = [film for film in films if not (folder / film).exists()]
    if not missing:
        return
    for left in (folder / 'films').glob('.*.tmp'):  # of a runner that was killed
        shutil.rmtree(left)
    (folder / 'films').mkdir(exist_ok=True)
    local = LocalExecutor(study.jobs, 1, 'cpu')
    running: dict[Path, Process] = {}
    try:
        while (missing or running) and not stop():
            while missing and len(running) < local.jobs:
                film = missing.pop(0)
                print(f'filming: {folder / film}', flush=True)
                command = _film_command(study, *films[film], folder / film)
                running[film] = local.start(command, _film_log(folder / film))
            for film, process in list(running.items()):
                if (code := process.poll()) is not None:
                    del running[film]
                    _check_film(folder / film, code)
            time.sleep(_POLL_S)
    finally:
        for process in running.values():
            process.kill()


def _film_command(study: Study, run: Run, option: str, out: Path) -> list[str]:
    words = Film.of(study.config(run), option.removeprefix('expert.')).words()
    return [*_CLAIFO, *words, '--episodes', str(study.film_episodes), '--out', str(out)]


def _film_log(film: Path) -> Path:
    return film.with_name(f'{film.name}.log')


def _check_film(film: Path, code: int) -> None:
    if code or not film.exists():
        last = store.last_line(_film_log(film)).removeprefix('claifo: error: ')
        raise ClaifoError(f'{film}: could not be filmed: {last}')


def longest(pending: Sequence[Run], known: Mapping[Run, Progress]) -> Run:
    """Return the run to start next: one of unknown length, else that which takes the longest.

    How long a run takes is known from the finished runs of its method and setting.
    """
    times: dict[tuple[str, str], list[float]] = {}
    for run, seen in known.items():
        if seen.state == DONE:
            times.setdefault((run.method, run.setting), []).append(seen.wall_s)

    def left_s(run: Run) -> float:
        whole_s = times.get((run.method, run.setting))
        return (1 - known[run].share) * float(np.mean(whole_s)) if whole_s else math.inf

    return max(pending, key=left_s)  # the first of equals


class _Runner:
    """The runs of one study, what is known of each, and those that run now."""

    def __init__(self, study: Study, folder: Path, executor: Executor) -> None:
        self._study = study
        self._folder = folder
        self._executor = executor
        self._commit = store.commit()
        self._known = {run: progress.read(folder, run, self._commit) for run in study.runs()}
        self._pending = [run for run, known in self._known.items() if known.state != DONE]
        self._running: dict[Run, Process] = {}
        self._starts: Counter[Run] = Counter()
        self._board = Board(study, self._known)
        self._shown = 0.0

    def run(self, stop: Callable[[], bool]) -> int:
        """Run what is not done; returns the exit code."""
        try:
            while (self._pending or self._running) and not stop():
                while self._pending and len(self._running) < self._executor.jobs:
                    self._start(longest(self._pending, self._known))
                self._collect()
                self._show()
                time.sleep(_POLL_S)
            self._stop()
        finally:
            for process in self._running.values():
                process.kill()
            self._board.end(self._known)
        return self._end()

    def _start(self, run: Run) -> None:
        self._pending.remove(run)
        self._starts[run] += 1
        run_dir = self._folder / run.folder
        words = command_of(self._study, self._folder, run)
        commits = store.read_job(run_dir).get('commits', [])
        commits += [self._commit] if self._commit not in commits[-1:] else []
        store.note(
            run_dir, **vars(run), command=shlex.join(['claifo', *words]), commits=commits,
            machine=platform.node(), exit_code=None,
        )  # fmt: skip
        self._running[run] = self._executor.start([*_CLAIFO, *words], run_dir / store.LOG_FILE)
        self._update(run, RUNNING)
        self._say(run, 'resumed' if self._known[run].share else 'started')

    def _collect(self) -> None:
        """Take in the runs that have ended; one that was killed goes back to those that wait."""
        for run, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[run]
            store.note(self._folder / run.folder, exit_code=code)
            self._update(run)
            state = self._known[run].state
            if state == DONE:
                self._say(run, _returned(self._known[run]))
            elif code <= 0 and self._starts[run] < _STARTS:
                self._pending.append(run)
                self._say(run, f'{_ended(code)} before its end; it starts again')
            else:
                self._known[run] = dataclasses.replace(self._known[run], state=FAILED)
                self._say(run, self._failure(run, code))

    def _stop(self) -> None:
        """Ask all runs to write a checkpoint and end, and wait for them."""
        if not self._running:
            return
        self._board.say('stopping: every run writes a checkpoint')
        for process in self._running.values():
            process.stop()
        while self._running:
            for run, process in list(self._running.items()):
                if process.poll() is not None:
                    del self._running[run]
                    self._update(run)
            time.sleep(_POLL_S)

    def _end(self) -> int:
        """Say how the study stands; returns the exit code."""
        counts = Counter(known.state for known in self._known.values())
        for run, known in self._known.items():
            if known.state == FAILED:
                print(f'failed: {run}: {store.last_line(self._log(run))}; see {self._log(run)}')
        rest = len(self._known) - counts[DONE] - counts[FAILED]
        if rest:
            print(f'stopped early, {rest} runs are not done; the same command goes on')
        print(f'see the report: claifo report {self._folder}')
        return 1 if counts[FAILED] else 0

    def _update(self, run: Run, state: str = '') -> None:
        known = progress.read(self._folder, run, self._commit)
        self._known[run] = dataclasses.replace(known, state=state or known.state)

    def _show(self) -> None:
        """Draw the live board now and then."""
        if self._board.live and time.monotonic() - self._shown > _SHOW_S:
            for run in self._running:
                self._update(run, RUNNING)
            self._board.show(self._known)
            self._shown = time.monotonic()

    def _say(self, run: Run, what: str) -> None:
        done = sum(known.state == DONE for known in self._known.values())
        self._board.say(f'[{done}/{len(self._known)} done] {run}: {what}')

    def _failure(self, run: Run, code: int) -> str:
        return f'{_ended(code)}: {store.last_line(self._log(run))}'

    def _log(self, run: Run) -> Path:
        return self._folder / run.folder / store.LOG_FILE


def _returned(known: Progress) -> str:
    value = '-' if known.last_return is None else f'{known.last_return:.1f}'
    return f'final return {value} after {known.wall_s / 60:.1f} min'


def _ended(code: int) -> str:
    if code < 0:
        return f'killed by {signal.Signals(-code).name}'
    return f'ended with exit code {code}'
