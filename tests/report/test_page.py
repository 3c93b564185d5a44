"""The report of a run: complete, half finished, or no run at all."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

import claifo_sim
from claifo.experts import expert_tasks
from claifo.report import figures, media, page
from claifo.report.scenes import Clip, Stage
from claifo.robustness import Cell
from claifo.study.run_folder import read_controls, read_run
from claifo_core.errors import ClaifoError
from claifo_core.files import write_csv

SECTIONS = (
    'Learning curve', 'Side by side', 'Two looks of the same states', 'Latent domain gap',
    'Discriminator dashboard', 'Setting',
)  # fmt: skip


class Page(HTMLParser):
    """Collects headings, text, and everything that would be loaded from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings, self.links, self.ids, self.text = [], [], [], ''
        self._tag = ''
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        values = dict(attrs)
        self.links += [values[k] for k in ('src', 'href', 'xlink:href') if values.get(k)]
        self.ids += [values['id']] if 'id' in values else []

    def handle_data(self, data):
        if self._tag == 'h2':
            self.headings.append(data.strip())
        if self._tag not in ('style', 'script'):
            self.text += data

    def handle_endtag(self, tag):
        self._tag = ''


@pytest.fixture(scope='module')
def finished_run(make_run, tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp('runs') / 'demo')


@pytest.fixture(scope='module')
def built(finished_run, tmp_path_factory) -> tuple[Path, Page]:
    folder = tmp_path_factory.mktemp('page')
    controls = folder / 'controls.csv'
    controls.write_text(
        '# made by: claifo train\nrun,frames,wall_s,return_mean\n'
        'LAIfO,4000,60,3\nLAIfO,8000,120,5\nshift only,4000,60,9\n'
    )
    path = page.build(finished_run, folder / 'page.html', [controls])
    return path, Page(path.read_text())


def test_page_has_every_section(built):
    assert [h for h in built[1].headings if h] == list(SECTIONS)


def test_page_needs_nothing_else(built):
    path, parsed = built
    assert path.stat().st_size < 6_000_000
    assert all(link.startswith(('data:', '#')) for link in parsed.links)
    assert not re.findall(r'(?:https?:)?//\w|url\((?!#)|@import', _without_data(path.read_text()))


def test_references_inside_the_page_lead_somewhere(built):
    path, parsed = built
    assert len(set(parsed.ids)) == len(parsed.ids)
    used = re.findall(r'url\(#([^)]*)\)', path.read_text())
    used += [link[1:] for link in parsed.links if link.startswith('#')]
    assert set(used) <= set(parsed.ids)


def test_page_tells_the_figures_of_the_run(built, finished_run):
    evals = read_run(finished_run).records['eval']
    text = built[1].text
    assert f'{evals[-1]["return_mean"]:.0f}' in text
    assert f'{evals[-1]["return_mean"] / 900:.0%} of the expert' in text
    for expected in ('dim/source', 'dim/target', 'seed 3', 'expert 900', 'random actions 16',
                     'LAIfO', 'shift only', 'env.action_repeat', 'probe accuracy'):  # fmt: skip
        assert expected in text


def test_clips_hold_both_sides(built):
    data = re.search(r'<script type="application/json">(.*?)</script>', built[0].read_text())
    clip = json.loads(data.group(1))
    expert, policy = clip['returns']
    assert clip['count'] == len(expert) == len(policy) == 126  # 10 s at 12.5 Hz and the start
    assert clip['fps'] == 12.5
    assert expert[-1] > policy[-1] + 50  # the policy of this run is untrained
    assert all(np.diff(expert) >= -1e-6)


def test_run_that_has_just_begun(make_run, tmp_path):
    run = make_run(tmp_path / 'young', evaluations=0, policies=())
    (run / 'metrics.jsonl').write_text('{"kind": "start", "task": "point_mass_easy_big"}\n{"ki')
    parsed = Page(page.build(run).read_text())
    assert [h for h in parsed.headings if h] == list(SECTIONS)
    assert 'No evaluation yet: the first follows at agent step 1,000' in parsed.text
    assert 'No update yet' in parsed.text
    assert 'No policy has been saved yet' in parsed.text


def test_task_without_expert(make_run, tmp_path):
    """Videos may come from anybody: without an expert of ours, random actions show the scene."""
    task = next(t.name for t in claifo_sim.tasks() if t.name not in expert_tasks())
    run = make_run(tmp_path / 'other', evaluations=0, policies=())
    config = (run / 'config.yaml').read_text().replace('point_mass_easy_big', task)
    (run / 'config.yaml').write_text(config)
    parsed = Page(page.build(run).read_text())
    assert 'one physics state of uniform random episodes' in parsed.text


@pytest.mark.parametrize('missing', ['config.yaml', 'metrics.jsonl', None])
def test_no_run_folder(tmp_path, missing):
    folder = tmp_path / 'x'
    if missing:
        folder.mkdir()
        for name in {'config.yaml', 'metrics.jsonl'} - {missing}:
            (folder / name).write_text('')
    with pytest.raises(ClaifoError, match=missing or 'no such folder') as caught:
        page.build(folder)
    assert '\n' not in str(caught.value) and str(folder) in str(caught.value)


