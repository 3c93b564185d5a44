"""The runner in real processes: killed runs, a killed runner, Ctrl-C, failures, nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from claifo.study import store
from claifo_core.training.metrics import read_jsonl

ROOT = Path(__file__).resolve().parents[2]
METHODS = """
set: {steps: 1500, eval_every: 1500}
methods:
  - laifo
  - lost: {expert.topic: /nowhere}
seeds: [0]
film_episodes: 1
"""
RUN = Path('runs') / 'point_mass_easy_big_dim_target' / 'laifo_seed0'
PATIENCE_S = 300


def start(file: Path, out: Path) -> subprocess.Popen[str]:
    env = os.environ | {'PYTHONPATH': f'{ROOT}:{ROOT / "sim"}'}
    return subprocess.Popen(
        [sys.executable, '-m', 'claifo', 'study', str(file), '--out', str(out), '--jobs', '3'],
        env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def processes(out: Path) -> dict[int, str]:
    """Return the processes that name the folder, or descend from one that does."""
    parents, found = {}, {}
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            state, parent = (folder / 'stat').read_text().rpartition(')')[2].split()[:2]
            words = (folder / 'cmdline').read_bytes().replace(b'\0', b' ').decode()
        except OSError:  # it has just ended
            continue
        if state != 'Z':
            parents[int(folder.name)] = int(parent)
            found |= {int(folder.name): words} if str(out) in words else {}
    for pid in sorted(parents):
        if parents[pid] in found:
            found.setdefault(pid, '')
    return found


def wait_for(question, what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not question():
        assert time.monotonic() < end, f'waited in vain for {what}'
        time.sleep(0.05)


def gone(pids: dict[int, str]) -> bool:
    return not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def trained(out: Path) -> int:
    """Return the process of the run."""
    return next(pid for pid, args in processes(out).items()
                if '-m claifo train' in args and RUN.name in args)  # fmt: skip


@pytest.fixture(scope='module')
def place(study_file, tmp_path_factory) -> tuple[Path, Path]:
    return study_file(METHODS), tmp_path_factory.mktemp('place') / 'out'


@pytest.fixture(scope='module')
def finished(place: tuple[Path, Path]) -> tuple[Path, str]:
    """A study that was stopped; then its run was killed, then its runner; then it was resumed."""
    file, out = place
    state = out / RUN / 'checkpoint' / 'state.json'
    first = start(file, out)
    wait_for(state.exists, 'a checkpoint')
    seen = processes(out)
    first.send_signal(signal.SIGINT)
    output, errors = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 1, errors  # one of its methods cannot run
    assert 'stopped early, 1 runs are not done; the same command goes on' in output
    assert gone(seen)
    stopped_at = json.loads(state.read_text())['steps']
    assert 50 <= stopped_at < 1500

    second = start(file, out)
    wait_for(lambda: 'laifo' in (line := second.stdout.readline()) and 'resumed' in line, 'resume')
    os.kill(trained(out), signal.SIGKILL)
    wait_for(lambda: 'killed by SIGKILL' in second.stdout.readline(), 'news of the killed run')
    wait_for(lambda: 'laifo' in (line := second.stdout.readline()) and 'resumed' in line, 'resume')
    seen = processes(out)
    assert trained(out) in seen
    second.kill()
    second.communicate()
    wait_for(lambda: gone(seen), 'the children of a killed runner to end')
    assert json.loads(state.read_text())['steps'] == stopped_at

    last = start(file, out)
    output, errors = last.communicate(timeout=PATIENCE_S)
    assert last.returncode == 1, errors
    return out, output


def test_the_run_comes_to_its_end_and_began_once(finished):
    run_dir = finished[0] / RUN
    records = read_jsonl(run_dir / 'metrics.jsonl')
    assert [r['kind'] for r in records].count('start') == 1
    assert (records[-1]['kind'], records[-1]['step']) == ('end', 1500)
    steps = [r['step'] for r in records if r['kind'] == 'train']
    assert steps == sorted(set(steps))
    assert store.read_job(run_dir)['exit_code'] == 0


def test_a_run_that_fails_is_told_with_its_reason_and_the_others_go_on(finished):
    out, output = finished
    failed = [line for line in output.splitlines() if line.startswith('failed: lost')]
    assert len(failed) == 1
    assert '/nowhere' in failed[0]
    assert f'claifo report {out}' in output
    table = [line.split() for line in output.splitlines() if line.startswith(('lost', 'laifo'))]
    assert [row[1:4] for row in table] == [['1', '·', '·'], ['·', '·', '1']]


def test_the_film_is_recorded_once_and_shared(finished):
    out, _ = finished
    film = out / 'films' / 'point_mass_easy_big_dim_source_24px'
    assert len(json.loads((film / 'claifo.json').read_text())['episodes']) == 1
    assert [path for path in film.parent.iterdir() if path.is_dir()] == [film]


def test_the_share_of_the_cores_that_the_runs_used_is_told_and_kept(finished):
    """By the runner that came to its end; the one that was killed could not."""
    out, output = finished
    killed, ended = store.read(out)['sessions'][1:3]
    assert 'cores_busy' not in killed
    assert f'cores {ended["cores_busy"]:.0%} busy' in output
    assert 0 < ended['cores_busy'] <= 1.05 and ended['minutes'] > 0


def test_no_process_is_left(finished):
    assert not processes(finished[0])


def test_what_is_done_is_not_done_again(place, finished):
    file, out = place
    run_dir = out / RUN
    before = {p: p.read_bytes() for p in run_dir.rglob('*') if p.is_file()}
    process = start(file, out)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert 'laifo, point' not in output
    assert before == {p: p.read_bytes() for p in run_dir.rglob('*') if p.is_file()}
