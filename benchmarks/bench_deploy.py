"""A policy on a live camera: latency from capture to action, and time until the safe action.

Prints one JSON object. Run it on an idle machine.

* ``latency_ms``: from the stamp of a 640x480 rgb8 picture at 30 Hz to the publication of the
  action: p50, p99 and maximum of each stage of the ledger. The paper's network at 84 pixels by
  onnxruntime; camera, policy and safety node are processes of their own.
* ``kills``, ``camera_kills``, ``cuts``: policy or camera are killed (SIGKILL) again and again, or
  the wire between camera and policy is cut: longest time from the last picture that was acted on
  to the first safe action; the aim is two control periods and 20 ms. Only with ``--cuts 100``,
  which needs root: camera and robot are then in network namespaces of their own.
* ``ends``: SIGTERM to the launcher, again and again: the same time.
* ``flood``: a peer that publishes actions as fast as 10 kHz, for ten seconds: commands per second
  (the aim: those of the control rate), and the memory of the safety node before and after.
* ``memory_mib``: resident memory of the policy and the safety node at the end.

With ``--minutes 60`` only their memory is measured, every 30 s of so long a deployment. With
``--stream 3600`` only the gate is, in the time of so long a stream of actions with jitter, drops,
swaps and bursts (``gate_stream.py``): stops, false stops, times to stop and to resume; ``--bag``
adds a recorded one.
"""

# ruff: noqa: E402 (rclpy can be imported once it is provided)

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import common
import gate_stream
import numpy as np
import wire

from claifo.arguments import count

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
importlib.import_module('claifo_nodes')  # provides rclpy

import rclpy
from claifo_msgs.msg import Action
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.deploy import contract, export
from claifo_core.policy import Policy
from claifo_nodes import images, qos

HZ, WIDTH, HEIGHT, SIZE, ACTIONS = 30.0, 640, 480, 84, 6
PICTURES = 900
AIM_MS = 2e3 / HZ + 20
SAMPLE_S = 30.0
FLOOD_S = 10.0
STAGES = ('received', 'preprocessed', 'inferred', 'published')
LIMITS = 'format: claifo-limits-1\non_fault: zero\njoints:\n' + ''.join(
    f'- {{name: action_{k}, effort: 1.0, step: 2.0}}\n' for k in range(ACTIONS)
)


def write_policy(folder: Path) -> None:
    """Write an export of the paper's network, and limits."""
    network = NetworkConfig()
    parts = build_networks(network, frame_stack=3, size_px=SIZE, action_dim=ACTIONS, seed=0)
    config = TrainConfig(env=EnvConfig(size_px=SIZE), network=network)
    policy = Policy.of(parts, config, {'control_hz': HZ})
    agreed = contract.of_policy(policy.metadata)
    camera = dataclasses.replace(agreed.cameras[0], width=WIDTH, height=HEIGHT)
    agreed = dataclasses.replace(agreed, cameras=(camera,))
    (folder / 'policy.onnx').write_bytes(export.export(policy, agreed, 'onnx'))
    (folder / 'limits.yaml').write_text(LIMITS)


def film() -> None:
    """Publish pictures at 30 Hz: the camera process."""
    rclpy.init(args=[])
    node = rclpy.create_node('camera')
    publisher = node.create_publisher(Image, '/camera/image_raw', qos.SENSOR)
    noise = np.random.default_rng(0).integers(0, 256, (8, HEIGHT, WIDTH, 3), np.uint8)
    begun_s, number = time.monotonic(), 0
    while True:
        number += 1
        time.sleep(max(0.0, begun_s + number / HZ - time.monotonic()))
        stamp = node.get_clock().now().to_msg()
        publisher.publish(images.to_image(noise[number % 8], stamp, 'camera'))


