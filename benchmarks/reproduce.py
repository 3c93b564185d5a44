"""The paper's walker experiments: film, training, evaluation and statistics, in short pieces.

    python benchmarks/reproduce.py walker_light --minutes 10

Each call is a piece: it records what is missing of the film, lets the least advanced runs go on,
and is over within its minutes, checkpoints and evaluations included. The same command goes on
from the folder until all runs are whole. After each piece the folder holds curves.csv, table.md
and table.csv. See docs/reproduce.md.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import common
import reproduce_film
import reproduce_table
from reproduce_runs import EXPERIMENTS, Reproduction, Run, waiting

from claifo.arguments import count
from claifo.cli import Parser
from claifo.interrupts import stop_on_interrupt
from claifo_core.config import settings
from claifo_core.config.methods import METHODS
from claifo_core.device.devices import choose_device
from claifo_core.errors import ClaifoError, did_you_mean
from claifo_core.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARGIN_S = 8.0  # between the last process and the end of the piece: tables, leaving
_START_S = 20.0  # with less time left no run is started


class Player:
    """Runs that go on, each in a process of its own."""

    def __init__(self, until_s: float, lock: int) -> None:
        """Start none yet.

        Args:
            until_s: None goes on beyond that, by the monotonic clock.
            lock: Descriptor of the lock on the folder: it holds as long as one of them lives.
        """
        self.until_s, self._lock = until_s, lock
        self._playing: dict[str, tuple[Run, subprocess.Popen[bytes]]] = {}
        self.failed: list[str] = []

    def __len__(self) -> int:
        """How many go on."""
        return len(self._playing)

    def start(self, run: Run) -> None:
        """Let one go on."""
        print(f'{run.name}: from step {run.steps()} of {run.config.steps}', flush=True)
        run.folder.mkdir(parents=True, exist_ok=True)
        asked = run.folder / 'asked.yaml'
        write_atomic(asked, settings.dump(run.config).encode())
        script = Path(__file__).with_name('reproduce_piece.py')
        words = [sys.executable, str(script), str(asked), str(run.folder), str(self.until_s)]
        with (run.folder / 'log.txt').open('a') as log:
            # A session of its own: Ctrl-C is for the parent alone, which asks it to end.
            child = subprocess.Popen(
                words, stdout=log, stderr=log, start_new_session=True, pass_fds=[self._lock]
            )
        self._playing[run.name] = run, child

    def take_ended(self) -> None:
        """Note who has ended."""
        for name, (run, child) in list(self._playing.items()):
            if child.poll() is None:
                continue
            del self._playing[name]
            print(f'{name}: at step {run.steps()}', flush=True)
            if child.returncode:
                said = (run.folder / 'log.txt').read_text().splitlines() or ['nothing said']
                self.failed.append(f'{name}: exit code {child.returncode}: {said[-1]}')

    def ask_to_end(self) -> None:
        """Ask all for a checkpoint and an end."""
        for _, child in self._playing.values():
            child.terminate()

    def kill(self) -> None:
        """End all at once, with the processes that they started; checkpoints stay whole."""
        self.take_ended()
        for name, (_, child) in self._playing.items():
            print(f'{name}: its time was over before its last evaluation', flush=True)
            for pid in _children(child.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            child.kill()
            child.wait()


def _children(pid: int) -> list[int]:
    path = Path(f'/proc/{pid}/task/{pid}/children')
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def play(runs: list[Run], player: Player, parallel: int, stop: Callable[[], bool]) -> None:
    """Let the least advanced runs go on, ``parallel`` at a time, until the time is over.

    Raises:
        ClaifoError: a run failed; the others went on.
    """
    left = waiting(runs)
    asked = False
    try:
        while left or len(player):
            player.take_ended()
            left_s = player.until_s - time.monotonic()
            if stop() and not asked:
                player.ask_to_end()
                asked = True
            if asked or left_s < _START_S:
                left = []
            while left and len(player) < parallel:
                player.start(left.pop(0))
            if left_s < 0:
                break
            time.sleep(0.1)
    finally:
        player.kill()
    if player.failed:
        raise ClaifoError('; '.join(player.failed))


@contextlib.contextmanager
def alone(out: Path) -> Iterator[int]:
    """Hold the folder; gives the descriptor of its lock.

    Raises:
        ClaifoError: another piece does.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / 'lock').open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaifoError(f'{out}: another piece is at work there; wait for its end') from None
        yield file.fileno()


