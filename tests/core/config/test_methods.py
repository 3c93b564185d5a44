"""Every named method: changes the options it says, trains, and resumes bit for bit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from test_checkpoint import assert_same, save
from toy_world import Session, small_config

from claifo_core.config import settings
from claifo_core.config.methods import METHODS, method, title
from claifo_core.errors import ClaifoError
from claifo_core.training.checkpoint import Checkpoint

ROOT = Path(__file__).parents[3]
# What contradicts most methods: one graded view for everything, a least-squares discriminator.
DEMO = {
    'agent__encoder_step': 'joint', 'agent__share_views': True, 'agent__gan_loss': 'least_squares',
    'augment__apply': 'everywhere', 'augment__draw': 'sample', 'augment__shift_too': True,
}  # fmt: skip


def options_of(name: str) -> dict[str, object]:
    options = {key.replace('.', '__'): value for key, value in METHODS[name].overrides.items()}
    if options.get('agent__offline_updates'):
        options['agent__offline_updates'] = 2
    return options


@pytest.mark.parametrize('preset', ['demo', 'dmc_walker_light', 'adroit_door_light'])
def test_a_method_changes_what_it_says_and_nothing_else(preset):
    values = settings.read_yaml(ROOT / 'config' / f'{preset}.yaml')
    base = settings.from_dict(values)
    for name, entry in METHODS.items():
        config = settings.from_dict(settings.merge(values, entry.overrides))
        had = {key: value for key, value, _ in settings.options(base)}
        has = {key: value for key, value, _ in settings.options(config)}
        wanted = {**had, **entry.overrides}
        assert has == wanted, name


@pytest.mark.parametrize('base', [{}, DEMO], ids=['paper', 'demo'])
@pytest.mark.parametrize('name', METHODS)
def test_it_trains_and_resumes_bit_for_bit(tmp_path, name, base):
    """The statistics of judges and the slow copies of BYOL are part of a checkpoint."""
    options = {**base, **options_of(name)}
    whole = Session(small_config(**options)).run(46)
    whole.interrupt()
    save(whole, tmp_path)
    metrics = whole.run(52).learner.take_metrics()
    assert whole.learner.updates == 7 + options.get('agent__offline_updates', 0)
    assert all(map(math.isfinite, metrics.values())), metrics
    resumed = Session(small_config(**options))
    resumed.episodes = Checkpoint(tmp_path).load(resumed.learner)['episodes']
    assert_same(resumed.run(52), whole)


def test_all_methods_start_from_the_same_encoder_actor_and_critic():
    """So that a comparison with one seed is a paired one."""
    first = Session(small_config()).learner.tensors()
    for name in ('patchail', 'disentangail', 'byol', 'projection', 'drqv2', 'claifo_mi', 'bisim',
                 'bc', 'vrl3'):
        tensors = Session(small_config(**options_of(name))).learner.tensors()
        for key, value in first.items():
            if key.startswith(('encoder', 'actor', 'critic', 'target_critic')):
                assert value.equal(tensors[key]), (name, key)


def test_figures_of_every_method_are_on_the_same_axes():
    shared = {
        'critic_loss', 'actor_loss', 'q_mean', 'action_abs', 'encoder_gradient', 'reward_mean',
        'reward_std', 'reward_rank', 'discriminator_loss', 'discriminator_gradient',
        'discriminator_entropy',
        'discriminator_expert_accuracy', 'discriminator_agent_accuracy', 'discriminator_expert',
        'discriminator_agent',
    }  # fmt: skip
    for name in ('claifo', 'laifo', 'patchail', 'disentangail', 'byol'):
        metrics = Session(small_config(**options_of(name))).run(44).learner.take_metrics()
        assert shared <= metrics.keys(), name
        assert 0 <= metrics['discriminator_entropy'] <= 1
        assert metrics['discriminator_gradient'] > 0 and metrics['encoder_gradient'] > 0


def test_runs_are_called_what_they_are():
    names = {
        name: title(small_config(**options_of(name)).agent)
        for name in ('claifo', 'laifo', 'byol', 'patchail_aug', 'disentangail', 'drqv2',
                     'claifo_mi', 'bisim', 'bc', 'vrl3')
    }
    assert names == {
        'claifo': 'C-LAIfO', 'laifo': 'LAIfO', 'byol': 'C-LAIfO with BYOL',
        'patchail_aug': 'PatchAIL-W', 'disentangail': 'DisentanGAIL',
        'drqv2': 'DrQ-v2 with the true reward', 'claifo_mi': 'C-LAIfO, domain hidden',
        'bisim': 'LAIfO, bisimulation', 'bc': 'Behaviour cloning',
        'vrl3': 'VRL3 without ImageNet',
    }  # fmt: skip


def test_a_baseline_is_short():
    for path in (ROOT / 'claifo_core' / 'baselines').glob('*.py'):
        assert len(path.read_text().splitlines()) <= 150, path


def test_a_misspelt_method_is_named_with_the_nearest():
    with pytest.raises(ClaifoError, match=r'patchial: no such method.*patchail') as caught:
        method('patchial')
    assert '\n' not in str(caught.value)
