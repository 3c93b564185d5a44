"""Policy, robot and operator of a safety node, in one node."""

from __future__ import annotations

import time

import numpy as np
import yaml
from claifo_msgs.msg import Action, SafetyStatus
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger

from claifo_core.deploy import contract
from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.limits import Workspace
from claifo_nodes import qos
from claifo_nodes.safety_node import SafetyNode

HZ = 10.0  # slow enough for a busy machine


def files(
    tmp_path, meaning='effort', output='float64_multi_array', on_fault='zero', plain=False,
    **changes,
):  # fmt: skip
    """Write contract and limits; ``plain``: commands are the numbers of the actions."""
    scale, offset = ((1.0, 1.0), (0.0, 0.0)) if plain else ((2.0, 1.0), (0.5, 0.0))
    names = ('linear.x', 'linear.z') if meaning == 'twist' else ('a', 'b')
    agreed = contract.Contract(
        contract.FORMAT, 'any', HZ, 16, 1, (contract.Camera('/eye', 'rgb8', 16, 16, HZ),),
        ActionPart(output, '/robot/commands', meaning, names, scale, offset),
    )  # fmt: skip
    joint = {'step': 0.5, 'position': [-1, 1], 'velocity': 2.0, 'effort': 1.5}
    limits = {
        'format': 'claifo-limits-1', 'on_fault': on_fault,
        'joints': [{'name': name, **joint} for name in names],
    } | changes  # fmt: skip
    if meaning == 'twist':
        box = Workspace('/pose', (-1, -1, -1), (1, 1, 1))
        limits['workspace'] = {'topic': box.topic, 'low': list(box.low), 'high': list(box.high)}
    (tmp_path / 'contract.yaml').write_text(contract.dump(agreed))
    (tmp_path / 'limits.yaml').write_text(yaml.safe_dump(limits))
    return {
        'contract': str(tmp_path / 'contract.yaml'), 'limits': str(tmp_path / 'limits.yaml')
    }


class Peer(Node):
    """Policy, robot and operator in one."""

    def __init__(self, kind=Float64MultiArray):
        super().__init__('peer')
        self.place, self.moves = np.zeros(2), np.zeros(2)
        self.actions = self.create_publisher(Action, 'action', qos.ACTION)
        self.stop = self.create_publisher(Bool, 'estop', 1)
        self.joints = self.create_publisher(JointState, '/joint_states', qos.SENSOR)
        self.sent, self.status = [], []
        self.create_subscription(kind, '/robot/commands', self.take, 100)
        self.create_subscription(SafetyStatus, '/safety/status', self.status.append, 100)
        self.reset = self.create_client(Trigger, '/safety/reset')
        self.estop = self.create_client(Trigger, '/safety/estop')
        self.life = self.create_client(ChangeState, '/safety/change_state')

    def take(self, message):
        self.sent.append(message)

    def obey(self):
        """Be a robot that moves as it is told, and tells where it is, from now on."""
        self.looked_s = time.monotonic()
        self.create_timer(0.01, self._move)

    def _move(self):
        now_s = time.monotonic()
        if self.sent:
            self.moves = np.array(self.sent[-1].data)
        self.place = self.place + self.moves * (now_s - self.looked_s)
        self.looked_s = now_s
        message = JointState(name=['a', 'b'], position=self.place.tolist(),
                             velocity=self.moves.tolist())  # fmt: skip
        message.header.stamp = self.get_clock().now().to_msg()
        self.joints.publish(message)

    def change(self, client, number):
        """Ask for a change of the lifecycle."""
        request = ChangeState.Request()
        request.transition.id = number
        return client.call_async(request)

    @property
    def commands(self):
        return [list(message.data) for message in self.sent]

    def ask(self, *numbers, age_s=0.0):
        action = Action(num_envs=1, data=[float(n) for n in numbers])
        now_ns = self.get_clock().now().nanoseconds - int(age_s * 1e9)
        action.header.stamp.sec, action.header.stamp.nanosec = divmod(now_ns, 10**9)
        self.actions.publish(action)

    def stand(self, *positions, names=('b', 'a')):
        self.joints.publish(JointState(name=list(names), position=list(positions)))


class Graph:
    """A safety node and its peer, in one executor."""

    def __init__(self, ros, spin, given, kind=Float64MultiArray):
        ros(given)
        self.node, self.peer = SafetyNode(), Peer(kind)
        self.spinner = spin(self.node, self.peer)
        self.until, self.rest = self.spinner.until, self.spinner.rest
        self.until(lambda: self.node.active and self.peer.actions.get_subscription_count())
        self.until(lambda: self.node._commands.get_subscription_count())
        self.until(lambda: self.node._told.get_subscription_count())
        self.until(self.peer.stop.get_subscription_count)

    def pass_on(self, *numbers, **settings):
        """Ask for a command and return what the robot gets."""
        count = len(self.peer.sent)
        self.peer.ask(*numbers, **settings)
        self.until(lambda: len(self.peer.sent) > count)
        return self.peer.sent[-1]

    def told(self, state):
        """Return what was told of a state."""
        return [status for status in self.peer.status if status.state == state]

    def fault(self):
        """Wait for a fault and return its reason."""
        self.until(lambda: self.peer.status and self.peer.status[-1].state == SafetyStatus.FAULT)
        return self.peer.status[-1].reason

    def call(self, client):
        self.until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.until(future.done)
        return future.result()

    def change(self, number):
        self.until(self.peer.life.service_is_ready)
        future = self.peer.change(self.peer.life, number)
        self.until(future.done)
        return future.result().success

    def drive(self, *numbers, seconds=1.0):
        """Ask for the same at the control rate."""
        for _ in range(round(seconds * HZ)):
            self.peer.ask(*numbers)
            self.rest(1 / HZ)
