"""The ROS 2 graph: messages between processes, new weights, training beside the local trainer.

Prints one JSON object. Run it on an idle machine.

* ``image_84x84``, ``image_640x480``: an Image to another process and an action back, as fast as it
  goes: round trips per second, and their median and 99th percentile in milliseconds, everything
  included.
* ``memory``: resident memory of a process that publishes and takes 50 000 messages.
* ``weights``: new weights of the paper's network to a policy node that answers 40 steps per
  second: time from publishing to the first action made with them, and steps without an answer.
* ``training``: steps per second of `claifo launch train_sim` beside `claifo train`, the demo's
  preset, taken turn by turn; of the part after the first update.
"""

# ruff: noqa: E402 (rclpy can be imported once it is provided)

from __future__ import annotations

import argparse
import array
import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
importlib.import_module('claifo_nodes')  # provides rclpy

import rclpy
from claifo_msgs.msg import Action, PolicyWeights, TimeStep
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray, String

from claifo.experts.config import RecordConfig
from claifo.experts.record import record
from claifo.films import Film
from claifo_core.agent.networks import build_networks
from claifo_core.config import TrainConfig
from claifo_core.policy import Policy
from claifo_core.training.metrics import read_jsonl
from claifo_nodes import qos, time_steps

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 4.0
MESSAGES = 50_000
SWAPS = 10
STEP_S = 1 / 40
ACTIONS = 6
TASK = 'walker_walk'
TRAIN_STEPS = 4000
ROUNDS = 2


class Spun(Node):
    """A node with an executor of its own."""

    def __init__(self, name: str) -> None:
        """Join the graph."""
        super().__init__(name)
        self.work = SingleThreadedExecutor()
        self.work.add_node(self)

    def until(self, done: Any, limit_s: float = 30.0) -> None:  # noqa: ANN401 (a question)
        """Spin until ``done()``."""
        end = time.monotonic() + limit_s
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(f'{self.get_name()}: nothing came for {limit_s} s')
            self.work.spin_once(timeout_sec=0.1)


def echo() -> None:
    """Answer every image with an action: the other process."""
    rclpy.init(args=[])
    node = Spun('echo')
    answer = Float32MultiArray(data=array.array('f', [0.0] * 7))
    publisher = node.create_publisher(Float32MultiArray, 'act', 10)

    def take(message: Image) -> None:
        np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        publisher.publish(answer)

    node.create_subscription(Image, 'obs', take, 10)
    with contextlib.suppress(ExternalShutdownException):
        node.work.spin()


def round_trips(node: Spun, height: int, width: int) -> dict[str, float]:
    """Send images and wait for the answer to each."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    message = Image(height=height, width=width, encoding='rgb8', step=3 * width)
    answers: list[Any] = []
    publisher = node.create_publisher(Image, 'obs', 10)
    subscription = node.create_subscription(Float32MultiArray, 'act', answers.append, 10)
    node.until(lambda: publisher.get_subscription_count() and subscription.get_publisher_count())
    time.sleep(0.5)
    spans, begun = [], time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        sent, count = time.perf_counter(), len(answers)
        message.data = time_steps.flat(pixels)
        publisher.publish(message)
        node.until(lambda count=count: len(answers) > count)
        spans.append((time.perf_counter() - sent) * 1e3)
    rate = len(spans) / (time.perf_counter() - begun)
    node.destroy_publisher(publisher)
    node.destroy_subscription(subscription)
    p50, p99 = np.percentile(spans, (50, 99))
    return {'per_s': round(rate), 'p50_ms': round(p50, 3), 'p99_ms': round(p99, 3)}


def messages() -> dict[str, Any]:
    """Measure round trips with another process."""
    other = subprocess.Popen([sys.executable, __file__, '--echo'])
    node = Spun('bench')
    try:
        return {
            'image_84x84': round_trips(node, 84, 84),
            'image_640x480': round_trips(node, 480, 640),
        }
    finally:
        other.terminate()
        other.wait()
        node.destroy_node()


def resident_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def memory() -> dict[str, float]:
    """Publish and take messages in one process; the first tenth warms up."""
    node, taken = Spun('memory'), []
    publisher = node.create_publisher(String, 'words', 10)
    node.create_subscription(String, 'words', lambda m: taken.append(1), 10)
    node.until(lambda: publisher.get_subscription_count() > 0)
    word, before = String(data='x' * 1000), 0.0
    for number in range(MESSAGES):
        publisher.publish(word)
        node.until(lambda number=number: len(taken) > number)
        if number == MESSAGES // 10:
            before = resident_mb()
    after = resident_mb()
    node.destroy_node()
    return {'messages': MESSAGES, 'before_mb': round(before, 1), 'after_mb': round(after, 1)}


def paper_policy() -> bytes:
    """Return the file of an untrained policy of the paper's size."""
    config = TrainConfig()
    networks = build_networks(
        config.network, frame_stack=3, size_px=64, action_dim=ACTIONS, seed=0, device='cpu'
    )
    return Policy.of(networks, config, {'control_hz': 40.0}).to_bytes()