def begun_s() -> float:
    """Return when this process was started, by the monotonic clock: loading it counts as well."""
    ticks = int(Path('/proc/self/stat').read_text().rpartition(')')[2].split()[19])
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf('SC_CLK_TCK')
    return time.monotonic() - age_s


def reproduce(args: argparse.Namespace) -> None:
    """Do one piece."""
    stop = stop_on_interrupt()
    until_s = begun_s() + 60 * args.minutes - _MARGIN_S
    kind = f'{args.experiment}{"_tiny" * args.tiny}'
    out = (args.out or Path('runs') / 'reproduce' / kind).absolute()
    device, changes = str(choose_device(args.device)), common.changes(args)
    whole = Reproduction(args.experiment, out, args.tiny, device, args.parallel, changes)
    runs = [whole.run(name, seed) for seed in args.seeds for name in args.methods]
    for run in (*runs, *whole.present()):
        run.refuse_another()
    with alone(out) as lock:
        if reproduce_film.record(whole.film(), until_s) and not stop():
            play(runs, Player(until_s, lock), args.parallel, stop)
        tell(whole, runs)


def tell(whole: Reproduction, runs: list[Run]) -> None:
    """Write curves and tables, and say what is left to do."""
    read = [reproduce_table.read_curve(r.method, r.seed, r.folder) for r in whole.present()]
    curves = [curve for curve in read if curve]
    title = whole.experiment + ', tiny' * whole.tiny
    steps = runs[0].config.steps
    print(reproduce_table.write_tables(whole.out, title, curves, steps, common.origin()), end='')
    left = sum(not run.whole() for run in runs)
    print(f'{whole.out}: {len(runs) - left} of {len(runs)} runs are whole'
          + ('; the same command goes on' if left else ''))  # fmt: skip


def _seeds(text: str) -> list[int]:
    words = text.split(',')
    if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise argparse.ArgumentTypeError(f'{text} is not a list such as 0,1,2, each seed once')
    return [int(word) for word in words]


def _methods(text: str) -> list[str]:
    for word in text.split(','):
        if word not in METHODS:
            near = did_you_mean(word, METHODS)
            raise argparse.ArgumentTypeError(f'there is no {word}{near}; {", ".join(METHODS)}')
    return list(dict.fromkeys(text.split(',')))


def main() -> None:
    """Read the arguments and do one piece."""
    parser = Parser(prog='reproduce.py', description=__doc__.splitlines()[0])
    add = parser.add_argument
    add('experiment', choices=EXPERIMENTS, metavar='EXPERIMENT', help=', '.join(EXPERIMENTS))
    add('--minutes', type=common.positive, default=10.0,
        help='the piece is over by then, whatever happens (default: 10)')  # fmt: skip
    add('--seeds', type=_seeds, default=[0, 1, 2], metavar='0,1,2', help='default: 0,1,2')
    add('--methods', type=_methods, default=['claifo', 'laifo'], metavar='A,B',
        help='default: claifo,laifo')  # fmt: skip
    add('--out', type=Path, metavar='DIR', help='default: runs/reproduce/EXPERIMENT')
    add('--parallel', type=count, default=1, metavar='N',
        help='runs side by side on the device (default: 1)')  # fmt: skip
    add('--tiny', action='store_true', help='a minute on a CPU, to try it: nothing is learnt')
    common.add_set(parser)
    common.add_device(parser)
    args = parser.parse_args()
    reproduce(args)


if __name__ == '__main__':
    sys.exit(common.script(main))
