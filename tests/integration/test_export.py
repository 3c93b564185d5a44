"""`claifo export` as a user calls it."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from claifo import cli
from claifo.bags import BagWriter
from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.deploy import actors
from claifo_core.policy import Policy

HZ = 40.0


def trained(seed: int, **changes) -> Policy:
    network = NetworkConfig(channels=4, strides=(2, 2), latent_dim=8, hidden_dim=16)
    parts = build_networks(network, frame_stack=3, size_px=24, action_dim=2, seed=seed, **changes)
    config = TrainConfig(env=EnvConfig(size_px=24), network=network)
    return Policy.of(parts, config, {'control_hz': HZ})


@pytest.fixture
def run(tmp_path):
    trained(0).save(tmp_path / 'policy.safetensors')
    with BagWriter(tmp_path / 'film', rate_hz=HZ) as bag:
        rng = np.random.default_rng(0)
        bag.write_episode(rng.integers(0, 256, (20, 24, 24, 3), np.uint8))
    return tmp_path


def call(*words):
    return cli.main(['export', *map(str, words)])


def test_it_is_compared_on_random_and_on_recorded_frames(run, capsys):
    assert call(run, '--bag', run / 'film') == 0
    told = capsys.readouterr().out
    assert 'on random frames' in told and 'on recorded frames' in told
    assert (run / 'policy.onnx').exists()
    assert call(run, '--verify', run / 'policy.onnx') == 0
    assert 'checksum right' in capsys.readouterr().out


def test_a_policy_that_feels_is_compared_on_recorded_frames_too(run, capsys):
    trained(0, proprio_dim=3).save(run / 'policy.safetensors')
    assert call(run, '--bag', run / 'film') == 0
    assert 'on recorded frames' in capsys.readouterr().out
    trained(1, proprio_dim=3).save(run / 'policy.safetensors')
    assert call(run, '--bag', run / 'film', '--verify', run / 'policy.onnx') == 2


def test_an_export_of_another_policy_is_found_out(run, capsys):
    assert call(run) == 0
    trained(1).save(run / 'policy.safetensors')
    assert call(run, '--verify', run / 'policy.onnx') == 2
    assert 'acts differently from the checkpoint' in capsys.readouterr().err


def test_an_export_that_describes_another_policy_is_found_out(run, capsys):
    assert call(run) == 0
    other = trained(0)
    other.metadata['task'] = 'another_task'
    other.save(run / 'policy.safetensors')
    assert call(run, '--verify', run / 'policy.onnx') == 2
    assert "the checkpoint has 'another_task'" in capsys.readouterr().err


def test_a_contract_is_printed_changed_and_put_inside(run, capsys):
    assert call(run, '--print-contract') == 0
    values = yaml.safe_load(capsys.readouterr().out)
    values['action']['scale'] = [0.5, 2.0]
    (run / 'contract.yaml').write_text(yaml.safe_dump(values))
    assert call(run, '--contract', run / 'contract.yaml') == 0
    assert actors.read_contract(run / 'policy.onnx').action.scale == (0.5, 2.0)


@pytest.mark.parametrize(
    ('words', 'line'),
    [
        (['nothing'], 'no such policy file'),
        (['--int8', '--format', 'torchscript'], '--int8 is for --format onnx'),
        (['--out', 'policy.bin'], 'must end with .onnx or .pt'),
        (['--contract', 'no.yaml'], 'no such file'),
        (['--bag', 'nothing', '--verify', 'nothing.onnx'], 'no such policy file'),
    ],
)
def test_a_mistake_is_one_line(run, capsys, words, line):
    words = words if words[0] == 'nothing' else [run, *words]
    assert call(*words) == 2
    told = capsys.readouterr().err
    assert line in told and told.count('\n') == 1
