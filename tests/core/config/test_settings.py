"""Configurations: YAML and back, ranges, and errors that name the key and the way out."""

from __future__ import annotations

import dataclasses

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.config import TrainConfig, settings
from claifo_core.errors import ClaifoError

OPTIONS = {name: (default, field) for name, default, field in settings.options()}


def values_of(name: str) -> st.SearchStrategy:
    """Return valid values of an option, made from its declared range alone."""
    default, field = OPTIONS[name]
    rule = field.metadata
    low, high = rule['low'], rule['high']
    if rule['choices']:
        return st.sampled_from(rule['choices'])
    if name == 'expert.crop':
        return st.none() | st.tuples(*[st.integers(0, 500)] * 4)
    if name == 'network.strides':
        return st.lists(st.integers(1, 3), min_size=1, max_size=5).map(tuple)
    if name == 'env.cameras':
        return st.lists(st.text('abc_1', min_size=1, max_size=5), max_size=3).map(tuple)
    if name == 'augment.brightness':
        return st.tuples(*[st.floats(0, 10)] * 2)
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(low, high if high is not None else 10**7)
    if isinstance(default, float):
        return st.floats(low, high if high is not None else 1e6)
    return st.text(max_size=12)


NEEDY = {
    'agent.share_views', 'agent.critic_gradient', 'agent.judge', 'agent.hide_domain',
    'agent.bisimulation', 'agent.cloning', 'agent.demonstrations', 'agent.offline_updates',
    'agent.random_constraint', 'network.projection', 'network.contrast', 'seed_steps',
    'env.num_envs', 'agent.n_step',
}  # fmt: skip


@st.composite
def nested(draw) -> dict:
    """Return a mapping of a few options, as a preset would hold it."""
    values: dict = {}
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=8, unique=True)):
        # What these need of other options has tests of its own.
        if name not in NEEDY:
            *sections, key = name.split('.')
            place = values
            for section in sections:
                place = place.setdefault(section, {})
            place[key] = draw(values_of(name))
    return values


def get(config: TrainConfig, name: str) -> object:
    value: object = config
    for part in name.split('.'):
        value = getattr(value, part)
    return value


@given(values=nested())
def test_yaml_gives_back_the_same_configuration(values, tmp_path_factory):
    config = settings.from_dict(values)
    path = tmp_path_factory.getbasetemp() / 'round_trip.yaml'
    path.write_text(settings.dump(config))
    assert settings.load(path) == config
    assert settings.from_dict(settings.to_dict(config)) == config


@given(data=st.data(), name=st.sampled_from(sorted(OPTIONS)))
def test_words_of_the_command_line_mean_what_yaml_means(data, name):
    value = data.draw(values_of(name))
    if name in NEEDY:
        return
    word = 'null' if value is None else str(value)
    if isinstance(value, tuple):
        word = ','.join(map(str, value))
    config = settings.from_dict(settings.merge({}, {name: word}))
    assert get(config, name) == value


def test_what_is_not_named_keeps_its_default():
    config = settings.from_dict({'env': {'task': 'reacher_easy'}})
    changed = settings.differences(config, TrainConfig())
    assert changed == ['env.task: reacher_easy, not walker_walk']
    assert settings.differences(TrainConfig(), TrainConfig()) == []


def test_merge_puts_words_over_a_preset_and_leaves_it_unchanged():
    preset = {'steps': 500, 'agent': {'n_step': 3, 'discount': 0.9}}
    words = {'agent.n_step': '2', 'seed': '7', 'network.strides': '2,1'}
    config = settings.from_dict(settings.merge(preset, words))
    assert (config.steps, config.seed, config.network.strides) == (500, 7, (2, 1))
    assert (config.agent.n_step, config.agent.discount) == (2, 0.9)
    assert preset == {'steps': 500, 'agent': {'n_step': 3, 'discount': 0.9}}


