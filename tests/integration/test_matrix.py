"""`claifo eval --matrix`: numbers are those of evaluations one by one; typos are one line."""

from __future__ import annotations

import json
import multiprocessing
import re
from contextlib import closing

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo import cli
from claifo.environments import evaluation_env, world_of
from claifo.report import robustness
from claifo.robustness import read_csv
from claifo.robustness.cells import share
from claifo.robustness.matrix import looks_of
from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_core.training.evaluation import evaluate


def policy(folder, observation='rgb', domain='dim/target', seed=2):
    """Write an untrained policy whose actions depend on what it sees."""
    network = NetworkConfig(channels=4, strides=(2, 2), latent_dim=8, hidden_dim=16)
    env = EnvConfig(task='cartpole_balance', domain=domain, size_px=24, frame_stack=2,
                    action_repeat=16, observation=observation)  # fmt: skip
    parts = build_networks(network, frame_stack=2, size_px=24, action_dim=1, seed=seed)
    folder.mkdir(exist_ok=True)
    Policy.of(parts, TrainConfig(env=env, network=network), {}).save(folder / 'policy.safetensors')
    return folder


def call(*words):
    return cli.main(['eval', *map(str, words)])


@pytest.mark.parametrize(
    ('observation', 'unseen'),
    [('rgb', 'unseen/blur_3'), ('event', 'unseen/blur_3'), ('cloud', 'unseen/camera_medium')],
)
def test_numbers_are_those_of_evaluations_one_by_one(tmp_path, capsys, observation, unseen):
    run = policy(tmp_path / 'run', observation)
    wanted = f'dim/source,{unseen},stock'
    assert call(run, '--matrix', '--episodes', 2, '--seed', 5, '--looks', wanted) == 0
    assert 'mean over 1 unseen looks' in capsys.readouterr().out
    cells = {cell.look: cell for cell in read_csv(run / 'matrix.csv')}
    assert {look: cell.group for look, cell in cells.items()} == {
        'dim/target': 'training', 'dim/source': 'expert', 'stock': 'pair',
        unseen: 'unseen',
    }  # fmt: skip
    played, actor = {}, Policy.load(run / 'policy.safetensors')
    for look, cell in cells.items():
        domain = f'dim/target+{look}' if cell.group == 'unseen' else look
        with closing(evaluation_env(world_of(actor.metadata, domain))) as env:
            played[look] = evaluate(actor, env, (5, 6))
    assert len({tuple(found.returns) for found in played.values()}) > 1
    for look, found in played.items():
        told = found.summary()
        for name in ('return_mean', 'return_std', 'success_rate', 'episodes'):
            assert getattr(cells[look], name) == pytest.approx(told[name], abs=1e-4)
        kept = told['return_mean'] / np.mean(played['dim/target'].returns)
        assert cells[look].share == pytest.approx(kept, abs=1e-4)
    assert cv2.imread(str(run / 'matrix.png')).shape[1] > 200
    shown = robustness.read(run / 'matrix.csv')
    assert [cell.look for cell in shown.cells] == list(cells)
    assert shown.picture.startswith('data:image/png;base64,')


def test_several_policies_are_rows_of_one_matrix(tmp_path, capsys):
    runs = [policy(tmp_path / name, domain=name) for name in ('dim', 'light')]
    out = tmp_path / 'both.csv'
    assert call(*runs, '--matrix', '--episodes', 1, '--looks', 'unseen/lamp', '--out', out,
                '--json') == 0  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert [(c['run'], c['look']) for c in told] == [
        (name, look) for name in ('dim', 'light') for look in (f'{name}/target', 'unseen/lamp')
    ]
    assert [c.run for c in read_csv(out)] == [c['run'] for c in told]
    assert out.with_suffix('.png').is_file()


def test_all_looks_are_there_once_and_unseen_ones_lie_over_that_of_training():
    looks = looks_of('walker_walk', 'light/target')
    assert [k.group for k in looks[:2]] == ['training', 'expert']
    assert (looks[0].name, looks[1].name) == ('light/target', 'light/source')
    names = [k.name for k in looks]
    assert len({*names}) == len(names) and 'stock' in names
    assert 'body/target' in names and 'floor/target' not in names  # one look for all pairs
    unseen = [k for k in looks if k.group == 'unseen']
    assert len(unseen) == 17
    assert all(k.domain == f'light/target+{k.name}' for k in unseen)
    hand = looks_of('adroit_door', 'light')
    groups = [('light/target', 'training'), ('stock', 'expert')]
    assert [(k.name, k.group) for k in hand[:2]] == groups
    assert [k.name for k in hand].count('light/target') == 1


@given(st.lists(st.floats(1, 1000), min_size=2, max_size=8), st.floats(0.1, 2))
def test_a_constant_share_has_no_width(reference, factor):
    returns = [factor * value for value in reference]
    np.testing.assert_allclose(share(returns, reference), factor)


def test_the_interval_is_that_of_theory():
    rng = np.random.default_rng(0)
    returns = rng.normal(50, 10, 100)
    ratio, low, high = share(returns.tolist(), [100.0] * 100)
    half = 1.96 * returns.std() / 10 / 100
    assert ratio == pytest.approx(returns.mean() / 100)
    np.testing.assert_allclose((low, high), (ratio - half, ratio + half), atol=0.1 * half)
    assert share([1.0, 2.0], [0.0, 0.0]) == (None, None, None)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--looks', 'unseen/blr_3'], r'did you mean unseen/blur_'),
        (['--looks', 'stok'], 'did you mean stock'),
        (['--episodes', '0'], 'must be at least 1'),
        (['--out', 'matrix.txt'], r'matrix\.txt: must end in \.csv'),
        (['--out', 'nowhere/matrix.csv'], 'there is no folder nowhere; make it first'),
        (['--domain', 'stock'], 'domain is stock, but leave it out with --matrix'),
        (['--bag', 'film'], 'bag is film, but leave it out with --matrix'),
        (['--topic', '/camera'], 'it needs --bag'),
    ],
)
def test_typos_are_one_line(tmp_path, capsys, words, message):
    run = policy(tmp_path / 'run')
    assert call(run, '--matrix', *words) == 2
    told = capsys.readouterr().err
    assert told.startswith('claifo: error: ') and told.count('\n') == 1
    assert re.search(message, told), told
    assert not (run / 'matrix.csv').exists()


def test_a_wrong_run_or_matrix_is_told(tmp_path, capsys):
    run = policy(tmp_path / 'run')
    for words, message in (
        ((tmp_path / 'rum', '--matrix'), 'rum: no such policy file'),
        ((run, '--looks', 'stock'), '--looks is stock, but it needs --matrix'),
        ((run, run), 'a second policy needs --matrix'),
        ((run, run, '--matrix'), '--out is missing'),
    ):
        assert call(*words) == 2
        assert message in capsys.readouterr().err
    for text in ('', 'run,task\na,b\n', 'not a table'):
        (run / 'matrix.csv').write_text(text)
        with pytest.raises(ClaifoError, match='not a robustness matrix'):
            robustness.read(run / 'matrix.csv')


def test_a_policy_that_cannot_be_played_ends_the_matrix_and_its_processes(tmp_path, capsys):
    run = policy(tmp_path / 'run')
    told = Policy.load(run / 'policy.safetensors')
    told.metadata['cameras'] = ['nowhere']
    told.save(run / 'policy.safetensors')
    assert call(run, '--matrix', '--looks', 'stock') == 2
    assert "camera 'nowhere'" in capsys.readouterr().err
    assert not multiprocessing.active_children()
