"""The presets name worlds that there are, and the protocol of the paper."""

from __future__ import annotations

from pathlib import Path

from claifo_core.config import settings
from claifo_sim import EnvSpec, task_info

ROOT = Path(__file__).resolve().parents[2]


def test_every_preset_names_a_world_that_there_is():
    paths = sorted((ROOT / 'config').glob('*.yaml'))
    presets = [settings.load(path) for path in paths if not path.stem.startswith('study_')]
    assert len(presets) > 15
    for config in presets:
        EnvSpec(config.env.task, config.env.domain, cameras=config.env.cameras)
        assert config.env.size_px <= 84


def test_the_adroit_presets_are_the_protocol_of_the_paper():
    scales = {'door': 1 / 20, 'hammer': 1 / 100, 'pen': 1 / 50, 'relocate': 1 / 30}
    for path in (ROOT / 'config').glob('adroit_*.yaml'):
        config = settings.load(path)
        agent = config.agent
        assert agent.env_reward_scale * 1 == round(scales[task_info(config.env.task).scene], 5)
        assert (agent.batch_size, agent.n_step, agent.reward) == (256, 3, 'imitation+env')
        assert agent.discriminator_learning_rate == 4e-4
        assert (config.env.proprio, config.env.size_px, config.env.frame_stack) == (True, 84, 3)
