"""Parameters: from the dataclasses of the configuration, with reasons when refused."""

from __future__ import annotations

import dataclasses

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

from claifo_core.config import EnvConfig, ExpertConfig, TrainConfig, settings
from claifo_core.errors import ClaifoError
from claifo_nodes import params


def test_every_option_of_a_run_is_a_parameter(ros):
    ros()
    node = Node('learner')
    assert params.declare_config(node, TrainConfig) == TrainConfig()
    for name, default, field in settings.options():
        value = node.get_parameter(name).value
        assert list(value or []) == list(default or []) if isinstance(
            default, tuple | None
        ) else value == default, name
        told = node.describe_parameter(name)
        assert told.read_only
        assert told.description.startswith(field.metadata['help'])
        assert field.metadata['unit'] in told.description


def test_ranges_and_choices_can_be_seen(ros):
    ros()
    node = Node('sim')
    params.declare_config(node, EnvConfig)
    size = node.describe_parameter('size_px').integer_range[0]
    assert (size.from_value, size.to_value) == (16, 512)
    assert node.describe_parameter('episode_steps').integer_range[0].to_value == 2**63 - 1
    assert node.describe_parameter('profile').additional_constraints == 'one of fast, faithful'
    params.declare(node, 'rate', 1.0, 'speed', low=0.5, unit='Hz')
    rate = node.describe_parameter('rate')
    assert rate.floating_point_range[0].from_value == 0.5
    assert rate.description == 'speed (Hz)'


def test_values_of_the_command_line_arrive_in_their_types(ros):
    ros({'env.task': 'point_mass_easy', 'steps': 400, 'minutes': 5, 'expert.crop': [1, 2, 30, 40],
         'augment.brightness': [1.0, 2.5], 'network.strides': [2, 1]})  # fmt: skip
    config = params.declare_config(Node('learner'), TrainConfig)
    default = TrainConfig()
    assert config == dataclasses.replace(
        default,
        env=dataclasses.replace(default.env, task='point_mass_easy'),
        steps=400,
        minutes=5.0,
        expert=dataclasses.replace(default.expert, crop=(1, 2, 30, 40)),
        augment=dataclasses.replace(default.augment, brightness=(1.0, 2.5)),
        network=dataclasses.replace(default.network, strides=(2, 1)),
    )
    assert isinstance(config.minutes, float)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'size_px': 8}, 'parameter size_px of sim is 8; it must be from 16 to 512'),
        ({'size_px': 'big'}, "parameter size_px of sim is 'big'; a whole number is needed"),
        ({'size_px': 64.5}, 'parameter size_px of sim is 64.5; a whole number is needed'),
        ({'num_envs': True}, 'parameter num_envs of sim is True; a whole number is needed'),
        ({'episode_steps': -1}, 'parameter episode_steps of sim is -1; it must be at least 0'),
        ({'task': 5}, 'parameter task of sim is 5; a word is needed'),
        ({'profile': 'fats'}, r"is 'fats' \(did you mean fast\?\); it must be one of fast, fai"),
    ],
)
def test_wrong_values_are_told_with_the_way_out(ros, given, message):
    ros(given)
    with pytest.raises(ClaifoError, match=message) as caught:
        params.declare_config(Node('sim'), EnvConfig)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'crop': [1, 2, 3]}, r'crop of player is \[1, 2, 3\]; a list of 4 int'),
        ({'crop': 7}, 'crop of player is 7; a list of 4 int'),
        ({'crop': 'all'}, "crop of player is 'all'; a list of 4 int"),
        ({'crop': [1, 2, 3, -4]}, r'crop of player is \[1, 2, 3, -4\]; it must be at least 0'),
        ({'crop': [1.5, 2.0, 3.0, 4.0]}, 'crop of player is 1.5; a whole number'),
        ({'gap_s': 0}, 'gap_s of player is 0; it must be at least 0.001'),
        ({'split': 'day'}, "split of player is 'day'; it must be one of bag, gap, marker"),
    ],
)
def test_wrong_arrays_and_floats(ros, given, message):
    ros(given)
    with pytest.raises(ClaifoError, match=message):
        params.declare_config(Node('player'), ExpertConfig)


@pytest.mark.parametrize('crop', ['1,2,30,40', '[1, 2, 30, 40]', [1, 2, 30, 40]])
def test_arrays_may_be_spelled(ros, crop):
    ros({'crop': crop})
    assert params.declare_config(Node('player'), ExpertConfig).crop == (1, 2, 30, 40)


def test_words(ros):
    ros({'topics': ['/a', '/b']})
    node = Node('recorder')
    assert params.declare(node, 'topics', ['/c'], 'what is recorded') == ['/a', '/b']
    assert params.declare(node, 'others', ['/c'], 'what is not') == ['/c']


def test_options_that_contradict_each_other(ros):
    ros({'seed_steps': 5, 'env.num_envs': 8})
    with pytest.raises(ClaifoError, match='parameters of learner: seed_steps is 5'):
        params.declare_config(Node('learner'), TrainConfig)


def test_a_number_that_is_none(ros):
    ros({'noise': float('nan')})
    with pytest.raises(ClaifoError, match='noise'):
        params.declare(Node('policy'), 'noise', 1.0, 'noise', low=0)


def test_what_is_read_only_stays(ros):
    ros({'rate': 2})
    node = Node('player')
    assert params.declare(node, 'rate', 1.0, 'speed', low=0) == 2.0
    assert params.declare(node, 'loop', False, 'again', read_only=False) is False
    rate, loop = node.set_parameters([Parameter('rate', value=3.0), Parameter('loop', value=True)])
    assert not rate.successful
    assert loop.successful
    assert node.get_parameter('rate').value == 2.0
    assert node.get_parameter('loop').value is True


def test_an_empty_list_from_outside_means_the_default(ros):
    ros({'cameras': [], 'topics': []})
    node = Node('sim')
    assert params.declare_config(node, EnvConfig).cameras == EnvConfig().cameras
    assert params.declare(node, 'topics', ['/camera'], 'topics') == ['/camera']
    assert node.get_parameter('topics').value == ['/camera']
