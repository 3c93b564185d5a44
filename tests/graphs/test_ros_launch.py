"""The launch descriptions, run with stand-ins as strict as the classes of ROS 2."""

from __future__ import annotations

import itertools
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import strict_launch
from deployed import LIMITS, WORLD, write

from claifo.bags import BagWriter
from claifo.graphs import GRAPHS, ros
from claifo_core.config import TrainConfig, settings
from claifo_core.deploy import contract
from claifo_core.errors import ClaifoError

ROOT = Path(__file__).parents[2]
REFUSED = ('source and robot', 'needs limits', 'leave contract and image away')


@pytest.fixture(autouse=True)
def launch(monkeypatch):
    strict_launch.install(monkeypatch)


def described(graph):
    file = runpy.run_path(str(ROOT / 'launch' / f'{graph}.launch.py'))
    return file['generate_launch_description']()


def launched(graph, **given):
    """Return the context of a graph that was started with these arguments."""
    context = strict_launch.LaunchContext(f'{k}:={v}' for k, v in given.items())
    strict_launch.visit(described(graph).entities, context)
    return context


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """A policy, a contract, limits, a film and a video that go together."""
    folder = tmp_path_factory.mktemp('files')
    policy = write(folder)
    agreed = contract.of_policy(policy.metadata)
    (folder / 'contract.yaml').write_text(contract.dump(agreed))
    (folder / 'video.mp4').touch()
    (folder / 'limits.yaml').write_text(LIMITS)
    with BagWriter(folder / 'film', rate_hz=10) as bag:
        bag.write_episode(np.zeros((3, 32, 32, 3), np.uint8))
    return {name: str(folder / file) for name, file in (
        ('policy', 'policy.onnx'), ('contract', 'contract.yaml'), ('source', 'video.mp4'),
        ('limits', 'limits.yaml'), ('bag', 'film'),
    )}  # fmt: skip


def combinations(needed, optional):
    """Return every choice of optional arguments, with those that are needed."""
    for chosen in itertools.product((False, True), repeat=len(optional)):
        yield needed | dict(itertools.compress(optional.items(), chosen))


def every_way(graph, files, folder):
    if graph == 'deploy_policy':
        optional = {name: files[name] for name in ('limits', 'contract', 'source')}
        optional |= {'image': '/camera', 'robot': WORLD.task, 'shadow': 'true'}
        return combinations({'policy': files['policy']}, optional)
    if graph == 'replay_expert':
        optional = {'topic': '/camera/image_raw', 'rate': '2.0', 'loop': 'true'}
        return combinations({'policy': files['policy'], 'bag': files['bag']}, optional)
    if graph == 'record_expert':
        optional = {'task': 'point_mass_easy', 'domain': 'light/target', 'episodes': '2',
                    'size_px': '32', 'seed': '3', 'rate': '0'}  # fmt: skip
        return combinations({'out': str(folder / 'out')}, optional)
    if graph == 'train_sim':
        optional = {'config': 'tiny.yaml', 'task': 'point_mass_easy', 'domain': 'light/target',
                    'expert_bag': files['bag'], 'run_dir': 'run', 'seed': '3', 'steps': '100',
                    'device': 'cpu', 'options': 'agent.n_step=2 env.cameras=[]'}  # fmt: skip
        return combinations({}, optional)
    return combinations({}, {'viewer': 'rviz2'})


