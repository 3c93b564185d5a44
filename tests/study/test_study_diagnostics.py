"""What a study says of discriminators and latents, against its records and the probe itself."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from claifo.playback.domain_gap import domain_gap
from claifo.report import study as page
from claifo.report.scenes import Stage
from claifo_core.policy import Policy


def test_figures_of_finished_runs(begun, write_run, save_policy):
    study, folder = begun
    for run in study.runs():
        if run.seed > 1:
            continue
        write_run(folder, study, run, [1.0, 2.0])
        save_policy(folder, study, run)
        with (folder / run.folder / 'metrics.jsonl').open('a') as file:
            for step in range(20):
                record = {'kind': 'train', 'step': step, 'encoder_gradient': step + run.seed}
                if run.method == 'laifo':
                    record['discriminator_entropy'] = 0.25
                file.write(json.dumps(record) + '\n')
    page.build(folder)
    with (folder / 'diagnostics.csv').open() as file:
        rows = {(row['method'], row['seed']): row for row in csv.DictReader(file)}
    assert sorted(rows) == [(name, seed) for name in ('laifo', 'small') for seed in '01']
    assert [float(rows['laifo', seed]['encoder_gradient']) for seed in '01'] == [18.5, 19.5]
    assert rows['laifo', '0']['discriminator_entropy'] == '0.25'
    assert rows['small', '0']['discriminator_entropy'] == ''
    run = next(study.runs())
    with Stage(study.config(run).env, 'dim/source') as stage:
        stacks = stage.stacks()
    policy = Policy.load(folder / run.folder / 'policy.safetensors')
    gap = domain_gap(policy.encode(stacks.source), policy.encode(stacks.target), stacks.episode)
    told = rows['laifo', '0']
    for name, value in (('probe_accuracy', gap.accuracy), ('distance_ratio', gap.distance_ratio),
                        ('retrieval', gap.retrieval)):  # fmt: skip
        assert float(told[name]) == pytest.approx(value, rel=1e-4)
    text = (folder / 'report.html').read_text()
    mean = np.mean([float(rows['laifo', seed]['probe_accuracy']) for seed in '01'])
    assert 'Discriminator and latents' in text and '<td>19.00</td>' in text
    assert f'<td>{mean:.2f}</td>' in text and '<td>0.25</td>' in text


def test_runs_of_which_the_figures_alone_are_kept_have_no_latents(begun, write_run):
    study, folder = begun
    write_run(folder, study, next(study.runs()), [1.0])
    page.build(folder)
    with (folder / 'diagnostics.csv').open() as file:
        (row,) = csv.DictReader(file)
    assert row['method'] == 'laifo' and row['probe_accuracy'] == ''
