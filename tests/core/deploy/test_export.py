"""An export acts as its checkpoint does, and is what was exported."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.deploy import actors, contract, export, sealed
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy

ROOT = Path(__file__).parents[3]
KINDS = {'one': {}, 'stacked': {'views': 2, 'proprio_dim': 3}, 'shared': {'views': 2}}


def trained(kind: str = 'one', size: int = 20) -> Policy:
    network = NetworkConfig(
        channels=4, strides=(2, 1), latent_dim=8, hidden_dim=16,
        views='shared' if kind == 'shared' else 'stacked',
    )  # fmt: skip
    parts = build_networks(network, frame_stack=3, size_px=size, action_dim=4, seed=3,
                           **KINDS[kind])  # fmt: skip
    with torch.no_grad():
        parts.actor[-1].weight.mul_(3)
    config = TrainConfig(env=EnvConfig(size_px=size), network=network)
    return Policy.of(parts, config, {'control_hz': 40.0})


def written(folder: Path, kind: str = 'one', form: str = 'onnx', **settings) -> Path:
    policy = trained(kind)
    path = folder / f'policy{export.SUFFIXES[form]}'
    path.write_bytes(
        export.export(policy, contract.of_policy(policy.metadata), form, **settings)
    )
    return path


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('form', export.SUFFIXES)
def test_actions_are_those_of_the_checkpoint(tmp_path, kind, form):
    policy = trained(kind)
    actor, inside = actors.load(written(tmp_path, kind, form))
    assert inside == contract.of_policy(policy.metadata)
    assert actor.metadata == json.loads(json.dumps(policy.metadata))
    given = export.samples(policy.metadata, 16, seed=5)
    assert np.allclose(actor.act(*given), policy.act(*given), atol=1e-5)
    assert np.std(policy.act(*given), 0).min() > 1e-3  # they depend on what is seen


def test_other_programs_read_both_formats(tmp_path):
    onnx.checker.check_model(str(written(tmp_path)))
    module = torch.jit.load(str(written(tmp_path, form='torchscript')))
    stack, = export.samples(trained().metadata, 1, seed=0)
    assert np.allclose(module(torch.from_numpy(stack)).detach(), trained().act(stack), atol=1e-5)


def test_eight_bits_are_smaller_and_a_little_different(tmp_path):
    policy = trained()
    exact = written(tmp_path).read_bytes()
    actor, _ = actors.load(written(tmp_path, int8=True))
    given = export.samples(policy.metadata, 32, seed=5)
    assert 0 < export.action_error(policy, actor, given) < 0.2
    assert (tmp_path / 'policy.onnx').stat().st_size < len(exact)


@pytest.mark.parametrize('form', export.SUFFIXES)
@pytest.mark.parametrize('harm', ['cut', 'first', 'middle', 'last', 'empty'])
def test_what_was_changed_is_refused(tmp_path, form, harm):
    path = written(tmp_path, form=form)
    data = bytearray(path.read_bytes())
    if harm in ('cut', 'empty'):
        data = data[: len(data) // 2 if harm == 'cut' else 0]
    else:
        data[{'first': 0, 'middle': len(data) // 2, 'last': -1}[harm]] ^= 1
    path.write_bytes(data)
    with pytest.raises(ClaifoError, match=r'cut off|checksum') as problem:
        actors.load(path)
    assert str(path) in str(problem.value)


def test_a_contract_of_another_policy_is_refused():
    policy = trained()
    agreed = dataclasses.replace(contract.of_policy(policy.metadata), size_px=84, task='other')
    with pytest.raises(ClaifoError, match=r'task is other, .* size_px is 84, the policy has 20'):
        export.export(policy, agreed, 'onnx')


def test_a_robot_without_torch_acts_and_says_why_a_checkpoint_does_not(tmp_path):
    exported, checkpoint = written(tmp_path), tmp_path / 'policy.safetensors'
    trained().save(checkpoint)
    program = """
import sys
for name in ('torch', 'mujoco', 'dm_control', 'gymnasium', 'onnx', 'scipy', 'matplotlib'):
    sys.modules[name] = None
import numpy as np
from claifo_core.deploy import actors
from claifo_core.errors import ClaifoError
import claifo_nodes
import claifo_nodes.policy_node, claifo_nodes.safety_node, claifo.cli
actor, agreed = actors.load(sys.argv[1])
print(actor.act(np.zeros((1, 9, 20, 20), np.uint8)).shape)
try:
    actors.load(sys.argv[2])
except ClaifoError as error:
    print(error)
