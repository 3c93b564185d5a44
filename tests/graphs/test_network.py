"""The network goes down, between camera and policy or between policy and safety node."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from deployed import ROBOT, parameters, write
from launched import ENVIRONMENT

sys.path.insert(0, str(Path(__file__).parents[2] / 'benchmarks'))
import wire

REASON = wire.missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture
def ends(tmp_path):
    """Two computers and the wire between them; ``start`` runs a program on one of them."""
    write(tmp_path)
    with wire.stretched() as between:
        started = []

        def start(end, *words):
            child = subprocess.Popen(
                [*between.inside(end), sys.executable, *words], cwd=tmp_path, text=True,
                env=ENVIRONMENT | wire.ENVIRONMENT, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            started.append(child)
            return child

        yield between, start
        for child in started:
            child.send_signal(signal.SIGINT)
        for child in started:
            child.communicate(timeout=30)


def node(name, **named):
    return ('-m', f'claifo_nodes.{name}_node', '--ros-args', *parameters(**named))


@pytest.mark.parametrize('policy_is', ['near', 'far'])
def test_when_the_wire_is_cut_the_robot_is_stopped(ends, policy_is):
    between, start = ends
    start(between.far, *node('sim', **ROBOT))
    start(
        getattr(between, policy_is), *node('policy', policy='policy.onnx', input='cameras')
    )
    start(between.near, *node('safety', contract='policy.onnx', limits='limits.yaml'))
    watcher = start(between.near, str(Path(__file__).parent / 'watch_commands.py'))
    moves = (any(json.loads(line)) for line in watcher.stdout)
    assert next(moving for moving in moves if moving)
    assert all(islice(moves, 5))
    between.cut()
    # Those that are read before have been sent before.
    assert any(not moving for moving in islice(moves, 30))
    assert not any(islice(moves, 10))  # until it is reset, and it goes on
    assert watcher.poll() is None
