"""The reproduction kit: what goes next, when a piece ends, what is refused, what is told."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import reproduce
import reproduce_film
import reproduce_table
from reproduce_piece import Deadline
from reproduce_runs import Reproduction, Run, waiting

from claifo.bags import ReadOptions, read_episodes, read_truth
from claifo.bags.writer import BagWriter
from claifo.study import statistics
from claifo_core.config import settings
from claifo_core.data.frames import FrameSpec
from claifo_core.data.replay import Replay

ORIGIN = {'command': 'reproduce.py', 'commit': 'abc', 'time': 'now',
          'machine': {'gpu': None, 'cpu': 'Some CPU'}}  # fmt: skip


def whole(out: Path) -> Reproduction:
    return Reproduction('walker_light', out, True, 'cpu', 1, {})


def write_run(run: Run, steps: int, returns: dict[int, float], end: bool = False):
    """Write what a run leaves: configuration, checkpoint, metrics."""
    (run.folder / 'checkpoint').mkdir(parents=True)
    (run.folder / 'config.yaml').write_text(settings.dump(run.config))
    (run.folder / 'checkpoint' / 'state.json').write_text(json.dumps({'steps': steps}))
    records = [{'kind': 'start', 'expert_return': 900.0, 'random_return': 30.0}]
    for step, value in returns.items():
        records.append({'kind': 'eval', 'step': step, 'updates': step // 2, 'wall_s': step / 10,
                        'return_mean': value, 'return_std': 1.5})  # fmt: skip
    if end:
        records.append({'kind': 'end', 'step': steps})
    text = ''.join(json.dumps(record) + '\n' for record in records)
    (run.folder / 'metrics.jsonl').write_text(text)


def test_the_least_advanced_run_goes_next_and_whole_ones_do_not(tmp_path):
    made = whole(tmp_path)
    runs = [made.run(name, seed) for seed in (0, 1) for name in ('claifo', 'laifo')]
    write_run(runs[0], 120, {})
    write_run(runs[1], 240, {}, end=True)
    write_run(runs[2], 240, {})  # its last evaluation is missing
    names = [run.name for run in waiting(runs)]
    assert names == ['laifo_seed1', 'claifo_seed0', 'claifo_seed1']


def test_runs_are_quick_unless_told_otherwise(tmp_path):
    asked = {'env.num_envs': '3'}
    quick, told = (
        Reproduction('walker_light', tmp_path, False, 'cpu', 1, changes).config('laifo', 0)
        for changes in ({}, asked)
    )
    assert (quick.precision, quick.env.num_envs) == ('bfloat16', 8)
    assert (told.precision, told.env.num_envs) == ('bfloat16', 3)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (('--seeds', '0', '--set', 'agent.batch_size=8'), 'agent.batch_size: 8, not 16'),
        (('--seeds', '5', '--set', 'agent.n_step=2'), 'agent.n_step: 2, not 1'),
    ],
)
def test_a_folder_of_another_configuration_is_refused(tmp_path, refused, words, said):
    write_run(whole(tmp_path).run('claifo', 0), 40, {})
    told = refused(
        reproduce.main, 'walker_light', '--tiny', '--device', 'cpu', '--out', str(tmp_path), *words
    )
    assert said in told
    assert 'claifo_seed0/config.yaml: begun with another configuration' in told


def test_a_folder_of_another_experiment_is_refused(tmp_path, refused):
    write_run(whole(tmp_path).run('laifo', 2), 40, {})
    words = ('walker_full', '--tiny', '--device', 'cpu', '--out', str(tmp_path))
    assert 'env.domain: full/target, not light/target' in refused(reproduce.main, *words)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (('walker_lihgt',), 'did you mean walker_light?'),
        (('walker_light', '--seeds', '0,a'), '--seeds: 0,a is not a list such as 0,1,2'),
        (('walker_light', '--seeds', '1,1'), 'each seed once'),
        (('walker_light', '--methods', 'claifo,lafo'), 'did you mean laifo?'),
        (('walker_light', '--minutes', '0'), '--minutes: 0 is not a number above 0'),
        (('walker_light', '--parallel', 'x'), '--parallel: x is not a whole number from 1'),
        (('walker_light', '--set', 'agent.n_stp=3'), 'did you mean n_step?'),
        (('walker_light', '--device', 'gpu'), 'did you mean cpu?'),
        (('walker_light', '--out', '/proc/x'), '/proc/x: No such file or directory'),
        (('walker_light', '--tny'), 'did you mean --tiny?'),
        ((), 'required: EXPERIMENT'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(refused, words, said):
    assert said in refused(reproduce.main, *words)


def test_one_piece_at_a_time(tmp_path, refused):
    words = ('walker_light', '--tiny', '--device', 'cpu', '--out', str(tmp_path))
    with reproduce.alone(tmp_path):
        assert 'another piece is at work there' in refused(reproduce.main, *words)


def test_more_is_kept_back_the_more_there_is_to_do_at_the_end(tmp_path):
    replay = Replay(4096, 16, 2)
    late = Deadline(time.monotonic() + 1000, tmp_path, replay)
    now = time.monotonic()
    idle = late.reserve_s(now)
    (tmp_path / 'policy_000000010.safetensors').touch()
    one = late.reserve_s(now)
    (tmp_path / 'policy_000000020.safetensors').touch()
    two = late.reserve_s(now)
    assert two - one == one - idle > 0
    slow = late.reserve_s(now + 300)  # the first evaluation still goes on
    assert slow == pytest.approx((2 + 1) * 1.25 * 300, abs=10)
    (tmp_path / 'policy_000000010.safetensors').unlink()
    late.reserve_s(now + 310)
    (tmp_path / 'policy_000000020.safetensors').unlink()
    quick = late.reserve_s(now + 312)
    assert quick < idle
    replay.add_video(np.zeros((4000, 16, 16, 3), np.uint8))
    assert late.reserve_s(now + 312) > quick
    assert not late()


def test_tables_tell_mean_deviation_and_intervals(tmp_path):
    made = whole(tmp_path)
    ends = {'claifo': [890.0, 700.0, 910.0, 850.0, 20.0], 'laifo': [60.0, 5.0]}
    for name, values in ends.items():
        for seed, value in enumerate(values):
            run = made.run(name, seed)
            write_run(run, 240, {0: 10.0, 120: 950.0 + seed, 240: value}, end=True)
    run = made.run('laifo', 2)
    write_run(run, 120, {0: 11.0})
    reproduce.tell(made, made.present())

    rows = list(csv.DictReader((tmp_path / 'curves.csv').open()))
    assert list(rows[0]) == list(reproduce_table.CURVE)
    assert len(rows) == 7 * 3 + 1
    assert rows[2] == {'method': 'claifo', 'seed': '0', 'step': '240', 'return_mean': '890.0',
                       'return_std': '1.5', 'wall_s': '24.0', 'updates': '120'}  # fmt: skip

    table = list(csv.DictReader((tmp_path / 'table.csv').open()))
    assert [(row['method'], row['at']) for row in table] == [
        (name, at) for name in ('claifo', 'laifo') for at in ('end', 'best')
    ]
    end = table[0]
    values = np.array(ends['claifo'])
    assert float(end['mean']) == values.mean()
    assert float(end['std']) == pytest.approx(values.std(ddof=1))
    assert float(end['iqm']) == pytest.approx(np.mean([700.0, 850.0, 890.0]))
    interval = statistics.interval([values], statistics.iqm)
    assert (float(end['iqm_low']), float(end['iqm_high'])) == pytest.approx(interval)
    assert float(table[1]['mean']) == 952.0
    assert (table[2]['steps_least'], table[2]['steps_most'], table[2]['runs']) == ('0', '240', '3')
    assert {(row['expert_return'], row['random_return']) for row in table} == {('900.0', '30.0')}

    text = (tmp_path / 'table.md').read_text()
    assert 'C-LAIfO | end | 5 | 240 | 674.0 ± 374.7 |' in text
    assert 'LAIfO | end | 3 | 0 to 240 | 25.3 ± 30.2 |' in text
    assert 'P(C-LAIfO > LAIfO) at the end: 0.93' in text


def test_a_single_seed_has_no_interval(tmp_path):
    run = whole(tmp_path).run('claifo', 0)
    write_run(run, 120, {0: 10.0})
    curve = reproduce_table.read_curve('claifo', 0, run.folder)
    text = reproduce_table.write_tables(tmp_path, 'x', [curve], 240, ORIGIN)
    assert '| C-LAIfO | end | 1 | 0 | 10.0 ± - | - | 10.0 | - |' in text


def film(folder: Path) -> reproduce_film.Film:
    env = Reproduction('walker_light', folder, True, 'cpu', 1, {}).film().env
    return reproduce_film.Film(folder / 'film', env, 7, 0)


def test_parts_of_a_film_become_one_also_when_that_is_interrupted(tmp_path):
    made = film(tmp_path)
    number = 0
    for part, episodes in zip(made.parts, (5, 2), strict=True):
        with BagWriter(part, rate_hz=40, task='walker_walk', domain='light/source') as writer:
            for _ in range(episodes):
                frames = np.full((4, 16, 16, 3), number, np.uint8)
                writer.write_episode(frames, true_return=10.0 * number, seed=number)
                number += 1
    joined = made.folder.with_name('.film.tmp')  # as if it had been killed after one bag
    joined.mkdir()
    (made.parts[0] / 'episode_000').rename(joined / 'episode_000')

    assert reproduce_film.record(made, until_s=0.0)
    videos, _ = read_episodes([made.folder], ReadOptions(FrameSpec(16), 40))
    assert [int(video[0, 0, 0, 0]) for video in videos] == list(range(7))
    truth = read_truth(made.folder)
    assert truth.returns == [10.0 * k for k in range(7)]
    assert [episode.seed for episode in truth.episodes] == list(range(7))
    assert [path.name for path in tmp_path.iterdir()] == ['film']
    assert reproduce_film.record(made, until_s=0.0)


def test_without_time_nothing_is_begun_and_the_rest_is_told(tmp_path, monkeypatch, capfd):
    words = ['x', 'walker_light', '--tiny', '--device', 'cpu', '--minutes', '0.001', '--out',
             str(tmp_path)]  # fmt: skip
    monkeypatch.setattr(sys, 'argv', words)
    reproduce.main()
    assert '0 of 6 runs are whole; the same command goes on' in capfd.readouterr().out
    assert not (tmp_path / 'runs').exists()


def start(out: Path, *more: str) -> subprocess.Popen[str]:
    script = Path(reproduce.__file__)
    words = [sys.executable, str(script), 'walker_light', '--tiny', '--seeds', '0', '--device',
             'cpu', '--parallel', '2', '--minutes', '20', '--out', str(out), *more]  # fmt: skip
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def points(out: Path) -> dict[tuple[str, int], float]:
    found = {}
    for name in ('claifo', 'laifo'):
        curve = reproduce_table.read_curve(name, 0, out / 'runs' / f'{name}_seed0')
        found |= {(name, p['step']): p['return_mean'] for p in (curve.points if curve else [])}
    return found


@pytest.mark.slow
def test_killed_pieces_go_on_and_extend_the_same_curves(tmp_path):
    out, made = tmp_path / 'out', whole(tmp_path / 'out')
    runs = [made.run(name, 0) for name in ('claifo', 'laifo')]
    first = start(out)
    while min(run.steps() for run in runs) < 120 or len(points(out)) < 4:
        assert first.poll() is None, first.communicate()
        time.sleep(0.2)
    pids = [int(pid) for pid in
            Path(f'/proc/{first.pid}/task/{first.pid}/children').read_text().split()]  # fmt: skip
    for pid in (first.pid, *pids):
        os.kill(pid, signal.SIGKILL)
    first.communicate()
    reached = {run.name: run.steps() for run in runs}
    before = {k: v for k, v in points(out).items() if k[1] <= reached[f'{k[0]}_seed0']}

    another = start(out, '--set', 'agent.batch_size=8')
    assert 'begun with another configuration' in another.communicate()[1]
    assert another.returncode == 2

    said, errors = start(out).communicate()
    assert not errors
    assert '2 of 2 runs are whole' in said
    for name, steps in reached.items():
        assert f'{name}: from step {steps} of 240' in said
    after = points(out)
    assert before.items() <= after.items()
    assert {step for _, step in after} >= {0, 80, 160, 240}
    rows = list(csv.DictReader((out / 'curves.csv').open()))
    assert {(r['method'], int(r['step'])): float(r['return_mean']) for r in rows} == after
    assert all(900 < float(row['expert_return']) < 1000 for row in
               csv.DictReader((out / 'table.csv').open()))  # fmt: skip
