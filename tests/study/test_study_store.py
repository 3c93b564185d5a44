"""A folder of a study: it may only grow, has one runner at a time, and keeps commits apart."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from claifo import terminal
from claifo.study import progress, runner, store
from claifo.study.board import Board, table
from claifo.study.plan import Run
from claifo.study.run_folder import Run as RunFolder
from claifo_core.config import settings
from claifo_core.errors import ClaifoError


def changed(study, **options):
    base = settings.to_dict(study.base)
    return dataclasses.replace(study, base=settings.from_dict(settings.merge(base, options)))


def test_a_study_may_grow(begun):
    study, folder = begun
    grown = dataclasses.replace(
        study, seeds=(9, *study.seeds), methods={'claifo': {}, **study.methods},
        domains=(*study.domains, 'dim/source'), jobs=7, threads=3,
    )  # fmt: skip
    store.begin(folder, grown, 'claifo study again')
    restored = store.restore(folder)
    assert restored.seeds == (9, 0, 1, 2, 3)
    assert list(restored.methods) == ['claifo', 'laifo', 'small']
    assert restored.methods == grown.methods
    commands = [session['command'] for session in store.read(folder)['sessions']]
    assert commands == ['claifo study tried.yaml', 'claifo study again']


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        (lambda s: changed(s, steps=800), 'steps: 800, not 400'),
        (lambda s: changed(s, **{'agent.n_step': 2}), 'agent.n_step: 2, not 1'),
        (lambda s: dataclasses.replace(s, seeds=(0, 1)), 'seeds: 2 is missing; seeds: 3 is'),
        (lambda s: dataclasses.replace(s, methods={'laifo': s.methods['laifo']}),
         'methods: small is missing'),
        (lambda s: dataclasses.replace(s, methods={**s.methods, 'small': {'agent.n_step': 5}}),
         "methods: small is {'agent.n_step': 5}, not {'agent.batch_size': 4}"),
        (lambda s: dataclasses.replace(s, film_episodes=3), 'film_episodes: 3, not 10'),
    ],
)  # fmt: skip
def test_a_study_that_changed_is_refused_with_the_difference(begun, change, told: str):
    study, folder = begun
    before = (folder / 'study.json').read_bytes()
    with pytest.raises(ClaifoError) as caught:
        store.begin(folder, change(study), 'claifo study tried.yaml')
    assert told in str(caught.value)
    assert 'choose another folder with --out' in str(caught.value)
    assert (folder / 'study.json').read_bytes() == before


@pytest.mark.parametrize('text', ['{', '[]', '{"format": "claifo-study-0"}'])
def test_a_damaged_study_is_one_line(tmp_path: Path, text: str):
    (tmp_path / 'study.json').write_text(text)
    with pytest.raises(ClaifoError, match=r'study\.json: '):
        store.restore(tmp_path)


def test_a_second_runner_is_refused_until_the_first_is_gone_however_it_ended(begun):
    _, folder = begun
    code = (
        'import sys, time; from pathlib import Path; from claifo.study import store\n'
        'with store.locked(Path(sys.argv[1])): print("held", flush=True); time.sleep(60)'
    )
    command = [sys.executable, '-c', code, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == 'held\n'
        with pytest.raises(ClaifoError, match='another `claifo study` works in this folder'):
            with store.locked(folder):
                pass
        first.kill()
        first.wait()
    with store.locked(folder):
        pass


def test_the_state_of_a_run_is_read_from_its_folder(begun, write_run):
    study, folder = begun
    runs = list(study.runs())
    write_run(folder, study, runs[0], [1.0, 9.0], commit='abc')
    write_run(folder, study, runs[1], [1.0, 3.0], step=200, commit='abc')
    write_run(folder, study, runs[2], [2.0, 4.0], step=100, code=2, commit='abc')
    store.note(folder / runs[3].folder, commits=['abc'], exit_code=2)
    known = [progress.read(folder, run, 'new') for run in runs[:5]]
    assert [k.state for k in known] == ['done', 'stopped', 'failed', 'failed', 'waiting']
    assert [k.share for k in known] == [1.0, 0.5, 0.25, 0.0, 0.0]
    assert [k.last_return for k in known] == [9.0, 3.0, 4.0, None, None]
    assert [k.commit for k in known] == ['abc'] * 4 + ['new']


def test_the_longest_run_starts_first_and_unknown_ones_before(begun):
    study, _ = begun
    runs = {(run.method, run.seed): run for run in study.runs()}

    def known(run: Run, state: str, wall_s: float = 0.0, share: float = 0.0):
        records = [{'step': 400 * share, 'wall_s': wall_s}]
        held = RunFolder(Path(), study.config(run), {'eval': records})
        return progress.Progress(run, state, 'abc', held)

    seen = {run: known(run, 'waiting') for run in runs.values()}
    seen[runs['laifo', 0]] = known(runs['laifo', 0], 'done', 100.0)
    pending = [run for run in runs.values() if seen[run].state != 'done']
    assert runner.longest(pending, seen) == runs['small', 0]  # how long it takes is unknown
    seen[runs['small', 0]] = known(runs['small', 0], 'done', 160.0)
    pending.remove(runs['small', 0])
    assert runner.longest(pending, seen) == runs['small', 1]
    for seed in (1, 2, 3):  # begun: 160 s of which 80 s are left
        seen[runs['small', seed]] = known(runs['small', seed], 'stopped', 80.0, 0.5)
    assert runner.longest(pending, seen) == runs['laifo', 1]


def test_the_table_counts_by_method_and_keeps_commits_apart(begun, write_run):
    study, folder = begun
    runs = {(run.method, run.seed): run for run in study.runs()}
    write_run(folder, study, runs['laifo', 0], [1.0, 9.4], commit='abc')
    write_run(folder, study, runs['laifo', 1], [1.0, 8.0], code=2, step=200, commit='abc')
    write_run(folder, study, runs['small', 0], [0.0, 700.0], commit='old')
    known = {run: progress.read(folder, run, 'abc') for run in study.runs()}
    stream = io.StringIO()
    terminal.console(stream).print(table(study, known))
    rows = [line.split() for line in stream.getvalue().splitlines()]
    assert rows[0] == ['method', 'done', 'running', 'failed', 'waiting', 'latest', 'returns',
                       'commit']  # fmt: skip
    assert sorted(rows[1:]) == [
        ['laifo', '1', '·', '1', '2', '9', '8', '-', '-', 'abc'],
        ['small', '1', '·', '·', '·', '700', 'old'],
        ['small', '·', '·', '·', '3', '-', '-', '-', 'abc'],
    ]


def test_what_is_no_terminal_gets_plain_lines(begun):
    study, folder = begun
    stream = io.StringIO()
    known = {run: progress.read(folder, run, 'abc') for run in study.runs()}
    shown = Board(study, known, stream)
    shown.say('[1/8 done] one thing')
    shown.show(known)
    assert stream.getvalue() == '[1/8 done] one thing\n'
    shown.end(known)
    assert '\x1b' not in stream.getvalue() and stream.getvalue().endswith('\n')
    names = [line.split()[0] for line in stream.getvalue().splitlines()[1:]]
    assert names == ['method', 'laifo', 'small']


def test_a_terminal_gets_a_board_that_is_drawn_over(begun, monkeypatch):
    study, folder = begun
    stream = io.StringIO()
    monkeypatch.setattr(stream, 'isatty', lambda: True)
    monkeypatch.setenv('TERM', 'xterm')
    known = {run: progress.read(folder, run, 'abc') for run in study.runs()}
    shown = Board(study, known, stream)
    shown.show(known)
    assert 'of 8 runs' in stream.getvalue()
    before = len(stream.getvalue())
    shown.show(known)
    again = stream.getvalue()[before:]
    assert again.count('\x1b[1A') >= 3 and 'laifo' in again  # up, over head, methods and bar
    shown.end(known)


def test_what_a_run_has_noted_is_kept_beside_what_is_added(tmp_path: Path):
    store.note(tmp_path / 'run', command='claifo train', exit_code=None)
    store.note(tmp_path / 'run', exit_code=3)
    job = json.loads((tmp_path / 'run' / 'job.json').read_text())
    assert job == {'command': 'claifo train', 'exit_code': 3}


def test_the_last_line_of_a_log_is_the_last_with_words(tmp_path: Path):
    log = tmp_path / 'train.log'
    assert store.last_line(log) == 'no log'
    log.write_text('')
    assert store.last_line(log) == 'the log is empty'
    log.write_text('x' * 9000 + '\nclaifo: error: disk full\n\n')
    assert store.last_line(log) == 'claifo: error: disk full'
