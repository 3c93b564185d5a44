"""Metrics: what is on disk after a crash and a resume, and what a person sees."""

from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from claifo_core.errors import ClaifoError
from claifo_core.training import formulas, metrics

ROOT = Path(__file__).parents[3]


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def train_record(step: int, **fields: float) -> dict[str, object]:
    """Return a ``train`` record like the trainer's."""
    figures = {
        'steps_per_s': 50.0,
        'discriminator_expert_accuracy': 0.93,
        'discriminator_agent_accuracy': 0.88,
        'reward_mean': 0.41,
        'contrastive_accuracy': 0.975,
    }
    return {'kind': 'train', 'step': step, **figures, **fields}


def lines(path: Path) -> list[dict[str, object]]:
    """Parse strictly: ``NaN`` and ``Infinity`` are refused."""

    def refuse(name: str) -> None:
        raise AssertionError(f'{name} is not JSON')

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_non_finite_figures_become_null(tmp_path: Path) -> None:
    """A diverging run must leave a file that any JSON reader takes."""
    run = metrics.Metrics(tmp_path / 'run', 10, console=False, tensorboard=False)
    run.write('train', step=1, a=math.nan, b=[1.0, -math.inf], c={'d': math.inf}, e=0.5)
    run.close()
    assert lines(tmp_path / 'run' / 'metrics.jsonl') == [
        {'kind': 'train', 'step': 1, 'a': None, 'b': [1.0, None], 'c': {'d': None}, 'e': 0.5}
    ]


def test_scalars_of_numpy_and_torch_are_numbers(tmp_path: Path) -> None:
    """Losses arrive as tensors, returns as NumPy numbers."""
    run = metrics.Metrics(tmp_path, 10, console=False, tensorboard=False)
    run.write(
        'eval',
        step=np.int64(3),
        loss=torch.tensor(0.25),
        returns=[np.float32(1.5), 2.0],
        curve=np.array([1.0, np.nan]),
    )
    run.close()
    assert lines(tmp_path / 'metrics.jsonl') == [
        {'kind': 'eval', 'step': 3, 'loss': 0.25, 'returns': [1.5, 2.0], 'curve': [1.0, None]}
    ]


def test_each_record_is_on_disk_at_once(tmp_path: Path) -> None:
    """A process killed later must not take written records with it."""
    writer = metrics.JsonlWriter(tmp_path / 'metrics.jsonl')
    writer.write({'kind': 'train', 'step': 1})
    assert lines(tmp_path / 'metrics.jsonl') == [{'kind': 'train', 'step': 1}]
    writer.close()


@given(
    steps=st.lists(st.integers(0, 50), max_size=20).map(sorted),
    resumed=st.integers(-1, 50),
    tail=st.sampled_from(['', '{"kind": "train", "st', '{']),
)
def test_resume_keeps_exactly_what_the_checkpoint_knows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], resumed: int, tail: str
) -> None:
    """Whatever was written and wherever the kill struck, a resumed file tells each step once."""
    path = tmp_path_factory.mktemp('run') / 'metrics.jsonl'
    records = [{'kind': 'train', 'step': step, 'number': i} for i, step in enumerate(steps)]
    path.write_text(''.join(json.dumps(record) + '\n' for record in records) + tail)
    writer = metrics.JsonlWriter(path)
    writer.truncate_after(resumed)
    writer.write({'kind': 'train', 'step': resumed + 1})
    writer.close()
    kept = [record for record in records if record['step'] <= resumed]
    assert lines(path) == [*kept, {'kind': 'train', 'step': resumed + 1}]


def test_reopening_after_a_kill_appends_whole_lines(tmp_path: Path) -> None:
    """Without a checkpoint to cut to, a half line must still not swallow the next record."""
    path = tmp_path / 'metrics.jsonl'
    path.write_text('{"kind": "start"}\n{"kind": "trai')
    writer = metrics.JsonlWriter(path)
    writer.write({'kind': 'end', 'step': 2})
    writer.close()
    assert lines(path) == [{'kind': 'start'}, {'kind': 'end', 'step': 2}]


def test_start_survives_a_resume_but_not_a_fresh_start(tmp_path: Path) -> None:
    """The setting belongs to step 0."""
    run = metrics.Metrics(tmp_path, 10, console=False, tensorboard=False)
    run.write('start', task='reacher_easy')
    run.write('train', step=5)
    run.truncate_after(0)
    assert [record['kind'] for record in lines(tmp_path / 'metrics.jsonl')] == ['start']
    run.truncate_after(-1)
    assert lines(tmp_path / 'metrics.jsonl') == []
    run.close()


