"""A recorded camera played to a policy: `claifo eval POLICY --bag BAG`."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
from rosbags.typesys import Stores, get_typestore

from claifo import cli
from claifo.bags import BagWriter
from claifo.bags.recorder import Recorder
from claifo.playback import playback
from claifo.playback.latent_gap import latent_gap
from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.data.frames import FrameSpec, prepare
from claifo_core.data.observations import observe_episode
from claifo_core.deploy import contract, export
from claifo_core.policy import Policy

SIZE, STACK, ACTIONS, HZ = 16, 3, 4, 20.0
SMALL = NetworkConfig(channels=8, strides=(2, 1), latent_dim=32, hidden_dim=16)
TASK = 'point_mass_easy_big'


def make_policy(gain=30.0, views=1, proprio=0, told=None, actions=ACTIONS, **env) -> Policy:
    """A policy of random weights; a gain of 0 makes one that does not look."""
    networks = build_networks(
        SMALL, frame_stack=STACK, size_px=SIZE, action_dim=actions, seed=1, views=views,
        proprio_dim=proprio,
    )  # fmt: skip
    with torch.no_grad():
        networks.actor[-1].weight.mul_(gain)
    world = EnvConfig(**{'task': TASK, 'size_px': SIZE, 'frame_stack': STACK, **env})
    known = {'control_hz': HZ} if told is None else told
    return Policy.of(networks, TrainConfig(env=world, network=SMALL), known)


def film(seed: int, steps: int = 40, views: int = 1) -> np.ndarray:
    """A square that wanders over a ground of its own, uint8 (steps, SIZE, SIZE, 3 views)."""
    rng = np.random.default_rng(seed)
    way = np.clip(np.cumsum(rng.integers(-2, 3, (steps, 2)), 0) + 6, 0, SIZE - 5)
    shown = np.full((steps, SIZE, SIZE, 3 * views), 90, np.uint8)
    for picture, (x, y) in zip(shown, way, strict=True):
        picture[y : y + 5, x : x + 5] = (220, 200, 180) * views
    return shown + rng.integers(0, 10, shown.shape, np.uint8)


def tinted(shown: np.ndarray) -> np.ndarray:
    return (shown * np.resize([0.3, 0.6, 1.0], shown.shape[-1])).astype(np.uint8)


def write(path, films, **settings):
    with BagWriter(path, rate_hz=HZ, **settings) as bag:
        for shown in films:
            bag.write_episode(shown)
    return path


def by_hand(policy: Policy, shown: np.ndarray) -> np.ndarray:
    """Actions (T, A), one step after the other, as an evaluation stacks."""
    stack = [shown[0].transpose(2, 0, 1)] * STACK
    actions = []
    for k, picture in enumerate(shown):
        stack = [*stack[1:], picture.transpose(2, 0, 1)] if k else stack
        actions.append(policy.act(np.concatenate(stack)[None])[0])
    return np.array(actions)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Policies that look and do not look, and films of three episodes."""
    place = tmp_path_factory.mktemp('place')
    make_policy().save(place / 'looks.safetensors')
    make_policy(gain=0.0).save(place / 'blind.safetensors')
    films = [film(k, steps) for k, steps in enumerate((40, 70, 30))]
    write(place / 'plain', films)
    write(place / 'tinted', [tinted(shown) for shown in films])
    write(place / 'other', [film(k, 50) for k in (7, 8)])
    return place


def evaluate(capsys, *words) -> tuple[int, str, str]:
    code = cli.main(['eval', *map(str, words)])
    return code, *capsys.readouterr()


def told(capsys, *words) -> dict:
    code, out, err = evaluate(capsys, *words, '--json')
    assert code == 0, err
    return json.loads(out)


def refused(capsys, *words) -> str:
    code, _, err = evaluate(capsys, *words)
    assert code == 2 and err.count('\n') == 1
    return err