WRONG = [
    ({'agnet': {}}, r'unknown key agnet \(did you mean agent\?\)'),
    ({'agent': {'discont': 0.9}}, r'unknown key agent.discont \(did you mean discount\?\)'),
    ({'zzzzqq': 1}, 'unknown key zzzzqq'),
    ({'env': {'size_px': 8}}, 'env.size_px is 8; it must be from 16 to 512'),
    ({'agent': {'discount': 1.5}}, 'agent.discount is 1.5; it must be from 0 to 1'),
    ({'agent': {'discount': float('nan')}}, 'agent.discount is nan'),
    ({'agent': {'batch_size': 1}}, 'agent.batch_size is 1; it must be at least 2'),
    ({'agent': {'batch_size': 2.5}}, 'agent.batch_size is 2.5; a whole number is needed'),
    ({'agent': {'batch_size': 'many'}}, "agent.batch_size is 'many'; a whole number is needed"),
    ({'agent': {'batch_size': True}}, 'agent.batch_size is True; a whole number is needed'),
    ({'agent': {'batch_size': None}}, 'agent.batch_size is None; a whole number is needed'),
    ({'agent': {'learning_rate': 'x'}}, "agent.learning_rate is 'x'; a number is needed"),
    ({'agent': {'reward': 'soft'}}, "agent.reward is 'soft'; it must be one of imitation, "),
    ({'augment': {'brightness': [1, 2, 3]}}, r'augment.brightness is \[1, 2, 3\]; a list of 2'),
    ({'augment': {'brightness': 3}}, 'augment.brightness is 3; a list of 2 float values'),
    ({'augment': {'brightness': [-1, 2]}}, r'augment.brightness is \(-1.0, 2.0\); it must be'),
    ({'augment': {'shift_too': 'perhaps'}}, "augment.shift_too is 'perhaps'; true or false"),
    ({'network': {'strides': []}}, r'network.strides is \[\]; a list of some int values'),
    ({'network': {'strides': [2, 0]}}, r'network.strides is \(2, 0\); it must be at least 1'),
    ({'expert': {'crop': '1,2,3'}}, "expert.crop is '1,2,3'; a list of 4 int values"),
    ({'agent': 3}, 'agent must be a mapping'),
    ({'agent': {'share_views': True}}, 'agent.share_views is true; it needs'),
    ({'agent': {'judge': 'patch', 'gan_loss': 'least_squares'}},
     'agent.gan_loss is least_squares; agent.judge: patch needs bce'),
    ({'agent': {'critic_gradient': False, 'contrastive': 'none'}},
     'agent.critic_gradient is false and agent.contrastive is none: nothing would train'),
    ({'agent': {'critic_gradient': False, 'bisimulation': 1}},
     'agent.bisimulation is 1.0 and agent.critic_gradient is false: the encoder is not stepped'),
    ({'agent': {'random_constraint': True}},
     'agent.random_constraint is true; it needs agent.judge: disentangled, not latent'),
    ({'network': {'contrast': 'features'}, 'agent': {'contrastive': 'byol'}},
     'network.contrast is features; it needs agent.contrastive: bilinear or cosine, not byol'),
    ({'agent': {'hide_domain': True}},
     'agent.hide_domain is true; it needs agent.contrastive_data: expert, not agent$'),
    ({'network': {'projection': 8}, 'agent': {'contrastive': 'byol'}},
     'network.projection is 8; it needs agent.contrastive: bilinear or cosine, not byol'),
    ({'seed_steps': 2, 'agent': {'n_step': 2}}, 'seed_steps is 2; it must exceed'),
    ({'replay_frames': 100, 'env': {'num_envs': 101}}, 'replay_frames is 100'),
]  # fmt: skip


@pytest.mark.parametrize(('values', 'message'), WRONG, ids=[str(v) for v, _ in WRONG])
def test_wrong_values_are_named_with_what_would_be_right(values, message):
    with pytest.raises(ClaifoError, match=f'^my.yaml: {message}') as caught:
        settings.from_dict(values, 'my.yaml')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('steps: [1, 2', 'not valid YAML'),
        ('- steps', 'top level must be a mapping'),
        ('just words', 'top level must be a mapping'),
        ('seed: !!python/object/apply:os.getpid []', 'not valid YAML'),
    ],
)
@pytest.mark.parametrize('words', [{}, {'seed': '3'}])
def test_files_that_are_no_preset(tmp_path, text, message, words):
    path = tmp_path / 'preset.yaml'
    path.write_text(text)
    with pytest.raises(ClaifoError, match=f'preset.yaml: {message}') as caught:
        settings.from_dict(settings.merge(settings.read_yaml(path), words), str(path))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('section', [3, None, 'word'])
def test_words_over_something_that_is_no_section(section):
    with pytest.raises(ClaifoError, match='agent must be a mapping'):
        settings.from_dict(settings.merge({'agent': section}, {'agent.n_step': '2'}))


def test_an_empty_file_is_the_defaults(tmp_path):
    path = tmp_path / 'empty.yaml'
    path.write_text('# nothing yet\n')
    assert settings.load(path) == TrainConfig()


def test_a_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / 'walker.yaml').write_text('')
    with pytest.raises(ClaifoError, match=r'waker.yaml: no such file \(did you mean .*walker'):
        settings.load(tmp_path / 'waker.yaml')


def test_every_option_says_what_it_is():
    assert len(OPTIONS) > 40
    for name, (default, field) in OPTIONS.items():
        rule = field.metadata
        assert rule['help'] and rule['help'][-1] != '.', name
        numeric = isinstance(default, (int, float)) and not isinstance(default, bool)
        assert not numeric or rule['low'] is not None, f'{name} has no lower bound'
        assert not rule['choices'] or default in rule['choices'], name


def test_sections_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().agent.n_step = 5  # type: ignore[misc]


def test_dump_is_plain_yaml():
    values = yaml.safe_load(settings.dump(TrainConfig()))
    assert values['augment']['brightness'] == [1.0, 4.0]
    assert values['expert']['crop'] is None
    assert list(values)[:2] == ['seed', 'device']
