"""Nothing of ours speaks to anybody outside this machine, or writes into the home folder."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

ROOT = Path(__file__).parents[1]
PATHS = [ROOT, ROOT / 'sim', *(ROOT / 'ros2_ws' / 'src').glob('*')]
ACT = """
import json, sys, time
import numpy as np
from claifo_core.deploy.actors import _Onnx
actor = _Onnx(open(sys.argv[1], 'rb').read(), 1)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    actor.act(np.zeros((1, 2), np.uint8))
    time.sleep(0.1)
"""
LOOPBACK = re.compile(r'sin6?_addr.*("127\.|"::1")')


@pytest.fixture
def model(tmp_path):
    graph = helper.make_graph(
        [helper.make_node('Cast', ['stack'], ['action'], to=TensorProto.FLOAT)], 'any',
        [helper.make_tensor_value_info('stack', TensorProto.UINT8, [1, 2])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, [1, 2])],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    made.ir_version = 8
    onnx.save(made, tmp_path / 'model.onnx')
    return tmp_path / 'model.onnx'


def act(model, seconds, *before):
    """Act with a model in a process of its own, whose home folder is empty; returns that."""
    home = model.parent / 'home'
    home.mkdir()
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith(('XDG_', 'ORT_'))}  # fmt: skip
    environment |= {'HOME': str(home), 'PYTHONPATH': os.pathsep.join(map(str, PATHS))}
    subprocess.run([*before, sys.executable, '-c', ACT, str(model), str(seconds)],
                   env=environment, check=True)  # fmt: skip
    return home


def test_a_robot_that_acts_leaves_nothing_in_the_home_folder(model):
    assert list(act(model, 1.0).rglob('*')) == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')
def test_a_robot_that_acts_opens_no_connection(model, tmp_path):
    """Longer than a runtime waits before it tells its maker."""
    calls = tmp_path / 'calls'
    act(model, 15.0, 'strace', '-f', '-o', str(calls), '-e', 'trace=connect,sendto,sendmsg')
    outside = [line for line in calls.read_text().splitlines()
               if 'sin' in line and not LOOPBACK.search(line)]  # fmt: skip
    assert outside == []


@pytest.mark.parametrize(
    'reach',
    [lambda: socket.create_connection(('192.0.2.1', 80), 1), lambda: socket.getaddrinfo('a.b', 1),
     lambda: socket.gethostbyname('a.b'),
     lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'a', ('192.0.2.1', 53))],
)  # fmt: skip
def test_the_suite_itself_is_guarded(reach):
    with pytest.raises(AssertionError, match=r'outside this machine'):
        reach()


def test_this_machine_may_be_reached():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen()
        socket.create_connection(server.getsockname(), 1).close()
    assert np.isfinite(len(socket.getaddrinfo('localhost', 80)))
