"""`claifo bench`: small real measurements, and one line for what cannot be measured."""

from __future__ import annotations

import json
import subprocess
import sys

import bench_bags
import bench_learner
import bench_loop
import bench_sim
import pytest
import torch

from claifo.study import store

TINY = ('--preset', 'demo', '--set', 'agent.batch_size=8', '--set', 'env.size_px=24')
PARTS = {
    'actor', 'augment', 'backward_encoder_critic', 'critic', 'discriminator',
    'encode_with_gradient', 'encode_without_gradient', 'gather', 'optimiser', 'other',
}  # fmt: skip


def bench(*words: str) -> dict:
    command = [sys.executable, '-m', 'claifo', 'bench', *words, '--json']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count('\n') == 1
    return json.loads(done.stdout)


def test_learner_prints_the_split_and_the_limits(tmp_path):
    file = tmp_path / 'learner.json'
    found = bench('learner', *TINY, '--device', 'cpu', '--seconds', '0.2',
                  '--frames', '400', '900', '--out', str(file))  # fmt: skip
    assert json.loads(file.read_text()) == found
    assert set(found['split']) == PARTS
    assert all(spent > 0 for spent in found['split'].values())
    assert set(found['growth']) == {'400', '900'}
    assert found['updates_per_s'] == found['growth']['400']['updates_per_s'] > 0
    assert found['flop']['update'] == sum(found['flop'].values()) / 2
    assert found['bytes']['update'] == sum(found['bytes'].values()) / 2
    assert found['dispatched']['moved'] > found['bytes']['update']
    share = found['gflop_per_s'] / found['ceiling']['gflop_per_s']
    assert found['share_of_ceiling'] == pytest.approx(share, rel=0.01, abs=1e-4)
    assert found['memory']['resident_mib'] > 100
    assert found['machine']['torch'] == torch.__version__
    assert found['commit'] == store.commit()


def test_loop_counts_the_ratio_of_updates_to_steps():
    found = bench('loop', *TINY, '--device', 'cpu', '--seconds', '1', '--set', 'env.num_envs=3')
    ratio = found['ratio']
    assert ratio['exact']
    assert abs(ratio['steps'] - ratio['update_every'] * ratio['updates']) <= 3
    assert ratio['steps'] > 0
    parts = found['split_wall_ms_per_step']
    assert {'act', 'observe', 'send', 'update', 'wait_for_simulators', 'rest'} == set(parts)
    whole_ms = 1e3 / found['steps_per_s']
    assert sum(parts.values()) == pytest.approx(whole_ms, rel=0.05)


def test_node_tells_the_latency_of_acting():
    found = bench('node', *TINY, '--calls', '30')['latency_ms']
    assert set(found) == {'whole', 'unpack', 'stack', 'act'}
    assert all(0 < part['p50'] <= part['p99'] <= part['max'] for part in found.values())
    assert found['act']['max'] <= found['whole']['max']


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (('--preset', 'dmc_waker'), 'dmc_waker: no such preset (did you mean dmc_walker'),
        (('--set', 'agent.bacth_size=3'), 'did you mean batch_size?'),
        (('--set', 'batch'), 'must have the form name=value'),
        (('--set', 'env.task=walker_wlk'), 'did you mean walker_walk?'),
        (('--frames', '0'), '--frames: 0 is not a whole number from 1'),
        (('--frames', '50'), 'replay_frames is 50; it must be at least 100'),
        (('--seconds', 'x'), '--seconds: x is not a number above 0'),
        (('--threads', '-1'), '--threads: -1 is not a whole number from 1'),
        (('--device', 'gpu'), 'there is no gpu (did you mean cpu?)'),
        (('--devise', 'cpu'), 'unknown argument --devise (did you mean --device?)'),
        (('--out', '/nowhere/x.json'), '--out /nowhere/x.json: not a file in a folder'),
    ],
)
def test_learner_says_what_is_wrong_in_one_line(refused, words, said):
    assert said in refused(bench_learner.main, *words)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
@pytest.mark.parametrize('script', [bench_learner, bench_loop])
def test_a_gpu_that_is_not_there(refused, script):
    assert 'torch finds no GPU' in refused(script.main, '--device', 'cuda')


@pytest.mark.parametrize(
    ('script', 'words', 'said'),
    [
        (bench_loop, ('--seconds', '0'), '--seconds: 0 is not'),
        (bench_sim, ('--task', 'walker_wlk'), 'did you mean walker_walk?'),
        (bench_sim, ('--rounds', '0'), '--rounds: 0 is not'),
        (bench_bags, ('--repeats', 'x'), '--repeats: x is not'),
    ],
)
def test_the_others_too(refused, script, words, said):
    assert said in refused(script.main, *words)
