"""A study file: what it means, and what is refused before anything starts."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from claifo import cli
from claifo.commands import train
from claifo.resources import config_dir
from claifo.study import config, runner, store
from claifo_core.config import settings
from claifo_core.config.methods import METHODS
from claifo_core.errors import ClaifoError
from claifo_sim.errors import SimError

ONE = 'methods: [claifo]\n'


def test_runs_are_every_combination_and_the_first_seed_of_all_comes_first(study_file):
    study = config.load(study_file(
        'methods: [claifo, laifo]\nseeds: [4, 2]\ntasks: [walker_walk, cartpole_swingup]\n'
        'domains: [body/target, floor/target]'
    ))  # fmt: skip
    runs = [(r.method, r.task, r.domain, r.seed) for r in study.runs()]
    assert len(set(runs)) == len(runs) == 2 * 2 * 2 * 2
    assert [seed for *_, seed in runs] == [4] * 8 + [2] * 8
    assert len({run.folder for run in study.runs()}) == 16


def test_a_run_is_the_preset_with_set_then_world_then_method(study_file):
    study = config.load(study_file(
        'set: {agent.n_step: 2, agent.batch_size: 16}\nmethods: [laifo, {own: {agent.n_step: 3}}]'
    ))  # fmt: skip
    runs = {run.method: study.config(run) for run in study.runs() if run.seed == 1}
    assert runs['own'].agent.n_step == 3
    assert runs['laifo'].agent.n_step == 2
    assert runs['laifo'].agent.contrastive == 'none'
    assert {c.agent.batch_size for c in runs.values()} == {16}
    assert {c.seed for c in runs.values()} == {1}
    assert {c.env.size_px for c in runs.values()} == {24}


def test_a_film_has_actions_where_a_method_needs_them(study_file):
    study = config.load(study_file('methods: [claifo, bc, bc_aug]\nseeds: [0]'))
    films = {run.method: study.films(run)['expert.bag'] for run in study.runs()}
    assert films['bc'] == films['bc_aug'] == Path(f'{films["claifo"]}_actions')
    words = {
        run.method: runner._film_command(study, run, 'expert.bag', Path('x'))
        for run in study.runs()
    }
    assert words['bc'] == [
        *words['claifo'][:-4], '--actions', '--episodes', '10', '--out', 'x'
    ]


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('methods: [claifoo]', 'claifoo: no such method (did you mean claifo?)'),
        ('methods: claifo', "methods is 'claifo'; a list of methods is needed"),
        ('methods: [[claifo]]', 'neither a name nor'),
        ('methods: [claifo, claifo]', 'claifo stands there twice'),
        ('methods: [claifo: {agent.n_step: 2}]', 'claifo is a known method'),
        ('methods: [a/b: {agent.n_step: 2}]', "'a/b' names a folder"),
        ('methods: [own: {agent.nstep: 2}]', 'unknown key agent.nstep (did you mean n_step?)'),
        ('methods: [own: {agent: {n_step: 2}}]', 'write agent.n_step: value'),
        ('methods: [own: {seed: 2}]', 'own sets seed, which the study itself sets'),
        ('seeds: [0]', 'methods: name some of'),
        (f'{ONE}seeds: [1, 0, 1]', 'seeds: 1 stands there twice'),
        (f'{ONE}seeds: []', 'seeds'),
        (f'{ONE}seeds: [-1]', 'seeds: -1 is negative'),
        (f'{ONE}seed: [1]', 'unknown key seed (did you mean seeds?)'),
        (f'{ONE}tasks: [walker_wlk]', 'did you mean walker_walk'),
        (f'{ONE}domains: [dim/targt]', 'did you mean dim/target'),
        (f'{ONE}domains: [dim/target, dim/target]', 'dim/target stands there twice'),
        (f'{ONE}set: {{env.size_px: 3}}', 'env.size_px is 3; it must be from 16 to 512'),
        (f'{ONE}set: [env.size_px]', "set is ['env.size_px']; a mapping is needed"),
        (f'{ONE}reference: laifo', 'reference is laifo; one of claifo'),
        (f'{ONE}jobs: -1', 'jobs is -1; it must be at least 0'),
        (f'{ONE}film_episodes: 0', 'film_episodes is 0; it must be at least 1'),
        ('methods: [own: {env.domain: dim/source}]\ndomains: [dim/target, light/target]',
         'own sets env.domain; domains must be one'),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_it(study_file, text: str, told: str):
    with pytest.raises((ClaifoError, SimError)) as caught:
        config.load(study_file(text))
    assert told in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('path', sorted(config_dir().glob('study_*.yaml')), ids=lambda p: p.stem)
def test_the_studies_that_come_along_are_well_formed(path: Path):
    study = config.load(path)
    assert len(study.seeds) >= 3
    assert study.name == path.stem.removeprefix('study_')


def as_train_reads_it(words: list[str]) -> settings.TrainConfig:
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    given = vars(parser.parse_args(words))
    base = settings.read_yaml(given.pop('config'))
    for name in ('run', 'run_dir'):
        given.pop(name)
    return settings.from_dict(settings.merge(base, given))


@pytest.mark.parametrize('method', [*METHODS, 'odd'])
def test_the_command_of_a_run_makes_its_configuration(study_file, tmp_path: Path, method: str):
    odd = '{odd: {network.strides: [2, 1], augment.shift_too: true, expert.crop: null, ' \
          'agent.learning_rate: 3.0e-4}}'  # fmt: skip
    study = config.load(study_file(f'methods: [{odd if method == "odd" else method}]\nseeds: [7]'))
    store.begin(tmp_path, study, 'claifo study')
    run = next(study.runs())
    read = as_train_reads_it(runner.command_of(study, tmp_path, run))
    wanted = study.config(run)
    acting = '_actions' if wanted.expert.action_topic else ''
    films = [f'{option}: {tmp_path / film}, not ' for option, film in study.films(run).items()]
    assert sorted(settings.differences(read, wanted)) == sorted(['threads: 1, not 0', *films])
    kind = {'depth': '_depth', 'segmentation': '_segmentation', 'cloud': '_depth'}.get(method, '')
    film = Path(f'films/point_mass_easy_big_dim_source_24px{kind}{acting}')
    assert study.films(run)['expert.bag'] == film


def test_runs_share_the_film_of_their_task_and_source_look(study_file):
    study = config.load(study_file(
        'methods: [claifo, {matched: {env.domain: dim/source}}, '
        '{big: {env.size_px: 32}}, {mine: {expert.bag: bags/mine}}]'
    ))  # fmt: skip
    films = {run.method: study.films(run) for run in study.runs()}
    assert films['claifo'] == films['matched'] != films['big']
    assert films['mine'] == {}


def test_a_method_that_needs_films_of_random_actions_gets_them_of_both_worlds(study_file):
    study = config.load(study_file('methods: [claifo, contrastive_all]'))
    films = {run.method: study.films(run) for run in study.runs()}
    assert films['contrastive_all'] == {
        **films['claifo'],
        'expert.random_agent_bag': Path('films/point_mass_easy_big_dim_target_24px_random'),
        'expert.random_bag': Path('films/point_mass_easy_big_dim_source_24px_random'),
    }


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        ('train --config demo --jobs 2', '--jobs is 2, but one seed is one run'),
        ('train --config demo --seeds 0,0', 'seeds: 0 stands there twice'),
        ('train --config demo --seeds 0,x', "--seeds is 'x'; a whole number is needed"),
        ('train --config demo --seeds 0,1 --seed 3', '--seed is 3, but --seeds names them all'),
        ('train --config demo --method clafo', 'clafo: no such method (did you mean claifo?)'),
        ('study demmo', 'demmo: no such study (did you mean study_demo?)'),
        ('train --config study_demo', 'study_demo: no such preset'),
        ('study study_demo --jobs 0', '0 is not a whole number from 1'),
    ],
)
def test_the_command_line_refuses_in_one_line(capsys, monkeypatch, tmp_path, words, told):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words.split()) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count('\n') == 1
    assert not list(tmp_path.iterdir())
