"""The contract by which a film is played: the policy's, with the film as its camera."""

from __future__ import annotations

import numpy as np
import pytest

from claifo.bags import BagWriter
from claifo.graphs.film import film_contract
from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, ExpertConfig, NetworkConfig, TrainConfig
from claifo_core.deploy import contract, export
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy

CROP = (1, 2, 20, 18)


def save(path, **changes):
    network = NetworkConfig(channels=4, strides=(2, 1), latent_dim=8, hidden_dim=16)
    parts = build_networks(
        network, frame_stack=2, size_px=16, action_dim=2, seed=0, **changes
    )
    config = TrainConfig(
        env=EnvConfig(size_px=16, frame_stack=2), network=network, expert=ExpertConfig(crop=CROP)
    )
    policy = Policy.of(parts, config, {'control_hz': 10.0})
    policy.save(path / 'policy.safetensors')
    data = export.export(policy, contract.of_policy(policy.metadata), 'onnx')
    (path / 'policy.onnx').write_bytes(data)


def film(path, encoding='rgb8', count=9, rate_hz=25.0):
    with BagWriter(path / 'film', rate_hz=rate_hz, encoding=encoding) as bag:
        bag.write_episode(np.zeros((count, 24, 32, 3), np.uint8))
    return str(path / 'film')


@pytest.mark.parametrize('encoding', ['rgb8', 'jpeg', 'png'])
@pytest.mark.parametrize('name', ['policy.safetensors', 'policy.onnx'])
def test_the_film_is_the_camera(tmp_path, encoding, name):
    save(tmp_path)
    found = film_contract(str(tmp_path / name), film(tmp_path, encoding), '')
    assert found.cameras == (contract.Camera('/camera/image_raw', encoding, 32, 24, 25.0, CROP),)
    assert (found.control_hz, found.size_px, found.frame_stack) == (10.0, 16, 2)
    assert contract.parse(contract.yaml.safe_load(contract.dump(found)), 'text') == found


@pytest.mark.parametrize(
    ('changes', 'shown', 'line'),
    [
        ({'views': 2}, {}, 'sees 2 cameras and 0 numbers'),
        ({'proprio_dim': 3}, {}, 'sees 1 cameras and 3 numbers'),
        ({}, {'count': 1}, 'has 1 pictures; two at least'),
        ({}, {'rate_hz': 1.0}, 'too slow for 10 Hz of control'),
    ],
)
def test_what_cannot_be_played_is_refused(tmp_path, changes, shown, line):
    save(tmp_path, **changes)
    with pytest.raises(ClaifoError, match=line):
        film_contract(str(tmp_path / 'policy.onnx'), film(tmp_path, **shown), '')
