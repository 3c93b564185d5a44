"""Joint states beside the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from claifo.bags import ReadOptions
from claifo.bags.joints import JOINT_STATE, read_felt_episodes
from claifo_core.data.frames import FrameSpec
from claifo_core.deploy.contract import Proprio
from claifo_core.errors import ClaifoError

MS = 10**6
PROPRIO = Proprio(topic='/joint_states', names=('a',), fields=('position',))


def bag_of(recorder, path, joints_ms):
    """Pictures every 50 ms for 2 s, and joint states at some times."""
    messages = recorder.video([10**9 + k * 50 * MS for k in range(40)])
    for ms in joints_ms:
        stamp_ns = 10**9 + ms * MS
        state = recorder.store.types[JOINT_STATE](
            recorder.header(stamp_ns), ['a'], np.array([float(ms)]), np.zeros(0), np.zeros(0)
        )
        messages.append(('/joint_states', stamp_ns, state))
    return recorder.write(path, messages)


def read(path):
    return read_felt_episodes(path, ReadOptions(frames=FrameSpec(8), rate_hz=20.0), PROPRIO)


def test_each_picture_has_the_newest_numbers(tmp_path, recorder):
    _, felt, _ = read(bag_of(recorder, tmp_path / 'b', range(0, 2000, 100)))
    assert felt[0][:, 0].tolist() == [100 * (k // 2) for k in range(40)]


@pytest.mark.parametrize('joints_ms', [range(0, 900, 20), [*range(0, 500, 20), 1500, 1550]])
def test_joints_that_stop_are_said(tmp_path, recorder, joints_ms):
    path = bag_of(recorder, tmp_path / 'b', joints_ms)
    with pytest.raises(ClaifoError, match=r'/joint_states: no joint states for 0.5\d s at frame'):
        read(path)
