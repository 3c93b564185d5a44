"""`claifo eval --matrix STUDY`: its finished runs, and their seeds in one row."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from claifo import cli
from claifo.report import study as page
from claifo.robustness import Cell, averaged, read_csv

LOOK = 'unseen/lamp'


def test_finished_runs_are_played_and_seeds_make_one_row(begun, write_run, save_policy, capsys):
    study, folder = begun
    for run in study.runs():
        if run.seed < 3 and (run.method, run.seed) != ('small', 2):
            write_run(folder, study, run, [1.0, 2.0])
            save_policy(folder, study, run)
    words = ('eval', str(folder), '--matrix', '--episodes', '2', '--looks', LOOK)
    assert cli.main([*words]) == 0
    told = capsys.readouterr().out
    assert 'laifo, dim/target, 3 seeds' in told and 'small, dim/target, 2 seeds' in told
    with (folder / 'matrix.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['run'] for row in rows if row['look'] == LOOK] == [
        'laifo, dim/target, seed 0', 'small, dim/target, seed 0', 'laifo, dim/target, seed 1',
        'small, dim/target, seed 1', 'laifo, dim/target, seed 2',
    ]  # fmt: skip
    page.build(folder)
    shown = (folder / 'report.html').read_text()
    assert 'Robustness' in shown and 'data:image/png' in shown


def cell(run: str, look: str, group: str, returned: float, share=1.0) -> Cell:
    return Cell(run, 'walker_walk', 'dim/target', look, group, 5, returned, 1.0, 0.5,
                       share, None, None)  # fmt: skip


def test_means_are_over_seeds_and_shares_are_of_means():
    trained, lamp = [100.0, 300.0, 200.0], [50.0, 60.0, 100.0]
    cells = [
        cell(f'claifo, dim/target, seed {seed}', look, group, returns[seed])
        for seed in range(3)
        for look, group, returns in (('dim/target', 'training', trained), (LOOK, 'unseen', lamp))
    ]
    alone = cell('laifo', LOOK, 'unseen', 7.0)
    first, second, last = averaged([*cells, alone])
    assert (first.run, first.look) == ('claifo, dim/target, 3 seeds', 'dim/target')
    assert (second.episodes, second.return_mean) == (15, 70)
    assert second.return_std == pytest.approx(np.std(lamp, ddof=1))
    assert second.share == pytest.approx(210 / 600)
    drawn = [sum(lamp[i] for i in three) / sum(trained[i] for i in three)
             for three in np.ndindex(3, 3, 3)]  # fmt: skip
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert second.share_low == pytest.approx(low, abs=0.03)
    assert second.share_high == pytest.approx(high, abs=0.03)
    assert last is alone


def test_policies_that_have_learnt_next_to_nothing_have_no_share(begun, write_run, save_policy):
    """The expert has 900 and they less than a tenth: one over the other says nothing."""
    study, folder = begun
    run = next(study.runs())
    write_run(folder, study, run, [1.0, 2.0])
    save_policy(folder, study, run)
    assert cli.main(['eval', str(folder), '--matrix', '--episodes', '1', '--looks', LOOK]) == 0
    assert [cell.share for cell in read_csv(folder / 'matrix.csv')] == [None, None]
    cells = [
        cell(f'claifo, dim/target, seed {seed}', look, group, 100.0 + seed, share)
        for seed, share in enumerate((1.0, None))
        for look, group in (('dim/target', 'training'), (LOOK, 'unseen'))
    ]
    assert [found.share for found in averaged(cells)] == [None, None]


def test_a_study_without_a_finished_run_is_told(begun, capsys):
    _, folder = begun
    assert cli.main(['eval', str(folder), '--matrix']) == 2
    assert f'{folder}: no run of this study is finished' in capsys.readouterr().err
    assert cli.main(['eval', str(folder)]) == 2
    assert f'{folder}: a study needs --matrix' in capsys.readouterr().err
