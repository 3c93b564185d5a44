"""`train_sim`: simulator, policy and learner."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claifo.arguments import pairs
from claifo.environments import env_spec
from claifo.films import Film, film_place
from claifo.graphs.composition import Argument, Graph, Process
from claifo.presets import configured, default_run_dir, find_preset
from claifo_core.config import TrainConfig, settings
from claifo_core.errors import ClaifoError

_LEARNER_GRACE_S = 120.0


def read_config(values: Mapping[str, Any]) -> tuple[TrainConfig, Path | None]:
    """Return the configuration that the arguments describe, and the preset it comes from.

    Raises:
        ClaifoError: Preset, option or value do not exist.
    """
    preset = find_preset(values['config']) if values['config'] else None
    options = pairs(shlex.split(values['options']), '=')
    named = {
        'env.task': values['task'], 'env.domain': values['domain'], 'seed': values['seed'],
        'steps': values['steps'], 'device': values['device'], 'expert.bag': values['expert_bag'],
    }  # fmt: skip
    options |= {name: value for name, value in named.items() if value}
    return configured(preset, options, source=str(preset or 'arguments')), preset


def as_parameter(value: Any) -> Any:  # noqa: ANN401 (any option)
    """Return an option as a ROS parameter can hold it: no null, no tuples."""
    if value is None:
        return ''
    return list(value) if isinstance(value, tuple) else value


def parameters(config: TrainConfig) -> dict[str, Any]:
    """Return the options in which a configuration differs from the defaults, by dotted name."""
    pairs = zip(settings.options(config), settings.options(), strict=True)
    return {
        name: as_parameter(value)
        for (name, value, _), (_, default, _) in pairs
        if value != default
    }


def _record(config: TrainConfig, bag: Path, episodes: str) -> Process:
    command = (*Film.of(config).words(), '--episodes', episodes, '--out', str(bag))
    return Process('claifo', 'expert', args=command, before=True)


def compose(values: Mapping[str, Any]) -> list[Process]:
    """Return the processes of a training."""
    config, preset = read_config(values)
    env_spec(config.env)  # misspelt? say so before anything starts
    run_dir = values['run_dir'] or str(default_run_dir(config, preset))
    bag = film_place(config)
    learner = parameters(config) | {'run_dir': run_dir, 'expert.bag': str(bag)}
    env = {
        name.removeprefix('env.'): value
        for name, value in parameters(config).items() if name.startswith('env.')
    }  # fmt: skip
    first = [_record(config, bag, values['expert_episodes'])] if not bag.exists() else []
    if first and config.expert.bag:
        raise ClaifoError(f'{bag}: no such expert bag; leave expert_bag away to record one')
    return [
        *first,
        Process('sim_node', 'sim', env | {'seed': config.seed, 'wait_for_budget': True}),
        Process('policy_node', 'policy', {'explore': True, 'seed': config.seed}, restart=True),
        Process('learner_node', 'learner', learner, restart=True, grace_s=_LEARNER_GRACE_S),
    ]


TRAIN_SIM = Graph(
    'train_sim',
    'learn a policy in simulation from the films of an expert',
    (
        Argument('config', '', 'preset: a YAML file, or a name from config/; empty: the defaults'),
        Argument('task', '', 'task (claifo tasks); empty: that of the preset'),
        Argument('domain', '', 'how the agent sees its world; empty: that of the preset'),
        Argument('expert_bag', '', 'films of the expert; empty: they are recorded first'),
        Argument('expert_episodes', '10', 'episodes to record, where there are no films'),
        Argument('run_dir', '', 'folder of the run; empty: runs/PRESET_seedN'),
        Argument('seed', '', 'of everything random; empty: that of the preset'),
        Argument('steps', '', 'steps to train; empty: those of the preset'),
        Argument('device', '', 'where to learn', ('', 'auto', 'cpu', 'cuda')),
        Argument('options', '', "more options of claifo train, as 'agent.n_step=3 minutes=10'"),
    ),
    compose,
)
