"""Policy files: what acts after loading is what was trained; damage is told in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from toy_world import Session, small_config

from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy


@pytest.fixture(scope='module')
def session() -> Session:
    return Session(small_config(expert__crop=[1, 2, 30, 40])).run(80)


@pytest.fixture
def path(session, tmp_path):
    path = tmp_path / 'policy.safetensors'
    session.learner.policy(step=80, control_hz=12.5).save(path)
    return path


def stacks(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 6, 16, 16), dtype=np.uint8)


def test_the_file_acts_like_the_agent(session, path):
    policy = Policy.load(path)
    obs = stacks()
    wanted = session.learner.agent.act(
        torch.from_numpy(obs).unflatten(1, (2, 3)), torch.zeros(len(obs), 0), std=0.0
    )
    action = policy.act(obs)
    assert action.dtype == np.float32 and action.shape == (5, 2)
    np.testing.assert_allclose(action, wanted.numpy(), atol=1e-5)
    latent = policy.encode(obs)
    assert latent.shape == (5, 8) and np.abs(latent).max() < 1
    encoder = session.learner.agent.networks.encoder
    np.testing.assert_allclose(
        latent, encoder(torch.from_numpy(obs).float()).detach().numpy(), atol=1e-5
    )


def test_the_file_says_how_to_make_its_frames(path):
    policy = Policy.load(path)
    assert policy.frame_stack == 2
    assert policy.frames == FrameSpec(16, (1, 2, 30, 40))
    told = policy.metadata
    assert (told['task'], told['domain'], told['step']) == ('walker_walk', 'light/target', 80)
    assert (told['action_dim'], told['action_repeat'], told['control_hz']) == (2, 1, 12.5)


def test_saving_again_gives_the_same_file(path, tmp_path):
    again = tmp_path / 'again.safetensors'
    Policy.load(path).save(again)
    assert np.array_equal(Policy.load(again).act(stacks()), Policy.load(path).act(stacks()))


def test_a_policy_is_a_copy_that_training_does_not_move(session):
    policy = session.learner.policy()
    before = policy.act(stacks())
    session.run(session.learner.steps + 20)
    assert np.array_equal(policy.act(stacks()), before)
    assert not np.array_equal(session.learner.policy().act(stacks()), before)


def refuse(path, message: str) -> None:
    with pytest.raises(ClaifoError, match=message) as caught:
        Policy.load(path)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('keep', [0, 4, 100, -1])
def test_truncated_files(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    refuse(path, 'damaged policy file')


def test_missing_file(tmp_path):
    refuse(tmp_path / 'none.safetensors', 'no such policy file')


def test_files_of_others(tmp_path):
    path = tmp_path / 'other.safetensors'
    path.write_bytes(safetensors.torch.save({'w': torch.zeros(2)}))
    refuse(path, 'not a policy of this project')
    path.write_bytes(safetensors.torch.save({'w': torch.zeros(2)}, {'claifo': '{"format": "x"}'}))
    refuse(path, 'not a policy of this project')
    path.write_bytes(b'#!/bin/sh\n' * 20)
    refuse(path, 'damaged policy file')


def test_a_policy_without_its_tensors(path, tmp_path):
    metadata = {'claifo': json.dumps(Policy.load(path).metadata)}
    path.write_bytes(safetensors.torch.save({'w': torch.zeros(2)}, metadata))
    refuse(path, 'damaged policy file')


def test_flipped_bits_of_the_header_never_show_a_traceback(path):
    """Whatever single bit of the description is wrong: loaded as told, or one line."""
    good = path.read_bytes()
    end = 8 + int.from_bytes(good[:8], 'little')
    refused = 0
    for place in range(0, end, 3):
        data = bytearray(good)
        data[place] ^= 0x04
        path.write_bytes(data)
        try:
            Policy.load(path)
        except ClaifoError as error:
            assert '\n' not in str(error)
            refused += 1
    assert refused > end / 6


def described(path, change) -> None:
    """Change the description in a policy file; the weights stay."""
    data = path.read_bytes()
    metadata = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], 'little')])
                          ['__metadata__']['claifo'])  # fmt: skip
    change(metadata)
    tensors = safetensors.torch.load(data)
    path.write_bytes(safetensors.torch.save(tensors, {'claifo': json.dumps(metadata)}))


@pytest.mark.parametrize('key', ['task', 'network', 'frames', 'views', 'frame_stack'])
def test_a_description_without_a_key(path, key):
    described(path, lambda metadata: metadata.pop(key))
    refuse(path, 'damaged policy file')


@pytest.mark.parametrize(
    ('key', 'value'),
    [('task', 5), ('frames', None), ('frames', {'size_px': 10**9, 'crop': None}), ('views', 10**9),
     ('proprio_dim', -8), ('frame_stack', 1.5), ('action_dim', 10**12), ('network', 5)],
)  # fmt: skip
def test_a_description_that_means_nothing(path, key, value):
    described(path, lambda metadata: metadata.update({key: value}))
    refuse(path, 'damaged policy file')


def test_deep_descriptions(path):
    for text in ('[' * 100_000, '5', '9' * 10_000):
        path.write_bytes(safetensors.torch.save({'w': torch.zeros(2)}, {'claifo': text}))
        refuse(path, 'policy')


def peak_mib() -> int:
    lines = open('/proc/self/status').read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) >> 10


@pytest.mark.parametrize('option', [{'hidden_dim': 30_000}, {'latent_dim': 10**6}])
def test_no_memory_is_taken_for_weights_that_are_not_there(path, option):
    described(path, lambda metadata: metadata['network'].update(option))
    with open('/proc/self/clear_refs', 'w') as peak:
        peak.write('5')
    before = peak_mib()
    refuse(path, 'damaged policy file')
    assert peak_mib() - before < 100