def weights() -> dict[str, Any]:
    """Swap weights under a policy node that is at work."""
    command = [sys.executable, '-m', 'claifo_nodes.policy_node']
    child = subprocess.Popen([*command, '--ros-args', '--log-level', 'error'])
    node, actions = Spun('bench'), []
    steps = node.create_publisher(TimeStep, 'time_step', qos.TIME_STEP)
    out = node.create_publisher(PolicyWeights, 'weights', qos.WEIGHTS)
    node.create_subscription(Action, 'action', actions.append, qos.ACTION)
    file = paper_policy()
    message = PolicyWeights(task=TASK, session=1, policy=array.array('B', file))
    try:
        node.until(lambda: steps.get_subscription_count() and out.get_subscription_count())
        return {'mb': round(len(file) / 1e6, 2)} | _swap(node, steps, out, message, actions)
    finally:
        child.terminate()
        child.wait()
        node.destroy_node()


def _swap(
    node: Spun, steps: Any, out: Any, message: PolicyWeights, actions: list[Action]  # noqa: ANN401
) -> dict[str, Any]:
    shown = time_steps.Batch(
        np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, ACTIONS), np.float32),
        np.zeros((1, 0), np.float32), np.zeros(1, np.float32), np.ones(1, np.float32),
        np.ones(1, np.uint8), np.zeros(1, bool),
    )  # fmt: skip
    message.version = 1
    out.publish(message)
    spans, sent, due, published = [], 0, time.monotonic() + 1.0, None
    while len(spans) < SWAPS:
        if published is None and sent % 40 == 39:
            message.version += 1
            published = time.monotonic()
            out.publish(message)
        steps.publish(time_steps.pack(shown, task=TASK, run=1, session=0, step=sent))
        sent, due = sent + 1, due + STEP_S
        while time.monotonic() < due:
            node.work.spin_once(timeout_sec=max(0.0, due - time.monotonic()))
            if published and actions and actions[-1].weights_version == message.version:
                spans.append((time.monotonic() - published) * 1e3)
                published = None
    first = actions[0].step
    unanswered = (sent - first) - len(actions)
    return {
        'swapped_ms_median': round(float(np.median(spans)), 1),
        'swapped_ms_max': round(max(spans), 1),
        'steps': sent, 'unanswered': unanswered,
    }  # fmt: skip


def training() -> dict[str, Any]:
    """Train the demo's preset by the graph and in one process, turn by turn."""
    rates: dict[str, list[float]] = {'graph': [], 'in_process': []}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        film = Film('point_mass_easy_big', 'dim/source', size_px=40)
        record(film, RecordConfig(), place / 'bag', report=lambda line: None)
        for number in range(ROUNDS):
            for kind, found in rates.items():
                run_dir = place / f'{kind}{number}'
                _train(kind, place / 'bag', run_dir)
                found.append(_rate(run_dir))
    graph, local = (round(float(np.mean(found)), 2) for found in rates.values())
    return {'graph_steps_per_s': graph, 'in_process_steps_per_s': local,
            'ratio': round(graph / local, 3), 'rounds': ROUNDS}  # fmt: skip


def _train(kind: str, bag: Path, run_dir: Path) -> None:
    words = {
        'graph': ['launch', 'train_sim', 'config:=demo', f'expert_bag:={bag}',
                  f'steps:={TRAIN_STEPS}', f'run_dir:={run_dir}'],
        'in_process': ['train', '--config', 'demo', '--expert.bag', str(bag), '--steps',
                       str(TRAIN_STEPS), '--run', str(run_dir)],
    }[kind]  # fmt: skip
    subprocess.run([sys.executable, '-m', 'claifo', *words], check=True, capture_output=True)


def _rate(run_dir: Path) -> float:
    """Return steps per second between the second and the last line of metrics."""
    lines = [r for r in read_jsonl(run_dir / 'metrics.jsonl') if r['kind'] == 'train'][1:]
    return (lines[-1]['step'] - lines[0]['step']) / (lines[-1]['wall_s'] - lines[0]['wall_s'])


def measure() -> dict[str, Any]:
    """Measure everything."""
    rclpy.init(args=[])
    result = messages() | {'memory': memory(), 'weights': weights()}
    rclpy.shutdown()
    return result | {'training': training()}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('graph', __doc__)
    parser.add_argument('--echo', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.echo:
        echo()
        return
    common.run(measure, args)


if __name__ == '__main__':
    sys.exit(common.script(main))
