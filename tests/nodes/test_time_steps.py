"""TimeStep messages: arrays survive the wire, wrong ones are told by name."""

from __future__ import annotations

import array

import numpy as np
import pytest
from claifo_msgs.msg import TimeStep
from rclpy.serialization import deserialize_message, serialize_message

from claifo_core.errors import ClaifoError
from claifo_nodes import time_steps
from claifo_nodes.time_steps import Batch


def batch(count: int = 3, height: int = 5, width: int = 4, actions: int = 2, proprio: int = 6):
    rng = np.random.default_rng(0)
    return Batch(
        frames=rng.integers(0, 256, (count, height, width, 3), np.uint8),
        action=rng.uniform(-1, 1, (count, actions)).astype(np.float32),
        proprio=rng.normal(size=(count, proprio)).astype(np.float32),
        reward=rng.normal(size=count).astype(np.float32),
        discount=np.array([1, 0, 1], np.float32)[:count],
        step_type=np.array([TimeStep.FIRST, TimeStep.MID, TimeStep.LAST], np.uint8)[:count],
        success=np.array([False, True, False])[:count],
    )


def equal(a: Batch, b: Batch):
    for name, x, y in zip(Batch._fields, a, b, strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape and np.array_equal(x, y), name


def test_there_and_back():
    sent = batch()
    message = time_steps.pack(sent, task='walker_walk', run=7, session=8, step=9)
    assert (message.task, message.run, message.session, message.step) == ('walker_walk', 7, 8, 9)
    assert (message.num_envs, message.height, message.width) == (3, 5, 4)
    equal(time_steps.unpack(message), sent)
    equal(time_steps.unpack(deserialize_message(serialize_message(message), TimeStep)), sent)


def test_memory_that_is_not_in_order_is_put_in_order():
    sent = batch()
    turned = sent._replace(frames=np.asfortranarray(sent.frames), action=sent.action[::-1][::-1])
    equal(time_steps.unpack(time_steps.pack(turned)), sent)


def test_no_actions_and_no_proprioception():
    sent = batch(actions=0, proprio=0)
    equal(time_steps.unpack(time_steps.pack(sent)), sent)


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('frames', array.array('B', bytes(179)), 'frames has 179 values; 180 are needed'),
        ('action', array.array('f', [0.0] * 7), 'action has 7 values; a multiple of 3'),
        ('proprio', array.array('f', [0.0] * 4), 'proprio has 4 values; a multiple of 3'),
        ('reward', array.array('f', [0.0] * 2), 'reward has 2 values; 3 are needed'),
        ('discount', array.array('f'), 'discount has 0 values; 3 are needed'),
        ('step_type', array.array('B', [0]), 'step_type has 1 values; 3 are needed'),
        ('step_type', array.array('B', [0, 3, 1]), 'step_type has the value 3'),
        ('success', [True], 'success has 1 values; 3 are needed'),
        ('action', array.array('f', [0.0] * 5 + [float('nan')]), 'action holds a number that is'),
        ('proprio', array.array('f', [float('nan')] * 3), 'proprio holds a number that is not'),
        ('reward', array.array('f', [0.0, float('inf'), 0.0]), 'reward holds a number that is'),
        ('discount', array.array('f', [1.0, 1.0, float('nan')]), 'discount holds a number that'),
        ('num_envs', 0, 'has 0 environments'),
        ('num_envs', 2**32 - 1, 'frames has 180 values'),
        ('height', 0, '4x0'),
        ('height', 2**32 - 1, 'frames has 180 values'),
    ],
)
def test_what_does_not_fit_is_told_by_name(field, value, message):
    wrong = time_steps.pack(batch())
    setattr(wrong, field, value)
    with pytest.raises(ClaifoError, match=message) as caught:
        time_steps.unpack(wrong)
    assert '\n' not in str(caught.value)
