"""The learner over real DDS, against a simulator of random frames."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from claifo_msgs.msg import LearnerStatus
from claifo_msgs.srv import LoadExpert
from learner_peer import TASK, Peer
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from claifo.bags import BagWriter
from claifo_core.config.methods import METHODS
from claifo_core.data import Demonstration
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy
from claifo_nodes import qos, time_steps
from claifo_nodes.learner_node import LearnerNode
from claifo_nodes.main import Finished
from claifo_sim import task_info

OPTIONS = {
    'env.task': TASK, 'env.domain': 'light/target', 'env.size_px': 16, 'env.frame_stack': 2,
    'env.num_envs': 2, 'steps': 400, 'uniform_steps': 20, 'seed_steps': 40, 'update_every': 4,
    'replay_frames': 500, 'log_every': 40, 'checkpoint_every': 100, 'eval_every': 100,
    'network.channels': 4, 'network.strides': [2, 1], 'network.latent_dim': 8,
    'network.hidden_dim': 16, 'agent.batch_size': 8, 'augment.shift_px': 1, 'threads': 1,
    'device': 'cpu', 'evaluate': False,
}  # fmt: skip


@pytest.fixture
def bag(tmp_path):
    frames = np.random.default_rng(1).integers(0, 256, (20, 16, 16, 3), np.uint8)
    with BagWriter(tmp_path / 'bag', rate_hz=50.0, task=TASK) as writer:
        writer.write_episode(frames)
        writer.write_episode(frames)
    return tmp_path / 'bag'


class Graph:
    """Learner and peer in one executor."""

    def __init__(self, ros, bag, run_dir, **options):
        ros(OPTIONS | {'expert.bag': str(bag), 'run_dir': str(run_dir)} | options)
        self.learner, self.peer = LearnerNode(), Peer()
        self.status: list[LearnerStatus] = []
        self.peer.create_subscription(
            LearnerStatus, 'learner_status', self.status.append, qos.STATUS
        )
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.learner)
        self.executor.add_node(self.peer)

    def until(self, done, tries=2000):
        for _ in range(tries):
            if done():
                return
            self.executor.spin_once(timeout_sec=0.01)
        raise AssertionError('it did not come to pass')

    def count(self, key) -> int:
        return self.learner._diagnostics.counts.get(key, 0)

    def call(self, kind, name, **fields):
        client = self.peer.create_client(kind, f'learner/{name}')
        self.until(client.service_is_ready)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done)
        return future.result()

@pytest.fixture
def graph(ros, bag, tmp_path):
    return lambda **options: Graph(ros, bag, tmp_path / 'run', **options)


def records(run_dir, kind):
    lines = (run_dir / 'metrics.jsonl').read_text().splitlines()
    return [r for r in map(json.loads, lines) if r['kind'] == kind]


def test_it_trains_to_the_end_and_leaves_a_run(graph, tmp_path):
    g = graph()
    with pytest.raises(Finished) as ended:
        g.until(lambda: False)
    assert ended.value.code == 0
    assert records(tmp_path / 'run', 'end')[0]['step'] == 400
    assert records(tmp_path / 'run', 'episode')[0]['return'] == pytest.approx(4.5)
    assert Policy.load(tmp_path / 'run' / 'policy.safetensors').metadata['step'] == 400


def test_updates_keep_their_ratio_and_the_budget_never_runs_ahead(graph):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 60)
    learner = g.learner._run.learner
    assert learner.updates == (learner.steps - 40) // 4 + 1
    steps = [b.step for b in g.peer.budgets]
    assert steps == list(range(len(steps)))
    assert len({b.session for b in g.peer.budgets}) == 1


def test_the_weights_asked_for_are_always_sent(graph):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 60)
    sent = [w.version for w in g.peer.weights]
    assert sent == list(range(1, len(sent) + 1))
    assert [b.weights_version for b in g.peer.budgets][:22] == [1, *[2] * 10, *[3] * 10, 4]
    assert g.peer.weights[0].uniform
    assert not g.peer.weights[-1].uniform
    policy = Policy.from_bytes(bytes(g.peer.weights[-1].policy), 'weights')
    assert policy.metadata['task'] == TASK


def test_first_frames_are_no_transitions(graph):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 25)
    assert g.learner._run.learner.steps == 2 * (len(g.peer.budgets) - 1 - 3)  # FIRST at 0, 10, 20


def test_what_does_not_fit_is_counted_and_learned_from_once(graph):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 5)
    g.peer.answers = False
    g.until(lambda: g.learner._intake.next_step == g.peer.budgets[-1].step)
    for _ in range(20):
        g.executor.spin_once(timeout_sec=0.01)
    session, number = g.peer.budgets[-1].session, g.peer.budgets[-1].step
    steps = g.learner._run.learner.steps
    g.peer.show(number - 1, session)
    g.peer.show(number, session, run=12345)
    g.peer.show(number, session, task='walker_walk')
    g.peer.show(number, session + 2)
    g.peer.size_px = 24
    g.peer.show(number, session)
    keys = ('repeated', 'second_simulator', 'wrong_task', 'old_session', 'wrong_shape')
    g.until(lambda: all(g.count(key) == 1 for key in keys))
    assert g.learner._run.learner.steps == steps
    g.peer.size_px = 16
    g.peer.show(number, session)
    g.until(lambda: g.learner._run.learner.steps == steps + 2)


def test_pause_holds_the_simulator_and_resume_lets_it_go(graph):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 5)
    assert g.call(Trigger, 'pause').success
    for _ in range(50):
        g.executor.spin_once(timeout_sec=0.01)
    held = len(g.peer.budgets)
    for _ in range(50):
        g.executor.spin_once(timeout_sec=0.01)
    assert len(g.peer.budgets) == held
    g.until(lambda: g.status and g.status[-1].state == LearnerStatus.PAUSED)
    assert g.call(Trigger, 'resume').success
    g.until(lambda: len(g.peer.budgets) > held + 5)


def test_status_tells_how_it_fares(graph):
    g = graph(steps=100_000)
    g.until(lambda: g.status and g.status[-1].state == LearnerStatus.TRAINING)
    g.until(lambda: g.status[-1].reward_mean == g.status[-1].reward_mean)
    last = g.status[-1]
    assert last.total_steps == 100_000
    assert last.step > 40
    assert last.episode_return == pytest.approx(4.5)
    assert math.isnan(last.eval_return)


def test_another_expert_is_taken_and_a_missing_one_refused(graph, bag, tmp_path):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 5)
    g.peer.answers = False
    both = len(g.learner._run.learner.expert)
    answer = g.call(LoadExpert, 'load_expert', bag=str(bag / 'episode_000'))
    assert answer.success
    assert len(g.learner._run.learner.expert) == both / 2
    answer = g.call(LoadExpert, 'load_expert', bag=str(tmp_path / 'none'))
    assert not answer.success
    assert 'none' in answer.message
    assert len(g.learner._run.learner.expert) == both / 2


CLONING = {
    'agent.contrastive': 'none', 'agent.cloning': True, 'expert.action_topic': '/action',
}  # fmt: skip


def test_it_clones_an_expert_whose_actions_are_on_the_bag(ros, tmp_path):
    frames = np.random.default_rng(1).integers(0, 256, (20, 16, 16, 3), np.uint8)
    shown = Demonstration(np.full((19, task_info(TASK).action_dim), 0.5, np.float32))
    with BagWriter(tmp_path / 'shown', rate_hz=task_info(TASK).control_hz) as writer:
        writer.write_episode(frames, shown=shown)
    g = Graph(ros, tmp_path / 'shown', tmp_path / 'run', **CLONING)
    g.until(lambda: g.learner._run and g.learner._run.learner.updates > 5)
    g.call(LoadExpert, 'load_expert', bag=str(tmp_path / 'shown' / 'episode_000'))
    learner = g.learner._run.learner
    assert float(learner.expert.sample(4, learner.rngs['expert']).action.mean()) == 0.5


def test_it_has_no_offline_stage(ros, bag, tmp_path):
    overrides = METHODS['vrl3'].overrides
    ros(OPTIONS | overrides | {'expert.bag': str(bag), 'run_dir': str(tmp_path / 'run')})
    node = LearnerNode()
    with pytest.raises(ClaifoError, match=r'agent.offline_updates is 30000.*use `claifo train`'):
        node.configure()
    node.destroy_node()


def test_it_goes_on_after_its_checkpoint(graph, ros, bag, tmp_path):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 30)
    answer = g.call(Trigger, 'checkpoint')
    assert answer.success
    steps = g.learner._run.learner.steps
    g.learner._intake = None  # as after SIGKILL: nothing is written any more
    g.learner.destroy_node()
    again = Graph(ros, bag, tmp_path / 'run')
    again.until(lambda: again.learner._run)
    assert again.learner._run.learner.steps <= steps
    assert again.learner._run.learner.steps > 0
    again.until(lambda: again.learner._run.learner.steps > steps + 20)


def test_a_simulator_that_returns_starts_a_new_session(graph):
    g = graph()
    g.until(lambda: len(g.peer.budgets) > 5)
    first = g.peer.budgets[-1].session
    g.peer.answers = False
    g.executor.spin_once(timeout_sec=0.1)
    g.peer.run += 2
    g.peer.show(0, first)
    g.peer.answers = True
    g.until(lambda: g.peer.budgets[-1].session != first)
    g.until(lambda: g.peer.budgets[-1].step > 5)


def test_an_episode_that_never_began_begins_with_what_is_shown(graph):
    g = graph()
    g.peer.answers = False
    g.until(lambda: g.peer.budgets)
    middle = g.peer.batch(1)
    budget = g.peer.budgets[-1]
    g.peer.steps.publish(time_steps.pack(
        middle, task=g.peer.task, run=g.peer.run, session=budget.session, step=0
    ))  # fmt: skip
    g.until(lambda: g.count('lost') == 1)
    g.peer.answers = True
    g.peer.show(1, budget.session)
    g.until(lambda: len(g.peer.budgets) > 5)
    assert g.count('lost') == 1
