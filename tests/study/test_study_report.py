"""The page and tables of a study say what its runs reached, against statistics done by hand."""

from __future__ import annotations

import csv
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from claifo import cli
from claifo.report import study as page
from claifo.study import config, results, store

LAIFO = [10.0, 40.0, 20.0, 30.0]
SMALL = [35.0, 5.0, 40.0, 15.0]


@pytest.fixture
def finished(begun, write_run):
    """Return a study all of whose eight runs are done: best 10 above final, and its folder."""
    study, folder = begun
    for run in study.runs():
        final = (LAIFO if run.method == 'laifo' else SMALL)[run.seed]
        write_run(folder, study, run, [0.0, final + 10, final])
    return study, folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def text_of(path: Path) -> str:
    parser, parts = HTMLParser(), []
    parser.handle_data = parts.append
    parser.feed(re.sub(r'<style>.*?</style>', '', path.read_text(), flags=re.S))
    return ' '.join(' '.join(parts).split())


def test_numbers_are_those_done_by_hand(finished):
    _, folder = finished
    page.build(folder)
    laifo, small = rows(folder / 'results.csv')
    assert (laifo['method'], laifo['runs'], laifo['finished']) == ('laifo', '4', '4')
    assert float(laifo['final_mean']) == 25
    assert float(laifo['final_std']) == pytest.approx(np.sqrt(500 / 3), rel=1e-5)
    assert float(laifo['final_iqm']) == 25  # 20 and 30 are left
    assert float(small['final_iqm']) == 25  # 15 and 35 are left
    assert float(laifo['best_mean']) == 35
    assert float(laifo['final_share_of_expert']) == pytest.approx(25 / 900, rel=1e-5)
    # Of 16 pairs: 35 beats 3 of LAIfO's, 5 none, 40 beats 3 and equals 1, 15 beats 1.
    assert float(small['improvement']) == pytest.approx((3 + 0 + 3.5 + 1) / 16, rel=1e-5)
    assert laifo['improvement'] == ''
    assert float(laifo['updates']) == 4 * 200
    assert float(laifo['hours']) == pytest.approx(4 * 360 / 3600, rel=1e-4)
    # All 4^4 resamples of the mean are few enough to write out.
    means = [np.mean(draw) for draw in itertools.product(LAIFO, repeat=4)]
    low, high = np.percentile(means, [2.5, 97.5])
    assert float(laifo['final_mean_low']) == pytest.approx(low, abs=2.5)  # the grid of the means
    assert float(laifo['final_mean_high']) == pytest.approx(high, abs=2.5)
    text = text_of(folder / 'report.html')
    for told in ('8 of 8', 'runs finished', '25 ± 13', '0.47', '3%', 'expert 900',
                 'random actions 5', 'claifo study tried.yaml', 'claifo train small'):  # fmt: skip
        assert told in text
    assert 'not finished' not in text


def test_curves_are_those_of_the_runs(finished):
    study, folder = finished
    group = results.read(folder, study)[0]
    curve = results.curve(group)
    assert curve.frames.tolist() == [0, 1000, 4000]
    assert curve.seeds.shape == (4, 3)
    assert curve.iqm.tolist() == [0, 35, 25]
    assert np.all(curve.low <= curve.iqm)
    assert np.all(curve.iqm <= curve.high)
    page.build(folder)
    assert len(rows(folder / 'curves.csv')) == 8 * 3


def test_failed_and_unfinished_runs_are_said_and_not_counted(begun, write_run):
    study, folder = begun
    runs = {(run.method, run.seed): run for run in study.runs()}
    write_run(folder, study, runs['laifo', 0], [0.0, 50.0])
    write_run(folder, study, runs['laifo', 1], [0.0, 70.0], step=200)
    write_run(folder, study, runs['laifo', 2], [0.0, 90.0], step=300, code=1)
    (folder / runs['laifo', 2].folder / 'train.log').write_text('claifo: error: <disk> full\n')
    path = page.build(folder)
    row = rows(folder / 'results.csv')[0]
    assert (row['runs'], row['finished'], row['final_mean']) == ('4', '1', '50')
    assert row['final_std'] == row['final_iqm_low'] == ''
    text = text_of(path)
    for told in ('7 runs are not finished', 'seed 1 50% done; ', 'seed 3 not begun',
                 'seed 2 failed: claifo: error: <disk> full', 'seed 0, 1, 2, 3 not begun',
                 '1 of 8'):  # fmt: skip
        assert told in text
    # The curve goes as far as the runs that have not failed: steps 0 of two runs.
    assert results.curve(results.read(folder, study)[0]).seeds.tolist() == [[0.0], [0.0]]


def test_a_study_without_an_evaluation_has_a_page(begun):
    path = page.build(begun[1])
    assert 'No evaluation yet' in text_of(path)
    assert '8 runs are not finished' in text_of(path)


def test_runs_of_another_commit_are_kept_apart_and_shown(begun, write_run):
    study, folder = begun
    for run in study.runs():
        write_run(folder, study, run, [0.0, 10.0], commit='old' if run.seed == 3 else 'new')
    groups = [(row['method'], row['commit'], row['runs']) for row in
              rows(page.build(folder).with_name('results.csv'))]  # fmt: skip
    assert sorted(groups) == [('laifo', 'new', '3'), ('laifo', 'old', '1'),
                              ('small', 'new', '3'), ('small', 'old', '1')]  # fmt: skip
    text = text_of(folder / 'report.html')
    assert 'laifo (old)' in text
    assert 'commits, kept apart' in text
    old = next(g for g in results.read(folder, study) if (g.method, g.commit) == ('small', 'old'))
    assert results.reference_of(old, results.read(folder, study), 'laifo').commit == 'old'


def test_over_several_worlds_returns_are_shares_of_the_expert(study_file, tmp_path, write_run):
    study = config.load(study_file(
        'methods: [laifo, {small: {agent.batch_size: 4}}]\nseeds: [0, 1]\n'
        'domains: [dim/target, light/target]'
    ))  # fmt: skip
    store.begin(tmp_path, study, 'claifo study')
    for run in study.runs():
        expert = 100.0 if run.domain == 'dim/target' else 1000.0
        share = (0.2 if run.method == 'laifo' else 0.5) + 0.1 * run.seed
        write_run(tmp_path, study, run, [0.0, share * expert], expert_return=expert)
    groups = results.read(tmp_path, study)
    summary, chance, interval = results.overall(study, groups, 'small')
    assert (summary.runs, summary.mean) == (4, pytest.approx(0.55))
    assert (chance, interval) == (1.0, (1.0, 1.0))
    assert results.overall(study, groups, 'laifo')[1] is None
    text = text_of(page.build(tmp_path))
    assert 'All worlds together' in text
    assert '0.55 ± 0.06' in text


def test_the_page_needs_nothing_else(finished):
    html = page.build(finished[1]).read_text()
    assert not re.findall(r'(?:https?:)?//\w|url\((?!#)|@import|src=', html)
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', html)) <= set(ids)


def test_the_command_writes_the_page(finished, capsys, tmp_path):
    _, folder = finished
    assert cli.main(['report', str(folder)]) == 0
    assert capsys.readouterr().out == f'{folder / "report.html"}\n'
    assert cli.main(['report', str(folder), '--control', 'x.csv']) == 2
    assert 'leave it out' in capsys.readouterr().err
