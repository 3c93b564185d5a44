"""Where the figures of a run go: a JSON line each, TensorBoard and the terminal.

A record is a flat mapping with a ``kind`` (``start``, ``train``, ``episode``, ``eval``, ``end``);
every kind but ``start`` carries ``step``. :mod:`claifo_core.training.formulas` says what each
figure means.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch.utils.tensorboard import SummaryWriter


class Writer(Protocol):
    """One place that records go to."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record; ``kind`` is among its keys."""

    def close(self) -> None:
        """Flush and release; writing afterwards is an error."""


class JsonlWriter:
    """Append records to a file, one flushed line of valid JSON each.

    NaN and infinity become ``null``: JSON knows neither. A half line that a killed process left
    at the end is cut when the file is opened.
    """

    def __init__(self, path: Path | str) -> None:
        """Open ``path`` for appending; it need not exist."""
        self.path = Path(path)
        self._drop_half_line()
        self._file = self._open()

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line and flush it.

        Raises:
            ClaifoError: the line cannot be written, the disk being full for example.
        """
        try:
            self._file.write(_json_line(record))
            self._file.flush()
        except OSError as error:
            raise ClaifoError(
                f'{self.path}: cannot append a record: {error.strerror}; '
                'free some space, then run the same command again'
            ) from error

    def truncate_after(self, step: int) -> None:
        """Drop the records beyond ``step``, so that a resumed run does not tell them twice.

        A record without a step (``start``) counts as step 0; a step of -1 empties the file.
        """
        self._file.close()
        kept = [record for record in read_jsonl(self.path) if record.get('step', 0) <= step]
        write_atomic(self.path, ''.join(map(_json_line, kept)).encode())
        self._file = self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> TextIO:
        try:
            return self.path.open('a', encoding='utf-8')
        except OSError as error:
            raise ClaifoError(
                f'{self.path}: cannot be opened: {error.strerror}; choose a folder you can write'
            ) from error

    def _drop_half_line(self) -> None:
        if not self.path.is_file():
            return
        data = self.path.read_bytes()
        whole = data.rfind(b'\n') + 1
        if whole < len(data):
            os.truncate(self.path, whole)


class TensorBoardWriter:
    """Scalars of ``train``, ``episode`` and ``eval`` records, by agent step."""

    def __init__(self, folder: Path | str, first_step: int = 0) -> None:
        """Open an event file in ``folder``; events from ``first_step`` on count as undone."""
        from torch.utils.tensorboard import SummaryWriter  # 2 s of import: only when wanted

        self._board: SummaryWriter = SummaryWriter(str(folder), purge_step=first_step)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write every number of a record of a run's course; others pass unseen."""
        if record['kind'] not in ('train', 'episode', 'eval'):
            return
        for name, value in record.items():
            if name not in ('kind', 'step') and isinstance(value, (int, float)):
                self._board.add_scalar(f'{record["kind"]}/{name}', value, record['step'])

    def close(self) -> None:
        """Flush the event file."""
        self._board.close()


