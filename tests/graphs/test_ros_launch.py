"""The launch descriptions, built with stand-ins for the classes of ROS 2 that are named here.

The real `launch` cannot be installed by pip; this catches what would fail before it is even asked.
"""

from __future__ import annotations

import runpy
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from deployed import WORLD, write

from claifo.bags import BagWriter
from claifo.graphs import GRAPHS
from claifo_core.deploy import contract

ROOT = Path(__file__).parents[2]
NAMES = {
    'launch': ['LaunchDescription'],
    'launch.actions': ['DeclareLaunchArgument', 'EmitEvent', 'ExecuteProcess', 'OpaqueFunction',
                       'RegisterEventHandler'],
    'launch.event_handlers': ['OnProcessExit'],
    'launch.events': ['Shutdown'],
    'launch_ros': [],
    'launch_ros.actions': ['Node'],
    'launch_ros.parameter_descriptions': ['ParameterValue'],
}  # fmt: skip


class Stand:
    def __init__(self, *args, **settings):
        self.args, self.settings = args, settings


@pytest.fixture(autouse=True)
def launch(monkeypatch):
    for module, names in NAMES.items():
        made = types.ModuleType(module)
        for name in names:
            setattr(made, name, type(name, (Stand,), {}))
        monkeypatch.setitem(sys.modules, module, made)


def kind(action):
    return type(action).__name__


def described(graph):
    file = runpy.run_path(str(ROOT / 'launch' / f'{graph}.launch.py'))
    return file['generate_launch_description']().args[0]


def started(graph, **given):
    """Return the actions of a graph, as ros2 launch would get them."""
    *declared, function = described(graph)
    values = {a.args[0]: a.settings['default_value'] for a in declared} | given
    context = types.SimpleNamespace(launch_configurations=values, is_shutdown=False)
    return function.settings['function'](context, *function.settings['args']), context


@pytest.mark.parametrize('graph', GRAPHS)
def test_every_graph_has_a_launch_file_with_its_arguments(graph):
    *declared, function = described(graph)
    assert kind(function) == 'OpaqueFunction'
    assert [a.args[0] for a in declared] == [a.name for a in GRAPHS[graph].arguments]
    for argument in declared:
        choices = argument.settings['choices']
        assert choices is None or argument.settings['default_value'] in choices


def test_training_films_first_and_then_starts_three_nodes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    actions, context = started('train_sim', task='point_mass_easy', seed='3')
    assert [kind(a) for a in actions] == ['ExecuteProcess', 'RegisterEventHandler']
    assert actions[0].settings['cmd'][:4] == [sys.executable, '-m', 'claifo', 'expert']
    ended = actions[1].args[0].settings['on_exit']
    rest = ended(types.SimpleNamespace(returncode=0), context)
    nodes = [a for a in rest if kind(a) == 'Node']
    assert [n.settings['executable'] for n in nodes] == ['sim_node', 'policy_node', 'learner_node']
    (sim,) = nodes[0].settings['parameters']
    assert (sim['seed'], sim['wait_for_budget']) == (3, True)
    assert sim['task'].args == ('point_mass_easy',)
    assert sim['task'].settings == {'value_type': str}
    (failed,) = ended(types.SimpleNamespace(returncode=2), context)
    with pytest.raises(RuntimeError, match='expert ended with exit code 2'):
        failed.settings['function'](context)


def test_what_follows_the_end_of_a_node(tmp_path):
    with BagWriter(tmp_path / 'bag', rate_hz=10) as bag:
        bag.write_episode(np.zeros((3, 64, 64, 3), np.uint8))
    actions, context = started('train_sim', expert_bag=str(tmp_path / 'bag'))
    ends = [a.args[0].settings['on_exit'] for a in actions if kind(a) == 'RegisterEventHandler']
    sim, policy, _ = ends

    def after(end, code):
        return [kind(a) for a in end(types.SimpleNamespace(returncode=code), context)]

    assert after(policy, -9) == ['Node', 'RegisterEventHandler']
    assert after(sim, -9) == ['OpaqueFunction']
    assert after(sim, 0) == ['EmitEvent']
    context.is_shutdown = True
    assert after(policy, -9) == []


def test_a_deployment_with_its_simulated_robot(tmp_path):
    write(tmp_path)
    actions, _ = started(
        'deploy_policy', policy=str(tmp_path / 'policy.onnx'), robot=WORLD.task,
        limits=str(tmp_path / 'limits.yaml'),
    )  # fmt: skip
    nodes = [a.settings for a in actions if kind(a) == 'Node']
    assert [n['executable'] for n in nodes] == ['sim_node', 'safety_node', 'policy_node']
    (sim,) = nodes[0]['parameters']
    assert (sim['robot'], sim['action_repeat'], sim['size_px']) == (True, 10, 24)


def test_a_film_is_played_by_a_contract_that_is_written_for_it(tmp_path):
    write(tmp_path)
    with BagWriter(tmp_path / 'bag', rate_hz=10) as bag:
        bag.write_episode(np.zeros((3, 32, 32, 3), np.uint8))
    actions, _ = started(
        'replay_expert', policy=str(tmp_path / 'policy.onnx'), bag=str(tmp_path / 'bag')
    )
    policy = next(a.settings for a in actions if kind(a) == 'Node')
    (given,) = policy['parameters']
    (path,) = given['contract'].args
    assert contract.load(path).cameras[0].width == 32
    assert given['use_sim_time'] is True


def test_with_security_every_node_has_its_enclave(tmp_path, monkeypatch):
    write(tmp_path)
    given = {'policy': str(tmp_path / 'policy.onnx'), 'limits': str(tmp_path / 'limits.yaml')}
    for enabled, expected in (('true', ['--enclave', '/claifo/safety']), ('', [])):
        monkeypatch.setenv('ROS_SECURITY_ENABLE', enabled)
        safety = started('deploy_policy', **given)[0][0]
        assert safety.settings['ros_arguments'] == expected