def test_bad_controls_name_the_columns(tmp_path):
    path = tmp_path / 'c.csv'
    path.write_text('step,reward\n1,2\n')
    with pytest.raises(ClaifoError, match=r'c\.csv: columns are step, reward; return_mean'):
        read_controls(path)
    with pytest.raises(ClaifoError, match='cannot be read'):
        read_controls(tmp_path / 'absent.csv')


def test_controls_part_by_run_and_skip_holes(tmp_path):
    path = tmp_path / 'c.csv'
    path.write_text('# command\nrun,frames,return_mean,return_std\na,1,10,2\nb,1,7,\na,2,,\n')
    a, b = read_controls(path)
    assert (a.label, a.frames, a.mean, a.std) == ('a', [1.0], [10.0], [2.0])
    assert (b.label, b.frames, b.mean, b.std) == ('b', [1.0], [7.0], [0.0])
    assert np.isnan(a.wall_s).all()


@pytest.mark.parametrize('place', ['run', 'trained_in', 'look', 'group'])
def test_no_word_of_the_matrix_becomes_a_script(make_run, tmp_path, place):
    """It may come from another machine: shown as text it does no harm."""
    run = make_run(tmp_path / 'demo', evaluations=0, policies=())
    cell = Cell('demo', 'point_mass_easy_big', 'dim/target', 'stock', 'pair', 5, 9.0, 1.0,
                0.0, 1.0, 0.9, 1.1)  # fmt: skip
    cell = dataclasses.replace(cell, **{place: '<script>alert("now")</script>'})
    write_csv(run / 'matrix.csv', [dataclasses.asdict(cell)])
    text = page.build(run).read_text()
    assert 'Robustness' in text and '<script>alert' not in text


def test_source_is_the_other_side():
    assert page.source_of('light/target') == 'light/source'
    assert page.source_of('light/source') == 'light/source'
    assert page.source_of('stock') == 'stock'


def test_pairs_show_one_state_in_two_looks(run_config):
    """Only the light differs, so the ball is the brightest spot at the same place in both."""
    with Stage(run_config.env, 'dim/source') as stage:
        sheet, stacks = stage.sheet(), stage.stacks()
    assert stacks.source.shape == stacks.target.shape == (250, 9, 32, 32)
    assert sheet.source.mean() > 1.5 * sheet.target.mean()
    for source, target in zip(sheet.source, sheet.target, strict=True):
        spots = [_yellow_spot(image) for image in (source, target)]
        assert np.linalg.norm(np.subtract(*spots)) < 8
    assert len({tuple(_yellow_spot(image)) for image in sheet.source}) > 4


def test_stacks_move_on_frame_by_frame(run_config):
    """Stack at t holds frames t-2, t-1, t; at the start the first frame thrice."""
    with Stage(run_config.env, 'dim/source') as stage:
        stacks = stage.stacks()
    first = stacks.source[0].reshape(3, 3, 32, 32)
    assert (first == first[0]).all()
    later = stacks.source[2].reshape(3, 3, 32, 32)
    assert (later[0] != later[1]).any() and (later[1] != later[2]).any()
    assert np.array_equal(np.unique(stacks.episode), np.arange(10))


def test_player_sheet_holds_the_frames_in_order():
    frames = np.zeros((20, 24, 24, 3), np.uint8)
    frames += np.arange(20, dtype=np.uint8)[:, None, None, None] * 12
    data = media.image_uri(media.sheet(frames)).partition('base64,')[2]
    sheet = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    columns = media.player([Clip(frames, list(range(20)), 10.0)])['columns']
    assert sheet.shape == (2 * 24, columns * 24, 3)
    for i in range(20):
        x, y = i % columns * 24, i // columns * 24
        assert abs(float(sheet[y : y + 24, x : x + 24].mean()) - 12 * i) < 3


def test_labels_keep_their_digits():
    """Coordinates are rounded to keep the page small; figures that people read are not."""
    drawn = figures.panel('Accuracy', [0.0, 1.0], [('', [0.901, 0.903], figures.INK)])
    ticks = re.findall(r'>(0\.9[0-9]*)<', drawn)
    assert len(set(ticks)) == len(ticks) >= 3


def test_long_lines_are_thinned_to_their_mean():
    steps, values = np.arange(10_000.0), np.r_[np.zeros(5000), np.ones(5000)]
    drawn = figures.panel('Reward', steps, [('', values, figures.INK)])
    assert len(drawn) < 40_000
    assert 'var(--ink)' in drawn and figures.INK not in drawn


def _yellow_spot(image: np.ndarray) -> np.ndarray:
    """Return the mean position of the pixels where red most exceeds blue (the ball)."""
    excess = image[..., 0].astype(float) - image[..., 2]
    return np.argwhere(excess > 0.6 * excess.max()).mean(axis=0)


def _without_data(html: str) -> str:
    return re.sub(r'data:[^"]*', '', html)