def test_figures_are_those_of_a_plain_loop(place, capsys):
    policy = Policy.load(place / 'looks.safetensors')
    films = [film(k, steps) for k, steps in enumerate((40, 70, 30))]
    actions = [by_hand(policy, shown) for shown in films]
    for shown, expected in zip(films, actions, strict=True):
        np.testing.assert_allclose(playback.act(policy, shown), expected, atol=1e-5)
    found = told(capsys, place / 'looks.safetensors', '--bag', place / 'plain')
    bag, every = found['bag'], np.concatenate(actions)
    assert (bag['episodes'], bag['steps'], found['rate_hz']) == (3, 140, HZ)
    steps = np.concatenate([np.abs(np.diff(a, axis=0)) for a in actions])
    for name, expected in (
        ('mean', every.mean(0)), ('std', every.std(0)), ('step_change', steps.mean(0)),
        ('saturated', (np.abs(every) > 0.99).mean(0)),
    ):  # fmt: skip
        np.testing.assert_allclose(bag[name], expected, atol=1e-5)
    pairs = [np.abs(a - b).mean() for a, b in itertools.combinations(every, 2)]
    assert bag['between_moments'] == pytest.approx(np.mean(pairs), abs=1e-5)
    grey = policy.act(np.full((1, 3 * STACK, SIZE, SIZE), 128, np.uint8))
    first = [np.repeat(by_hand(policy, shown[:1]), len(shown), 0) for shown in films]
    for name, other in (('masked', grey), ('frozen', np.concatenate(first))):
        response = bag['responses'][name]
        assert response['change'] == pytest.approx(np.abs(every - other).mean(), abs=1e-5)
        assert response['relative'] == pytest.approx(response['change'] / np.mean(pairs), abs=1e-3)


def test_a_policy_without_colours_sees_none(place, capsys, tmp_path):
    policy = make_policy(observation='grayscale')
    policy.save(tmp_path / 'grey.safetensors')
    found = told(capsys, tmp_path / 'grey.safetensors', '--bag', place / 'tinted')['bag']
    greys = [observe_episode('grayscale', tinted(film(k, n))) for k, n in enumerate((40, 70, 30))]
    every = np.concatenate([by_hand(policy, shown) for shown in greys])
    np.testing.assert_allclose(found['mean'], every.mean(0), atol=1e-5)


def test_a_policy_that_looks_gets_no_verdict(place, capsys):
    found = told(capsys, place / 'looks.safetensors', '--bag', place / 'plain')['bag']
    assert all(response['change'] > 0.02 for response in found['responses'].values())
    assert found['verdict'] == ''


def test_a_blind_policy_is_told_so(place, capsys):
    found = told(capsys, place / 'blind.safetensors', '--bag', place / 'plain')['bag']
    none = {'change': 0.0, 'relative': None}
    assert found['responses'] == {'masked': none, 'frozen': none, 'swapped': none}
    assert found['between_moments'] == 0 and found['std'] == pytest.approx([0] * ACTIONS, abs=1e-7)
    code, out, _ = evaluate(capsys, place / 'blind.safetensors', '--bag', place / 'plain')
    assert code == 0 and 'the actions hardly depend on the pictures' in out


def test_swapped_pictures_are_those_of_other_moments(place):
    rng = np.random.default_rng(0)
    for count in (2, 3, 17):
        where = playback.another_moment(count, rng)
        assert sorted(where) == list(range(count)) and (where != np.arange(count)).all()
    policy, shown = Policy.load(place / 'looks.safetensors'), film(3)
    (found,) = (playback._tampered(policy, [shown], [None])['swapped'],)
    where = playback.another_moment(len(shown), np.random.default_rng(0))
    np.testing.assert_allclose(found, by_hand(policy, shown[where]), atol=1e-5)


def test_the_same_film_has_no_gap_and_a_tinted_one_has(place, capsys):
    bag = ('--bag', place / 'plain')
    same = told(capsys, place / 'looks.safetensors', *bag, '--expert', place / 'plain')
    assert same['gap'] == {'mean_distance': 0, 'probe_accuracy': 0.5, 'held_out': 'episodes'}
    assert same['expert'] == same['bag']
    tint = told(capsys, place / 'looks.safetensors', *bag, '--expert', place / 'tinted')['gap']
    assert tint['mean_distance'] > 0.8 and tint['probe_accuracy'] > 0.95
    code, out, _ = evaluate(capsys, place / 'looks.safetensors', *bag, '--expert', place / 'other')
    assert code == 0 and 'told apart by a linear probe' in out
    assert out.count('mean change of the actions') == 2


def test_other_films_of_one_look_have_a_small_gap(place, capsys):
    words = (place / 'looks.safetensors', '--bag', place / 'plain', '--expert', place / 'other')
    assert told(capsys, *words)['gap']['mean_distance'] < 0.5


def test_sets_of_one_episode_are_compared_by_blocks_of_time():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 600, 5))
    gap = latent_gap([one], [other[:400]])
    assert gap.held_out == 'blocks of time'
    assert gap.probe_accuracy == pytest.approx(0.5, abs=0.06) and gap.mean_distance < 0.15
    shifted = latent_gap([one], [other + 4])
    # 4 along each of 5 axes, over a spread of the square root of 5
    assert shifted.mean_distance == pytest.approx(4, abs=0.15) and shifted.probe_accuracy > 0.99
    flat = latent_gap([np.ones((9, 3))], [np.ones((5, 3))])
    assert flat.mean_distance is None and flat.probe_accuracy == 0.5


