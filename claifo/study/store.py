"""What a study keeps in its folder: study.json, base.yaml, and job.json in every run folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from claifo.resources import SOURCE_ROOT
from claifo.study.plan import Study
from claifo_core.config import settings
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic, write_json_atomic

FORMAT = 'claifo-study-1'
STUDY_FILE = 'study.json'
BASE_FILE = 'base.yaml'
JOB_FILE = 'job.json'
LOG_FILE = 'train.log'
_GROWING = ('methods', 'tasks', 'domains', 'seeds')


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one runner; the kernel lets go of it however the process ends.

    Raises:
        ClaifoError: another runner works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaifoError(
                f'{folder}: another `claifo study` works in this folder; wait for it, end it, or '
                'choose another folder with --out'
            ) from None
        yield


def commit(root: Path = SOURCE_ROOT) -> str:
    """Return the commit of a checkout, marked if files differ from it; without git the version."""
    words = ('describe', '--always', '--exclude=*', '--abbrev=10', '--dirty=-changed')
    try:
        command = ('git', '-C', str(root), *words)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        try:
            return f'version {version("claifo")}'
        except PackageNotFoundError:
            return 'unknown'


def content(study: Study) -> dict[str, Any]:
    """Return what makes the runs of a study what they are, as JSON values."""
    return {
        'base': settings.to_dict(study.base),
        'methods': {name: dict(options) for name, options in study.methods.items()},
        'tasks': list(study.tasks),
        'domains': list(study.domains),
        'seeds': list(study.seeds),
        'film_episodes': study.film_episodes,
    }


def begin(folder: Path, study: Study, command: str) -> None:
    """Write study.json, or check that the study has only grown since it was written.

    Args:
        folder: Of the study.
        study: What is to run.
        command: What the user typed.

    Raises:
        ClaifoError: the study has changed; the line says where.
    """
    now = time.strftime('%Y-%m-%dT%H:%M:%S%z')
    session = {'command': command, 'commit': commit(), 'time': now}
    path = folder / STUDY_FILE
    sessions = []
    if path.is_file():
        before = read(folder)
        if changes := _changes(study, before):
            raise ClaifoError(
                f'{path}: the study has changed since it began: {"; ".join(changes)}; '
                'undo that, or choose another folder with --out'
            )
        sessions = before['sessions']
    stored = {
        'format': FORMAT, 'name': study.name, **content(study), 'reference': study.reference,
        'sessions': [*sessions, session],
    }  # fmt: skip
    write_atomic(folder / BASE_FILE, settings.dump(study.base).encode())
    write_json_atomic(path, stored)


def amend_session(folder: Path, **values: float) -> None:
    """Add to what study.json says of its newest session."""
    stored = read(folder)
    stored['sessions'][-1] |= values
    write_json_atomic(folder / STUDY_FILE, stored)


def read(folder: Path) -> dict[str, Any]:
    """Return what study.json says.

    Raises:
        ClaifoError: the file is missing or damaged.
    """
    path = folder / STUDY_FILE
    try:
        stored = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ClaifoError(f'{path}: cannot be read: {error}') from None
    if not isinstance(stored, dict) or stored.get('format') != FORMAT:
        raise ClaifoError(f'{path}: not a study of this version; choose another folder')
    return stored


def restore(folder: Path) -> Study:
    """Return the study of a folder as study.json holds it.

    Raises:
        ClaifoError: as :func:`read`.
    """
    stored = read(folder)
    return Study(
        name=stored['name'],
        base=settings.from_dict(stored['base'], str(folder / STUDY_FILE)),
        methods=stored['methods'],
        tasks=tuple(stored['tasks']),
        domains=tuple(stored['domains']),
        seeds=tuple(stored['seeds']),
        film_episodes=stored['film_episodes'],
        reference=stored['reference'],
    )


def _changes(study: Study, before: dict[str, Any]) -> list[str]:
    """Say what differs, except where the study only grew."""
    now = json.loads(json.dumps(content(study)))
    base = settings.from_dict(before['base'], f'{STUDY_FILE}: base')
    changes = settings.differences(study.base, base)
    for name in _GROWING:
        gone = [str(value) for value in before[name] if value not in now[name]]
        changes += [f'{name}: {value} is missing' for value in gone]
    for name, options in before['methods'].items():
        if now['methods'].get(name, options) != options:
            changes.append(f'methods: {name} is {now["methods"][name]}, not {options}')
    if now['film_episodes'] != before['film_episodes']:
        changes.append(f'film_episodes: {now["film_episodes"]}, not {before["film_episodes"]}')
    return changes


def read_job(run_dir: Path) -> dict[str, Any]:
    """Return what the runner noted of a run; empty before its first start."""
    path = run_dir / JOB_FILE
    if not path.is_file():
        return {}
    try:
        job: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise ClaifoError(f'{path}: not valid JSON ({error}); remove it') from None
    return job


def note(run_dir: Path, **values: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON values)
    """Add to what is noted of a run; returns all of it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    job = read_job(run_dir) | values
    write_json_atomic(run_dir / JOB_FILE, job)
    return job


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty."""
    if not log.is_file():
        return 'no log'
    with log.open('rb') as file:
        file.seek(max(0, os.path.getsize(log) - 4096))
        lines = file.read().decode(errors='replace').strip().splitlines()
    return lines[-1].strip() if lines else 'the log is empty'
