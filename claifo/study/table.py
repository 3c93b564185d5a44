"""What a person sees of a running study: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO

from claifo.study.plan import Run, Study
from claifo.study.progress import DONE, FAILED, RUNNING, STOPPED, WAITING, Progress

Known = Mapping[Run, Progress]
COLUMNS = ('done', 'running', 'failed', 'waiting')


class Table:
    """Shows a study on a stream."""

    def __init__(self, study: Study, stream: TextIO | None = None) -> None:
        """Show ``study`` on ``stream``, standard output when None."""
        self._study = study
        self._stream = sys.stdout if stream is None else stream
        self.live = self._stream.isatty()
        self._shown = 0
        self._began = time.monotonic()
        self._share: float | None = None

    def say(self, line: str, known: Known) -> None:
        """Tell of something that happened."""
        self._clear()
        self._put(line + '\n')
        self.show(known)

    def show(self, known: Known) -> None:
        """Draw the table, where it can be drawn over again."""
        if not self.live:
            return
        self._clear()
        width, height = shutil.get_terminal_size()
        table = [*lines(self._study, known), '', self._summary(known)]
        if len(table) > height - 2:
            table = [*table[: height - 4], '…', table[-1]]
        self._put(''.join(line[: width - 1] + '\n' for line in table))
        self._shown = len(table)

    def end(self, known: Known) -> None:
        """Leave the table as it is at the end."""
        self._clear()
        self._put('\n'.join([*lines(self._study, known), '']))

    def _summary(self, known: Known) -> str:
        share = sum(p.share for p in known.values())
        self._share = share if self._share is None else self._share
        elapsed, gained = time.monotonic() - self._began, share - self._share
        left = elapsed / gained * (len(known) - share) if gained > 0 else None
        rest = '' if left is None else f', about {left / 60:.0f} min left'
        return f'{share / len(known):.0%} of {len(known)} runs, {elapsed / 60:.0f} min{rest}'

    def _clear(self) -> None:
        if self._shown:
            self._put(f'\x1b[{self._shown}A\x1b[J')
            self._shown = 0

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def lines(study: Study, known: Known) -> list[str]:
    """Return the table: one line for each method, setting and commit, under a head."""
    groups: dict[tuple[str, ...], list[Progress]] = {}
    for run, progress in known.items():
        key = (run.method, run.task, run.domain, progress.commit)
        groups.setdefault(key, []).append(progress)
    commits = {key[3] for key in groups}
    rows = [_row(key, group, len(commits) > 1) for key, group in _ordered(study, groups)]
    several = len(study.tasks) * len(study.domains) > 1
    head = ['method', *(['task', 'domain'] if several else []), *COLUMNS, 'latest returns']
    head += ['commit'] if len(commits) > 1 else []
    kept = [row[:1] + row[3 if not several else 1 :] for row in rows]
    return _aligned([head, *kept])


def _ordered(
    study: Study, groups: Mapping[tuple[str, ...], list[Progress]]
) -> list[tuple[tuple[str, ...], list[Progress]]]:
    names = list(study.methods)
    order = (study.tasks, study.domains)
    return sorted(
        groups.items(),
        key=lambda g: (order[0].index(g[0][1]), order[1].index(g[0][2]), names.index(g[0][0])),
    )


def _row(key: Sequence[str], group: Sequence[Progress], commits: bool) -> list[str]:
    counts = Counter(p.state for p in group)
    waiting = counts[WAITING] + counts[STOPPED]
    numbers = [counts[DONE], counts[RUNNING], counts[FAILED], waiting]
    returns = ' '.join('-' if p.last_return is None else f'{p.last_return:.0f}' for p in group)
    shown = [str(n) if n else '·' for n in numbers]
    return [*key[:3], *shown, returns, *([key[3]] if commits else [])]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in rows)
    return ['  '.join(row).rstrip() for row in cells]