def test_two_cameras_by_name_and_by_default(tmp_path, capsys):
    cameras = ('fixed', 'cam0')
    make_policy(views=2, cameras=cameras).save(tmp_path / 'two.safetensors')
    topics = tuple(f'/camera/{camera}/image_raw' for camera in cameras)
    shown = film(0, views=2)
    write(tmp_path / 'bag', [shown], topics=topics)
    found = told(capsys, tmp_path / 'two.safetensors', '--bag', tmp_path / 'bag')
    named = told(capsys, tmp_path / 'two.safetensors', '--bag', tmp_path / 'bag',
                 '--topic', ','.join(topics))  # fmt: skip
    assert named == found
    every = by_hand(Policy.load(tmp_path / 'two.safetensors'), shown)
    np.testing.assert_allclose(found['bag']['mean'], every.mean(0), atol=1e-5)
    wrong = refused(capsys, tmp_path / 'two.safetensors', '--bag', tmp_path / 'bag',
                    '--topic', topics[0])  # fmt: skip
    assert 'has 2 cameras, but 1 topics are named' in wrong


def test_what_does_not_fit_is_refused(place, capsys, tmp_path):
    looks, bag = place / 'looks.safetensors', ('--bag', place / 'plain')
    for option, value in (('--episodes', 3), ('--seed', 0), ('--domain', 'light/target')):
        assert f'{option} is {value}, but leave it out' in refused(
            capsys, looks, *bag, option, value
        )
    for option, value in (('--topic', '/a'), ('--rate-hz', 3.0), ('--expert', place / 'plain')):
        assert f'{option} is {value}, but it needs --bag' in refused(capsys, looks, option, value)
    make_policy(proprio=5).save(tmp_path / 'feels.safetensors')
    assert 'no sensor_msgs/msg/JointState on /joint_states' in refused(
        capsys, tmp_path / 'feels.safetensors', *bag
    )
    assert 'no image topic' in refused(capsys, looks, *bag, '--topic', '/nowhere')
    assert 'rate_hz is 0.0' in refused(capsys, looks, *bag, '--rate-hz', 0)


def test_an_old_policy_needs_the_rate(place, capsys, tmp_path):
    make_policy(told={}).save(tmp_path / 'old.safetensors')
    words = (tmp_path / 'old.safetensors', '--bag', place / 'plain')
    assert 'without control_hz; give --rate-hz' in refused(capsys, *words)
    found = told(capsys, *words, '--rate-hz', HZ / 2)
    assert found['bag']['steps'] == 20 + 35 + 15
    assert found['rate_hz'] == HZ / 2


def test_the_simulator_shows_the_cameras_of_the_policy(capsys, tmp_path):
    policy = make_policy(
        views=2, proprio=24, actions=24, task='adroit_pen', domain='light/target',
        cameras=('vil_camera', 'fixed'),
    )  # fmt: skip
    policy.save(tmp_path / 'pen.safetensors')
    found = told(capsys, tmp_path / 'pen.safetensors', '--episodes', 1)
    assert found['cameras'] == ['vil_camera', 'fixed'] and found['episodes'] == 1


def felt_film(path, shown, names, rate_hz=50.0, begins_s=0.0, **changes):
    """Record a film with joint states beside it; returns what was felt when, (N, P)."""
    count = int(len(shown) / HZ * rate_hz) + 5
    felt = np.random.default_rng(5).uniform(-1, 1, (count, len(names)))
    recorder = Recorder(path)
    recorder.add_topic('/camera/image_raw', 'sensor_msgs/msg/Image')
    recorder.add_topic('/joint_states', 'sensor_msgs/msg/JointState')
    types = get_typestore(Stores.ROS2_JAZZY)
    kinds = types.types

    def header(at_s):
        at_ns = round((100 + at_s) * 1e9)
        stamp = kinds['builtin_interfaces/msg/Time'](*divmod(at_ns, 10**9))
        return at_ns, kinds['std_msgs/msg/Header'](stamp, '')

    order = list(range(len(names)))[::-1]  # as in no contract
    for k, numbers in enumerate(felt):
        at_ns, head = header(begins_s + k / rate_hz)
        message = kinds['sensor_msgs/msg/JointState'](
            head, [names[j] for j in order], *(numbers[order] if f == changes.get('field', 0)
                                               else np.zeros(0) for f in range(3))
        )  # fmt: skip
        data = types.serialize_cdr(message, 'sensor_msgs/msg/JointState')
        recorder.write('/joint_states', at_ns, data)
    for k, picture in enumerate(shown):
        at_ns, head = header(k / HZ)
        height, width, _ = picture.shape
        message = kinds['sensor_msgs/msg/Image'](
            head, height, width, 'rgb8', 0, 3 * width, picture.reshape(-1)
        )
        data = types.serialize_cdr(message, 'sensor_msgs/msg/Image')
        recorder.write('/camera/image_raw', at_ns, data)
    recorder.close()
    return felt


