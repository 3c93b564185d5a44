"""A graph started as a user starts it, and the processes that it runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = [ROOT, ROOT / 'sim', *(ROOT / 'ros2_ws' / 'src').glob('*')]
ENVIRONMENT = os.environ | {
    'PYTHONPATH': os.pathsep.join(map(str, PATHS)), 'OMP_NUM_THREADS': '1',
}  # fmt: skip


class Launched:
    """A running `claifo launch`."""

    def __init__(self, place: Path, *words: str, without: Path | None = None):
        """Start it; ``without``: a folder whose modules hide those that are installed."""
        paths = [str(without)] if without else []
        paths.append(ENVIRONMENT['PYTHONPATH'])
        self.child = subprocess.Popen(
            [sys.executable, '-m', 'claifo', 'launch', *words], cwd=place,
            env=ENVIRONMENT | {'PYTHONPATH': os.pathsep.join(paths)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.lines: list[str] = []

    def until(self, word: str) -> str:
        """Read the output up to the line that holds ``word``."""
        for line in self.child.stdout:
            self.lines.append(line)
            if word in line:
                return line
        raise AssertionError(f'{word!r} was not said: {"".join(self.lines)}')

    def end(self) -> int:
        self.lines += self.child.communicate(timeout=60)[0].splitlines(keepends=True)
        return self.child.returncode

    @property
    def text(self) -> str:
        return ''.join(self.lines)


def processes(place: Path) -> dict[int, list[str]]:
    """Return the command lines of processes that work in a folder, by their number."""
    listing = subprocess.run(
        ['ps', '-eo', 'pid=,args='], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    lines = [line.split() for line in listing]
    return {int(pid): words for pid, *words in lines if _works_in(int(pid), place)}


def _works_in(pid: int, place: Path) -> bool:
    with contextlib.suppress(OSError):
        return Path(f'/proc/{pid}/cwd').readlink() == place
    return False


def pid_of(place: Path, node: str) -> int:
    found = [pid for pid, words in processes(place).items() if f'claifo_nodes.{node}' in words]
    assert len(found) == 1, f'{node}: {found}'
    return found[0]