class Watcher:
    """Sees actions and commands."""

    def __init__(self) -> None:
        """Join the graph."""
        rclpy.init(args=[])
        self.node = rclpy.create_node('watcher')
        self.actions: list[Action] = []
        self.commands: list[tuple[int, bool]] = []
        self.node.create_subscription(Action, 'action', self.actions.append, qos.ACTION)
        self.node.create_subscription(Float64MultiArray, '/commands', self._take, 100)
        self.reset = self.node.create_client(Trigger, '/safety/reset')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)

    def _take(self, message: Float64MultiArray) -> None:
        now_ns = self.node.get_clock().now().nanoseconds
        self.commands.append((now_ns, any(message.data)))

    def rest(self, seconds: float) -> None:
        """Spin for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.01)

    def until(self, done: Any, limit_s: float = 60.0) -> None:  # noqa: ANN401 (a question)
        """Spin until ``done()``."""
        end = time.monotonic() + limit_s
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(f'nothing came for {limit_s} s')
            self.executor.spin_once(timeout_sec=0.01)

    def close(self) -> None:
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()

    def until_it_moves(self) -> None:
        """Reset until the robot moves; a busy machine makes faults of its own."""
        self.until(self.reset.service_is_ready)
        moves = False
        while not moves:
            self.until(self.reset.call_async(Trigger.Request()).done)
            self.commands.clear()
            self.rest(0.5)
            moves = len(self.commands) > 5 and all(moving for _, moving in self.commands)


def pid_of(launched: subprocess.Popen[bytes], name: str) -> int:
    """Return the process of a node that `claifo launch` has started."""
    listing = subprocess.run(
        ['ps', '-o', 'pid=,args=', '--ppid', str(launched.pid)],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return next(int(line.split()[0]) for line in listing if f'claifo_nodes.{name}' in line)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmRSS')) / 1024


def latencies(seen: list[Action]) -> dict[str, dict[str, float]]:
    """Return p50, p99 and maximum of each stage, in milliseconds."""
    found = {}
    for stage in STAGES:
        spans = np.array([getattr(action, f'{stage}_ns') for action in seen]) / 1e6
        p50, p99 = np.percentile(spans, (50, 99))
        found[stage] = {'p50': round(p50, 2), 'p99': round(p99, 2), 'max': round(spans.max(), 2)}
    return found


def flood(seconds: float) -> None:
    """Publish actions at 10 kHz, as a peer that has gone wild: a process of its own."""
    rclpy.init(args=[])
    node = rclpy.create_node('wild')
    publisher = node.create_publisher(Action, 'action', qos.ACTION)
    action = Action(num_envs=1, data=[1.0] * ACTIONS)
    time.sleep(1.0)
    begun_s, number = time.monotonic(), 0
    while (now_s := time.monotonic()) < begun_s + seconds:
        action.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(action)
        number += 1
        time.sleep(max(0.0, begun_s + number * 1e-4 - now_s))


class Camera:
    """The process of the camera."""

    def __init__(self, before: Sequence[str] = ()) -> None:
        """Start it, in a namespace perhaps."""
        self._words = [*before, sys.executable, __file__, '--film']
        self._child = subprocess.Popen(self._words)

    def start(self) -> None:
        """Film again."""
        self._child.wait()
        self._child = subprocess.Popen(self._words)

    def kill(self) -> None:
        """End it at once; waiting for that would make whoever watches late."""
        self._child.kill()


def reaction_ms(
    watcher: Watcher, fail: Callable[[], None], heal: Callable[[], None] | None = lambda: None
) -> float:
    """Let something fail; returns the time from the last picture acted on to the safe action.

    Args:
        watcher: Sees it.
        fail: Makes it fail.
        heal: Makes it work again; None: nothing does.
    """
    watcher.until_it_moves()
    fail()
    watcher.until(lambda: not watcher.commands[-1][1])
    stamp = watcher.actions[-1].header.stamp
    safe_ns = next(at for at, moves in watcher.commands if not moves)
    count = len(watcher.actions)
    if heal:
        heal()
        watcher.until(lambda: len(watcher.actions) > count)
    return (safe_ns - (stamp.sec * 10**9 + stamp.nanosec)) / 1e6


def spread(spans: list[float]) -> dict[str, float]:
    """Return what is told of many reactions."""
    return {
        'count': len(spans), 'median_ms': round(float(np.median(spans)), 1),
        'max_ms': round(max(spans), 1), 'aim_ms': round(AIM_MS, 1),
        'within': sum(span <= AIM_MS for span in spans),
    }  # fmt: skip


def watch_memory(
    watcher: Watcher, launched: subprocess.Popen[bytes], minutes: float
) -> dict[str, Any]:
    """Sample the resident memory of both nodes while the policy acts."""
    watcher.until(lambda: len(watcher.actions) > 30)
    numbers = {name: pid_of(launched, f'{name}_node') for name in ('policy', 'safety')}
    samples: dict[str, list[float]] = {name: [] for name in numbers}
    end_s, actions = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end_s:
        for name, pid in numbers.items():
            samples[name].append(round(resident_mib(pid), 1))
        watcher.rest(min(SAMPLE_S, end_s - time.monotonic()))
        actions += len(watcher.actions)
        watcher.actions.clear()
        watcher.commands.clear()
    told = {
        name: {'first': found[0], 'last': found[-1], 'max': max(found)}
        for name, found in samples.items()
    }
    return {'minutes': minutes, 'actions': actions, 'memory_mib': told, 'samples': samples}


@contextmanager
def deployed(camera: Camera) -> Iterator[subprocess.Popen[bytes]]:
    """Run the graph; camera and graph end with the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_policy(folder)
        launched = subprocess.Popen(
            [sys.executable, '-m', 'claifo', 'launch', 'deploy_policy',
             f'policy:={folder / "policy.onnx"}', f'limits:={folder / "limits.yaml"}'],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield launched
        finally:
            camera.kill()
            launched.send_signal(signal.SIGINT)
            launched.wait()


def measure(kills: int) -> dict[str, Any]:
    """Measure latency, memory and kills."""
    camera = Camera()
    with deployed(camera) as launched:
        watcher = Watcher()
        watcher.until(lambda: len(watcher.actions) > 30)
        watcher.actions.clear()
        watcher.until(lambda: len(watcher.actions) >= PICTURES)
        found: dict[str, Any] = {'latency_ms': latencies(watcher.actions)}
        found['late'], found['dropped'] = watcher.actions[-1].late, watcher.actions[-1].dropped
        found['memory_mib'] = {
            name: round(resident_mib(pid_of(launched, f'{name}_node')), 1)
            for name in ('policy', 'safety')
        }
        found['flood'] = measure_flood(watcher, launched)
        if kills:
            found['kills'] = spread([
                reaction_ms(
                    watcher,
                    lambda: os.kill(pid_of(launched, 'policy_node'), signal.SIGKILL),
                )
                for _ in range(kills)
            ])  # fmt: skip
            found['camera_kills'] = spread([
                reaction_ms(watcher, camera.kill, camera.start) for _ in range(kills)
            ])  # fmt: skip
    watcher.close()
    if kills:
        found['ends'] = measure_ends(kills)
    return found


def measure_flood(watcher: Watcher, launched: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Let a wild peer publish; returns the commands per second and the memory."""
    watcher.until_it_moves()
    pid = pid_of(launched, 'safety_node')
    before_mib = resident_mib(pid)
    wild = subprocess.Popen([sys.executable, __file__, '--flood'])
    watcher.rest(4.0)
    watcher.commands.clear()
    watcher.rest(FLOOD_S / 2)
    per_s = len(watcher.commands) / (FLOOD_S / 2)
    wild.wait()
    return {
        'commands_per_s': round(per_s, 2), 'aim_per_s': HZ,
        'memory_mib': [round(before_mib, 1), round(resident_mib(pid), 1)],
    }  # fmt: skip


def measure_ends(ends: int) -> dict[str, Any]:
    """End the launcher by SIGTERM, again and again."""
    watcher = Watcher()
    spans = []
    for _ in range(ends):
        camera = Camera()
        with deployed(camera) as launched:
            spans.append(reaction_ms(watcher, launched.terminate, None))
    return spread(spans)


def measure_memory(minutes: float) -> dict[str, Any]:
    """Measure memory over a long time."""
    with deployed(Camera()) as launched:
        return watch_memory(Watcher(), launched, minutes)


def measure_cuts(cuts: int, between: wire.Wire) -> dict[str, Any]:
    """Cut the wire to the camera; this process is at the near end of it."""
    with deployed(Camera(between.inside(between.far))):
        watcher = Watcher()
        spans = [reaction_ms(watcher, between.cut, between.mend) for _ in range(cuts)]
    return {'cuts': spread(spans)}


def at_the_near_end(cuts: int) -> dict[str, Any]:
    """Run this program once more, in a namespace, to measure cuts."""
    if reason := wire.missing():
        sys.exit(f'--cuts: {reason}')
    with wire.stretched() as between:
        words = [*between.inside(between.near), sys.executable, __file__, '--cuts', str(cuts)]
        told = subprocess.run(
            [*words, '--near', between.far, between.near], env=os.environ | wire.ENVIRONMENT,
            stdout=subprocess.PIPE, check=True,
        ).stdout  # fmt: skip
    found: dict[str, Any] = json.loads(told)
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('deploy', __doc__)
    parser.add_argument('--kills', type=count, default=100, help='of each (default: 100)')
    parser.add_argument(
        '--minutes', type=common.positive, help='only memory, of so long a deployment'
    )
    parser.add_argument(
        '--cuts', type=count, help='only cuts of the wire, so many; needs root'
    )
    parser.add_argument(
        '--stream', type=common.positive, help='only the gate, on streams of so many seconds'
    )
    parser.add_argument('--bag', type=Path, help='with --stream: a bag of the topic action, too')
    parser.add_argument('--near', nargs=2, help=argparse.SUPPRESS)
    parser.add_argument('--film', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--flood', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.flood:
        flood(FLOOD_S)
        return
    if args.film:
        film()
        return
    if args.near:
        print(json.dumps(measure_cuts(args.cuts, wire.Wire(*args.near))))
        return
    common.run(lambda: _asked(args), args)


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    if args.stream:
        return gate_stream.measure(args.stream, args.kills, args.bag)
    if args.cuts:
        return at_the_near_end(args.cuts)
    return measure_memory(args.minutes) if args.minutes else measure(args.kills)


if __name__ == '__main__':
    sys.exit(common.script(main))