"""
    paths = [ROOT, ROOT / 'sim', *(ROOT / 'ros2_ws' / 'src').glob('*')]
    done = subprocess.run(
        [sys.executable, '-c', program, exported, checkpoint], capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, paths))}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '(1, 4)' in done.stdout
    assert 'a checkpoint needs torch' in done.stdout


def test_a_contract_is_read_back_unchanged(tmp_path):
    agreed = contract.of_policy(trained('stacked').metadata)
    (tmp_path / 'contract.yaml').write_text(contract.dump(agreed))
    assert contract.load(tmp_path / 'contract.yaml') == agreed


@pytest.mark.parametrize(
    ('change', 'line'),
    [
        ({'format': 'claifo-contract-9'}, 'this version reads claifo-contract-1'),
        ({'control_hz': 0}, 'control_hz must be above 0'),
        ({'controlhz': 20}, 'unknown key controlhz .did you mean control_hz'),
        ({'cameras': []}, 'there must be one at least'),
        ({'cameras': {}}, 'cameras must be a list'),
    ],
)
def test_wrong_contracts_are_one_line(tmp_path, change, line):
    values = yaml.safe_load(contract.dump(contract.of_policy(trained().metadata))) | change
    (tmp_path / 'c.yaml').write_text(yaml.safe_dump(values))
    with pytest.raises(ClaifoError, match=line):
        contract.load(tmp_path / 'c.yaml')


def test_what_differs_from_the_contract_is_said_with_both_values():
    camera = contract.Camera('/eye', 'rgb8', 640, 480, 30.0)
    found = contract.mismatches(camera, contract.Seen('bgr8', 320, 240))
    assert found == [
        '/eye: encoding is bgr8, the contract says rgb8',
        '/eye: size is 320x240, the contract says 640x480',
    ]
    slow = contract.Seen('rgb8', 640, 480, [k * 100_000_000 for k in range(12)])
    assert contract.mismatches(camera, slow) == ['/eye: rate is 10 Hz, the contract says 30 Hz']
    fine = contract.Seen('rgb8', 640, 480, [k * 33_400_000 for k in range(12)])
    assert contract.mismatches(camera, fine) == []


def resealed(path: Path, change) -> Path:
    """Change the model inside an export and seal it again, as anyone can."""
    model = onnx.load_from_string(path.read_bytes()[: -sealed.SEAL_BYTES])
    change(model)
    path.write_bytes(sealed.seal(model.SerializeToString()))
    return path


def described(model, change) -> None:
    """Change the description of a model."""
    (entry,) = [p for p in model.metadata_props if p.key == actors.DESCRIPTION]
    about = json.loads(entry.value)
    change(about)
    entry.value = json.dumps(about)


def not_finite(model) -> None:
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32:
            weights.CopyFrom(onnx.numpy_helper.from_array(values * np.nan, weights.name))


def deeper(model) -> None:
    """Say in both places that five frames are stacked; there are three."""
    def change(about):
        about['policy']['frame_stack'] = about['contract']['frame_stack'] = 5
    described(model, change)


def two_joints(model) -> None:
    def change(about):
        about['policy']['action_dim'] = 2
        about['contract']['action']['names'] = about['contract']['action']['names'][:2]
    described(model, change)


def other_operator(model) -> None:
    model.graph.node[0].op_type = 'NoSuchOperator'


def a_loop(model) -> None:
    model.graph.node.append(onnx.helper.make_node('Loop', ['', ''], ['x']))


def elsewhere(model) -> None:
    weights = model.graph.initializer[0]
    weights.ClearField('raw_data')
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key='location', value='/etc/passwd')


def deep(model) -> None:
    model.metadata_props[0].value = '[' * 100_000


def nothing(model) -> None:
    del model.metadata_props[:]


@pytest.mark.parametrize('change', [
    not_finite, deeper, two_joints, other_operator, a_loop, elsewhere, deep, nothing,
    lambda model: described(model, lambda about: about.pop('policy')),
    lambda model: described(model, lambda about: about['policy'].pop('views')),
    lambda model: described(model, lambda about: about['policy'].update(views='two')),
    lambda model: described(model, lambda about: about.update(contract=3)),
])  # fmt: skip
def test_whatever_is_inside_an_export_is_one_line(tmp_path, change):
    path = resealed(written(tmp_path), change)
    with pytest.raises(ClaifoError) as problem:
        actors.load(path)
    assert str(path) in str(problem.value) and '\n' not in str(problem.value)


@pytest.mark.parametrize('form', export.SUFFIXES)
def test_a_sealed_text_is_one_line(tmp_path, form):
    path = tmp_path / f'text{export.SUFFIXES[form]}'
    path.write_bytes(sealed.seal(b'no model at all'))
    with pytest.raises(ClaifoError, match='not a policy that can be run'):
        actors.load(path)


def test_mutants_of_an_export_are_refused_or_act(tmp_path):
    data = written(tmp_path).read_bytes()[: -sealed.SEAL_BYTES]
    rng = np.random.default_rng(0)
    for number in range(60):
        mutant = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            mutant[at] = rng.integers(256)
        path = tmp_path / f'{number}.onnx'
        path.write_bytes(sealed.seal(bytes(mutant)))
        try:
            actor, _ = actors.load(path)
        except ClaifoError as error:
            assert '\n' not in str(error)
        else:
            assert actor.act(np.zeros((1, 9, 20, 20), np.uint8)).shape == (1, 4)
