"""A study of methods that see different things films the expert once for each."""

from __future__ import annotations

import dataclasses

from claifo.study import config, runner
from claifo.training import read_expert
from claifo_core.config import ExpertConfig

METHODS = 'methods: [claifo, depth, cloud, segmentation, event]\nseeds: [0]\nfilm_episodes: 1'


def test_each_method_has_a_film_of_what_it_sees(study_file, tmp_path):
    study = config.load(study_file(METHODS))
    runner._record_films(study, tmp_path, lambda: False)
    name = 'films/point_mass_easy_big_dim_source_24px'
    films = {run.method: study.films(run)['expert.bag'] for run in study.runs()}
    assert {method: str(film) for method, film in films.items()} == {
        'claifo': name, 'event': name, 'depth': f'{name}_depth', 'cloud': f'{name}_depth',
        'segmentation': f'{name}_segmentation',
    }  # fmt: skip
    assert len([path for path in (tmp_path / 'films').iterdir() if path.is_dir()]) == 3
    pictures = {}
    for run in study.runs():
        bag = ExpertConfig(bag=str(tmp_path / films[run.method]))
        seen = read_expert(dataclasses.replace(study.config(run), expert=bag))[0]
        pictures[run.method] = seen[0][0]
    assert (pictures['depth'] == pictures['cloud']).all()
    assert (pictures['depth'] != pictures['segmentation']).any()
    colourful = {name for name, shown in pictures.items() if (shown != shown[..., :1]).any()}
    assert colourful == {'claifo'}  # the first picture of events is black