class ConsoleWriter:
    """Progress for people: one live line on a terminal, a plain line now and then elsewhere."""

    def __init__(
        self,
        total_steps: int,
        stream: TextIO | None = None,
        every_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Show progress towards ``total_steps`` agent steps.

        Args:
            total_steps: Where the run ends, in agent steps.
            stream: Standard error when None.
            every_s: Seconds between plain lines when ``stream`` is no terminal.
            clock: Seconds that never run backwards.
        """
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._total = total_steps
        self._every_s = 0.2 if self._live else every_s
        self._clock = clock
        self._due = -math.inf
        self._return: float | None = None
        self._evaluated = False

    def write(self, record: Mapping[str, Any]) -> None:
        """Show a record; ``train`` records no more often than is readable."""
        kind = record['kind']
        if kind == 'train' and self._clock() >= self._due:
            self._due = self._clock() + self._every_s
            self._show(progress_line(record, self._total, self._return), passing=self._live)
        elif kind == 'episode' and not self._evaluated:
            self._return = record.get('return')
        elif kind == 'eval':
            self._return, self._evaluated = record.get('return_mean'), True
            self._show(evaluation_line(record), passing=False)
        elif kind == 'end':
            self._show(end_line(record), passing=False)

    def close(self) -> None:
        """Leave the cursor on a fresh line."""
        if self._live:
            self._put('\r\x1b[K')

    def _show(self, line: str, passing: bool) -> None:
        if not self._live:
            self._put(line + '\n')
            return
        width = shutil.get_terminal_size().columns - 1
        self._put('\r\x1b[K' + (line[:width] if passing else line + '\n'))

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Metrics:
    """Send each record to every writer of a run."""

    def __init__(
        self, run_dir: Path | str, total_steps: int, console: bool = True, tensorboard: bool = True
    ) -> None:
        """Open ``metrics.jsonl`` in ``run_dir`` (made if absent) and what else is wanted.

        Args:
            run_dir: The run folder.
            total_steps: Where the run ends, in agent steps; for the progress display.
            console: Show progress on standard error.
            tensorboard: Write an event file to ``run_dir/tensorboard``.
        """
        self._run_dir = Path(run_dir)
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._jsonl = JsonlWriter(self._run_dir / 'metrics.jsonl')
        self._console = [ConsoleWriter(total_steps)] if console else []
        self._board: list[TensorBoardWriter] = []
        self._wants_board = tensorboard
        self._first_step = 0

    def truncate_after(self, step: int) -> None:
        """Forget what lies beyond ``step``; call it when resuming, before the first record."""
        self._jsonl.truncate_after(step)
        self._first_step = step + 1

    def write(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 (any JSON value)
        """Record ``fields`` under ``kind``; scalars of NumPy and PyTorch are welcome.

        Raises:
            ClaifoError: the record cannot be written.
        """
        record = {'kind': kind, **{name: _plain(value) for name, value in fields.items()}}
        for writer in self._writers():
            writer.write(record)

    def close(self) -> None:
        """Close every writer."""
        writers: tuple[Writer, ...] = (self._jsonl, *self._board, *self._console)
        for writer in writers:
            writer.close()

    def _writers(self) -> tuple[Writer, ...]:
        if self._wants_board and not self._board:
            self._board = [TensorBoardWriter(self._run_dir / 'tensorboard', self._first_step)]
        return (self._jsonl, *self._board, *self._console)


def read_jsonl(path: Path | str) -> list[dict[str, Any]]:
    """Read the records of a file; a half line at its end is passed over.

    Raises:
        ClaifoError: the file cannot be read, or a line before the end is not a JSON object.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding='utf-8', errors='replace').split('\n')[:-1]
    except OSError as error:
        raise ClaifoError(f'{path}: cannot be read: {error.strerror}') from error
    return [_parse(path, number, line) for number, line in enumerate(lines, 1)]


def progress_line(record: Mapping[str, Any], total_steps: int, last_return: float | None) -> str:
    """Say in one line how a run fares, from a ``train`` record and the last known return."""
    step, rate = record['step'], record.get('steps_per_s') or 0.0
    eta = _clock_time((total_steps - step) / rate) if rate else '-'
    return '  '.join(
        (
            f'{step / max(total_steps, 1):4.0%}',
            f'step {step}/{total_steps}',
            f'{rate:.0f}/s',
            f'eta {eta}',
            f'return {_number(last_return, 0)}',
            f'D expert {_number(record.get("discriminator_expert_accuracy"), 2)}'
            f' agent {_number(record.get("discriminator_agent_accuracy"), 2)}',
            f'reward {_number(record.get("reward_mean"), 2)}',
            f'contrastive {_number(record.get("contrastive_accuracy"), 2)}',
        )
    )


def evaluation_line(record: Mapping[str, Any]) -> str:
    """Say in one line what an ``eval`` record found."""
    return (
        f'eval  step {record["step"]}  {_clock_time(record.get("wall_s") or 0.0)}  '
        f'return {_number(record.get("return_mean"), 0)} '
        f'± {_number(record.get("return_std"), 0)}  '
        f'success {_number(record.get("success_rate"), 2)}'
    )


def end_line(record: Mapping[str, Any]) -> str:
    """Say in one line how a run ended, from its ``end`` record."""
    return (
        f'done  step {record["step"]}  {_clock_time(record.get("wall_s") or 0.0)}  '
        f'final return {_number(record.get("final_return"), 0)}  '
        f'best {_number(record.get("best_return"), 0)}'
    )


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        raise ClaifoError(
            f'{path}: line {number} is {line[:40]!r}; a JSON object is needed: '
            'remove that line, then run the same command again'
        )
    return record


def _json_line(record: Mapping[str, Any]) -> str:
    return json.dumps(_finite(record), allow_nan=False) + '\n'


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Turn scalars and arrays of NumPy and PyTorch into Python's own numbers and lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, 'tolist') else value


def _finite(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'


def _clock_time(seconds: float) -> str:
    minutes, second = divmod(int(max(seconds, 0.0)), 60)
    hours, minute = divmod(minutes, 60)
    return f'{hours}:{minute:02}:{second:02}' if hours else f'{minute}:{second:02}'
