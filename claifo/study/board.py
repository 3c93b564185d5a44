"""What a person sees of a running study: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, TextIO

from claifo import terminal
from claifo.study.plan import Run, Study
from claifo.study.progress import DONE, FAILED, RUNNING, STOPPED, WAITING, Progress

if TYPE_CHECKING:
    from rich.table import Table

Known = Mapping[Run, Progress]
COLUMNS = ('done', 'running', 'failed', 'waiting')


class Board:
    """Shows a study on a stream."""

    def __init__(self, study: Study, known: Known, stream: TextIO | None = None) -> None:
        """Show ``study``, as far as it has come, on ``stream``; standard output when None."""
        from rich.live import Live
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._study = study
        self._console = terminal.console(stream)
        self.live = self._console.is_terminal
        self._bar = Bar(
            BarColumn(), TaskProgressColumn(), TextColumn('of {task.total} runs,'),
            TimeRemainingColumn(), TextColumn('left'), speed_estimate_period=float('inf'),
        )  # fmt: skip
        done: Any = _share(known)  # it is declared to be whole
        self._task = self._bar.add_task('', total=len(known), completed=done)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def say(self, line: str) -> None:
        """Tell of something that happened."""
        self._console.print(line, soft_wrap=True)

    def show(self, known: Known) -> None:
        """Draw the table, and over the one before."""
        from rich.console import Group

        self._bar.update(self._task, completed=_share(known))
        self._live.update(Group(table(self._study, known), self._bar), refresh=True)

    def end(self, known: Known) -> None:
        """Leave the table as it is at the end."""
        self._live.stop()
        self._console.print(table(self._study, known))


def _share(known: Known) -> float:
    return sum(progress.share for progress in known.values())


def table(study: Study, known: Known) -> Table:
    """Return a row for each method, world and commit; columns that say nothing are left out."""
    groups: dict[tuple[str, ...], list[Progress]] = {}
    for run, progress in known.items():
        key = (run.method, run.task, run.domain, progress.commit)
        groups.setdefault(key, []).append(progress)
    worlds = len(study.tasks) * len(study.domains) > 1
    commits = len({key[3] for key in groups}) > 1
    kept = (True, worlds, worlds, *(True for _ in COLUMNS), True, commits)
    head = ('method', 'task', 'domain', *COLUMNS, 'latest returns', 'commit')
    rows = [_row(key, groups[key]) for key in sorted(groups, key=study.place)]
    return terminal.table(*(list(compress(row, kept)) for row in (head, *rows)))


def _row(key: Sequence[str], group: Sequence[Progress]) -> tuple[str, ...]:
    counts = Counter(p.state for p in group)
    waiting = counts[WAITING] + counts[STOPPED]
    numbers = (counts[DONE], counts[RUNNING], counts[FAILED], waiting)
    returns = ' '.join('-' if p.last_return is None else f'{p.last_return:.0f}' for p in group)
    return (*key[:3], *(str(n or '·') for n in numbers), returns, key[3])