NAMES = ('proprio_0', 'proprio_1')


@pytest.mark.parametrize('late_steps', [0, 4])
def test_a_policy_that_feels_is_played_with_its_joints(tmp_path, capsys, late_steps):
    policy, shown = make_policy(proprio=2, gain=3.0), film(0)
    policy.save(tmp_path / 'policy.safetensors')
    felt = felt_film(tmp_path / 'bag', shown, NAMES, begins_s=late_steps / HZ)
    found = told(capsys, tmp_path / 'policy.safetensors', '--bag', tmp_path / 'bag')['bag']
    actions, stack = [], []
    for k in range(late_steps, len(shown)):
        planar = shown[k].transpose(2, 0, 1)
        stack = [*stack[1:], planar] if stack else [planar] * STACK
        newest = int((k - late_steps) / HZ * 50.0 + 1e-6)  # every 20 ms, a step every 50 ms
        own = felt[newest : newest + 1].astype(np.float32)
        actions.append(policy.act(np.concatenate(stack)[None], own)[0])
    assert found['steps'] == len(shown) - late_steps
    np.testing.assert_allclose(found['mean'], np.mean(actions, 0), atol=1e-5)
    np.testing.assert_allclose(found['std'], np.std(actions, 0), atol=1e-5)
    assert all(response['change'] > 0 for response in found['responses'].values())


@pytest.mark.parametrize(
    ('settings', 'line'),
    [
        ({'names': ('proprio_0', 'proprio_2')}, 'there is no position of joint proprio_1'),
        ({'names': NAMES, 'field': 1}, 'there is no position of joint proprio_0'),
        ({'names': NAMES, 'begins_s': 99.0}, 'no joint states at the time of the pictures'),
    ],
)
def test_joints_that_do_not_fit_are_named(tmp_path, capsys, settings, line):
    make_policy(proprio=2).save(tmp_path / 'policy.safetensors')
    felt_film(tmp_path / 'bag', film(0), **settings)
    assert line in refused(capsys, tmp_path / 'policy.safetensors', '--bag', tmp_path / 'bag')


@pytest.mark.parametrize('form', ['onnx', 'torchscript'])
def test_an_export_is_played_as_its_checkpoint(place, capsys, tmp_path, form):
    policy = Policy.load(place / 'looks.safetensors')
    agreed = contract.of_policy(policy.metadata)
    file = tmp_path / f'policy{export.SUFFIXES[form]}'
    file.write_bytes(export.export(policy, agreed, form))
    bag = ('--bag', place / 'plain')
    mine, theirs = (told(capsys, f, *bag)['bag'] for f in (file, place / 'looks.safetensors'))
    for name in ('mean', 'std', 'step_change'):
        np.testing.assert_allclose(mine[name], theirs[name], atol=1e-4)
    assert mine['steps'] == theirs['steps']
    line = refused(capsys, file, *bag, '--expert', place / 'other')
    assert 'an export does not show' in line


def test_an_export_crops_as_its_contract_says(place, capsys, tmp_path):
    policy = Policy.load(place / 'looks.safetensors')
    known = contract.of_policy(policy.metadata)
    camera = dataclasses.replace(known.cameras[0], crop=(2, 2, 8, 8))
    agreed = dataclasses.replace(known, cameras=(camera,))
    (tmp_path / 'policy.onnx').write_bytes(export.export(policy, agreed, 'onnx'))
    found = told(capsys, tmp_path / 'policy.onnx', '--bag', place / 'plain')['bag']
    cropped = [
        np.stack([prepare(picture, FrameSpec(SIZE, (2, 2, 8, 8))) for picture in film(k, steps)])
        for k, steps in enumerate((40, 70, 30))
    ]
    every = np.concatenate([by_hand(policy, shown) for shown in cropped])
    np.testing.assert_allclose(found['mean'], every.mean(0), atol=1e-4)