def test_broken_line_inside_names_file_and_line(tmp_path: Path) -> None:
    """A half line may only be the last one."""
    path = tmp_path / 'metrics.jsonl'
    path.write_text('{"kind": "start"}\n{"kind":\n{"kind": "end"}\n')
    with pytest.raises(ClaifoError, match=r'metrics\.jsonl: line 2 is .*JSON object is needed'):
        metrics.read_jsonl(path)


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs /dev/full')
def test_full_disk_is_a_plain_error() -> None:
    """A full disk names the file and the way out."""
    writer = metrics.JsonlWriter('/dev/full')
    with pytest.raises(ClaifoError, match=r'/dev/full: cannot append .*free some space'):
        writer.write({'kind': 'train', 'step': 1})


def test_tensorboard_holds_the_scalars_once_after_a_resume(tmp_path: Path) -> None:
    """Steps told twice, before a kill and after the resume, must not zigzag."""
    run = metrics.Metrics(tmp_path, 10, console=False)
    for step in (1, 2, 3):
        run.write('train', step=step, critic_loss=float(step))
    run.close()
    run = metrics.Metrics(tmp_path, 10, console=False)
    run.truncate_after(2)
    run.write('train', step=3, critic_loss=30.0)
    run.write('eval', step=3, return_mean=7.0, returns=[7.0])
    run.close()
    board = EventAccumulator(str(tmp_path / 'tensorboard'))
    board.Reload()
    found = [(event.step, event.value) for event in board.Scalars('train/critic_loss')]
    assert found == [(1, 1.0), (2, 2.0), (3, 30.0)]
    assert [event.value for event in board.Scalars('eval/return_mean')] == [7.0]
    assert 'eval/returns' not in board.Tags()['scalars']


def test_plain_stream_gets_a_line_every_so_often() -> None:
    """A log file gets whole lines, no control characters, and not one per update."""
    seconds = iter([0.0, 0.0, 5.0, 11.0, 11.0])
    stream = io.StringIO()
    console = metrics.ConsoleWriter(1000, stream, every_s=10.0, clock=lambda: next(seconds))
    for step in (100, 200, 300):
        console.write(train_record(step))
    console.close()
    assert stream.getvalue().splitlines() == [
        ' 10%  step 100/1000  50/s  eta 0:18  return -  D expert 0.93 agent 0.88  reward 0.41  '
        'contrastive 0.97',
        ' 30%  step 300/1000  50/s  eta 0:14  return -  D expert 0.93 agent 0.88  reward 0.41  '
        'contrastive 0.97',
    ]


def test_evaluations_are_always_shown() -> None:
    """An evaluation is news at once, and its return stays in the progress line."""
    stream = io.StringIO()
    console = metrics.ConsoleWriter(1000, stream, every_s=0.0)
    console.write({'kind': 'episode', 'step': 90, 'return': 12.0})
    console.write(train_record(100))
    record = {'kind': 'eval', 'step': 200, 'wall_s': 75.0, 'return_mean': 683.4}
    console.write({**record, 'return_std': 12.0, 'success_rate': 0.5})
    console.write({'kind': 'episode', 'step': 210, 'return': 3.0})
    console.write(train_record(300))
    console.write({'kind': 'end', 'step': 300, 'wall_s': 80.0, 'final_return': 683.4})
    shown = stream.getvalue().splitlines()
    assert 'return 12  ' in shown[0]
    assert shown[1] == 'eval  step 200  1:15  return 683 ± 12  success 0.50'
    assert 'return 683  ' in shown[2]
    assert shown[3] == 'done  step 300  1:20  final return 683  best -'


def test_terminal_gets_one_line_that_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The live line never wraps, and evaluations scroll above it."""
    monkeypatch.setenv('COLUMNS', '60')
    stream = Terminal()
    console = metrics.ConsoleWriter(1000, stream, clock=iter(range(100)).__next__)
    console.write(train_record(100))
    console.write({'kind': 'eval', 'step': 100, 'return_mean': 5.0})
    console.write(train_record(200))
    console.close()
    text = stream.getvalue()
    assert text.count('\n') == 1
    parts = text.split('\r\x1b[K')
    assert len(parts[1]) == 59 and parts[1].startswith(' 10%  step 100/1000')
    assert parts[2].startswith('eval') and parts[2].endswith('\n')


def test_missing_figures_do_not_stop_a_run() -> None:
    """Before the first update there is no loss and no rate."""
    assert metrics.progress_line({'kind': 'train', 'step': 0}, 0, None).startswith('  0%')
    line = metrics.progress_line(train_record(10, reward_mean=math.nan), 100, None)
    assert 'reward nan' in line


def test_document_explains_every_field() -> None:
    """docs/metrics.md holds the formulas of the code, word for word."""
    text = (ROOT / 'docs' / 'metrics.md').read_text()
    for name, formula in formulas.FORMULAS.items():
        escaped = formula.replace('|', '\\|')
        assert f'| `{name}` | {escaped} |' in text