@pytest.mark.parametrize('graph', GRAPHS)
def test_every_graph_starts_with_every_choice_of_its_arguments(
    graph, files, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('shutil.which', lambda name: f'/bin/{name}')
    (tmp_path / 'tiny.yaml').write_text('steps: 50\n')
    started = 0
    for given in every_way(graph, files, tmp_path):
        try:
            context = launched(graph, **given)
        except ClaifoError as error:
            assert any(words in str(error) for words in REFUSED), given
            continue
        first = context.processes[0]
        if graph == 'train_sim' and 'expert_bag' not in given:
            assert strict_launch.exited(context, first, 0)
        started += len(context.processes) > 0
    assert started >= 2


def test_no_option_can_be_emptied_by_leaving_an_empty_list_out():
    """`launch` takes no empty list; so the default of every list that may be empty is empty."""
    for name, default, _ in settings.options():
        if isinstance(default, tuple) and default:
            with pytest.raises(ClaifoError):
                settings.from_dict({name: []}, 'test')


def nodes(context):
    return [p for p in context.processes if isinstance(p, strict_launch.Node)]


@pytest.mark.parametrize('graph', GRAPHS)
def test_every_graph_has_a_launch_file_with_its_arguments(graph):
    *declared, _ = described(graph).entities
    assert [a.name for a in declared] == [a.name for a in GRAPHS[graph].arguments]


def test_training_films_first_and_then_starts_three_nodes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    context = launched('train_sim', task='point_mass_easy', seed='3')
    (film,) = context.processes
    assert film.cmd[:4] == [sys.executable, '-m', 'claifo', 'expert']
    with pytest.raises(RuntimeError, match='expert ended with exit code 2'):
        strict_launch.exited(context, film, 2)
    sim, policy, learner = strict_launch.exited(context, film, 0)
    assert [n.executable for n in (sim, policy, learner)] == [
        'sim_node', 'policy_node', 'learner_node'
    ]
    assert sim.written['seed'] == 3
    assert sim.written['wait_for_budget'] is True
    assert sim.written['task'] == 'point_mass_easy'


def test_what_follows_the_end_of_a_node(files):
    context = launched('train_sim', expert_bag=files['bag'])
    sim, policy, _ = nodes(context)
    (again,) = strict_launch.exited(context, policy, -9)
    assert again.executable == 'policy_node'
    with pytest.raises(RuntimeError, match='sim ended with exit code -9'):
        strict_launch.exited(context, sim, -9)
    assert strict_launch.exited(context, sim, 0) == []
    assert context.events[-1].reason == 'sim ended with exit code 0'
    context.is_shutdown = True
    assert strict_launch.exited(context, policy, -9) == []


def test_a_deployment_with_its_simulated_robot(files):
    context = launched(
        'deploy_policy', policy=files['policy'], robot=WORLD.task, limits=files['limits']
    )
    sim, safety, policy = nodes(context)
    assert [n.executable for n in (sim, safety, policy)] == [
        'sim_node', 'safety_node', 'policy_node'
    ]
    assert (sim.written['robot'], sim.written['action_repeat']) == (True, 10)
    assert 'cameras' not in sim.written
    assert 'topics' not in policy.written


def test_a_film_is_played_by_a_contract_that_is_written_for_it(files):
    policy = nodes(launched('replay_expert', policy=files['policy'], bag=files['bag']))[0]
    assert contract.load(policy.written['contract']).cameras[0].width == 32
    assert policy.written['use_sim_time'] is True


def test_with_security_every_node_has_its_enclave(files, monkeypatch):
    given = {'policy': files['policy'], 'limits': files['limits']}
    monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
    safety = nodes(launched('deploy_policy', **given))[0]
    assert safety.cmd[-2:] == ['--enclave', '/claifo/safety']
    monkeypatch.delenv('ROS_SECURITY_ENABLE')
    assert '--enclave' not in nodes(launched('deploy_policy', **given))[0].cmd


@pytest.mark.parametrize('top', [True, False])
def test_a_misspelt_argument_is_refused_where_the_graph_is_what_was_asked_for(
    files, monkeypatch, top
):
    """Included by a launch file of others, the command line holds the arguments of that one."""
    file = 'train_sim.launch.py' if top else 'cell.launch.py'
    monkeypatch.setattr(sys, 'argv', ['ros2', 'launch', 'claifo', file, 'tusk:=x'])
    given = {'expert_bag': files['bag'], 'tusk': 'x'}
    if top:
        with pytest.raises(ClaifoError, match=r'no argument tusk \(did you mean task\?'):
            launched('train_sim', **given)
    else:
        assert launched('train_sim', **given).processes


def test_what_launch_itself_understands_is_no_mistake(files, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['ros2', 'launch', 'claifo', 'train_sim.launch.py'])
    given = {'expert_bag': files['bag'], 'launch-prefix': 'nice'}
    assert launched('train_sim', **given).processes


def test_parameters_of_every_option_have_types_that_launch_knows():
    options = settings.options(TrainConfig())
    known = {name: value for name, value, _ in options if value is not None}
    given = {k: list(v) if isinstance(v, tuple) else v for k, v in known.items()}
    process = ros.Process('sim_node', 'sim', given)
    (written,) = ros._parameters(process)
    strict_launch._evaluated(written)
