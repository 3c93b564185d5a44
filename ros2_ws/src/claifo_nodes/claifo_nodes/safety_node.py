"""`safety_node`: the last one before the robot. Every command passes its limits, or none goes out.

It trusts nobody: not the policy to be finite or alive, not the camera to be there. What it needs
is in its own process, so it goes on when all others are killed. What it does is decided by
:class:`claifo_core.deploy.gate.Gate`; this node tells it what comes, and when, and sends what it
answers.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from claifo_msgs.msg import Action, SafetyStatus
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from claifo_core.deploy import actors, limits
from claifo_core.deploy.events import (
    Activate,
    Asked,
    Button,
    Deactivate,
    Now,
    Posed,
    Reset,
    State,
    Stop,
    Tick,
)
from claifo_core.deploy.gate import Gate
from claifo_core.deploy.joints import Told
from claifo_core.deploy.latch import Latch
from claifo_core.deploy.limits import Estop
from claifo_core.errors import ClaifoError
from claifo_nodes import commands, params, qos, realtime
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.lifecycle import ManagedNode
from claifo_nodes.main import run
from claifo_nodes.services import offer

if TYPE_CHECKING:
    from claifo_core.deploy.events import Event, Outcome

_WATCH_S = 0.004
_ALONE_S = 3.0
_ACKED = Duration(seconds=0.5)


class SafetyNode(ManagedNode):
    """Configured: it hears the emergency stop. Active: actions pass, inside the limits."""

    def __init__(self) -> None:
        """Declare the parameters, and listen to the emergency stop."""
        super().__init__('safety')
        self._contract_file: str = params.declare(
            self, 'contract', '', 'deployment contract (YAML), or a policy that carries one'
        )
        self._limits_file: str = params.declare(
            self, 'limits', '', 'limits (YAML), or a contract that has them'
        )
        self._diagnostics = Diagnostics(self)
        self._gate: Gate | None = None
        self._latch = Latch()
        self._said = (State.INACTIVE, '')
        # The ROS clock may stand still just when something goes wrong.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_WATCH_S, self._watch, clock=clock)
        self.create_timer(1.0, self._look, clock=clock)
        offer(self, Trigger, '~/estop', self._on_estop_call)
        offer(self, Trigger, '~/reset', self._on_reset)
        self._stops: list[Any] = []
        self._listen_to_stop(Estop().topic)

    def _listen_to_stop(self, topic: str) -> None:
        """Listen to one emergency stop, whatever its quality of service."""
        for subscription in self._stops:
            self.destroy_subscription(subscription)
        # Where one of the two does not fit, the other hears.
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
        self._stops = [
            self.create_subscription(Bool, topic, self._on_estop, profile, event_callbacks=quiet)
            for profile in qos.STOP
        ]

    def configure(self) -> None:
        """Read contract and limits, and open the topics.

        Raises:
            ClaifoError: one is missing, or they do not fit together.
        """
        for name in ('contract', 'limits'):
            if not getattr(self, f'_{name}_file'):
                raise ClaifoError(f'parameter {name} is empty; without it nothing may move')
        contract = actors.read_contract(self._contract_file)
        self._part, self._period_s = contract.action, contract.period_ns / 1e9
        bounds = limits.load(self._limits_file)
        limits.check(bounds, self._part, self._limits_file)
        if bounds.estop.topic != Estop().topic:
            self._listen_to_stop(bounds.estop.topic)
        self._gate = Gate(bounds, self._part, self._period_s, self._latch)
        self._heard_s = time.monotonic()
        self._commands = self.create_publisher(
            commands.KINDS[self._part.output], self._part.topic, QoSProfile(depth=1)
        )
        self._told = self.create_publisher(SafetyStatus, '~/status', qos.STATUS)
        self._inputs = [
            self.create_subscription(Action, 'action', self._on_action, qos.ACTION),
            *self._senses(bounds),
        ]

    def _senses(self, bounds: limits.Limits) -> list[Any]:
        """Listen to what measures the robot."""
        assert self._gate
        if self._gate.measures == 'joints':
            return [self.create_subscription(
                JointState, bounds.joint_states, self._on_joints, qos.JOINTS
            )]  # fmt: skip
        if bounds.workspace and self._gate.measures == 'pose':
            return [self.create_subscription(
                PoseStamped, bounds.workspace.topic, self._on_pose, qos.SENSOR
            )]  # fmt: skip
        return []

    def activate(self) -> None:
        """Begin to wait for actions; a fault that was not reset is one still."""
        self._take(Activate())

    def deactivate(self) -> None:
        """Bring the robot to a standstill; it takes as long as that takes."""
        while not self.at_rest():
            time.sleep(_WATCH_S)

    def at_rest(self) -> bool:
        """Bring the robot to a standstill, by a call every few milliseconds.

        Returns:
            Whether that is done, and all who listen reliably have the last command.
        """
        if self._gate is None or self._gate.state == State.INACTIVE:
            return True
        if self._take(Deactivate()).state == State.INACTIVE:
            self._commands.wait_for_all_acked(_ACKED)
        return False

    def cleanup(self) -> None:
        """Close the topics; a fault is kept."""
        if self._gate is None:
            return
        self._gate = None
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        for publisher in (self._commands, self._told):
            self.destroy_publisher(publisher)

    def _now(self) -> Now:
        return Now(time.monotonic(), self.get_clock().now().nanoseconds)

    def _take(self, event: Event) -> Outcome:
        """Tell the gate what comes, and send what it answers."""
        assert self._gate
        outcome = self._gate.step(self._now(), event)
        if outcome.command is not None:
            stamp = self.get_clock().now().to_msg()
            self._commands.publish(
                commands.encode(self._part, outcome.command, stamp, self._period_s)
            )
        self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        """Publish what was made of an action, and every change of state."""
        said, self._said = self._said, (outcome.state, outcome.reason)
        if outcome.wish is not None and outcome.command is not None:
            self._tell_command(outcome, outcome.wish, outcome.command)
        elif said[0] != outcome.state != State.RUNNING:
            self._since = self.get_clock().now().to_msg()
            self._tell_state()
            if outcome.state == State.FAULT:
                self._diagnostics.error('fault', outcome.reason)

    def _tell_command(self, outcome: Outcome, wish: np.ndarray, command: np.ndarray) -> None:
        clipped = (wish != command).tolist()
        self._diagnostics.counts['commands'] += 1
        self._diagnostics.counts['clipped'] += any(clipped)
        status = SafetyStatus(
            state=outcome.state.value, reason=outcome.reason, names=list(self._part.names),
            requested=wish.tolist(), sent=command.tolist(), clipped=clipped,
        )  # fmt: skip
        seconds, status.header.stamp.nanosec = divmod(outcome.stamp_ns, 10**9)
        status.header.stamp.sec = seconds
        self._told.publish(status)

    def _tell_state(self) -> None:
        state, reason = self._said
        status = SafetyStatus(state=state.value, reason=reason, names=list(self._part.names))
        status.header.stamp = self._since
        self._told.publish(status)

    def _on_action(self, action: Action) -> None:
        """Ask for a command."""
        header, values = action.header, np.frombuffer(action.data, np.float32).astype(float)
        stamp_ns = header.stamp.sec * 10**9 + header.stamp.nanosec
        outcome = self._take(Asked(values, action.num_envs, stamp_ns))
        if outcome.refused and outcome.state == State.WAITING:
            self._diagnostics.warn('waiting', outcome.refused)
        elif outcome.refused:
            self._diagnostics.count('ignored')

    def _on_joints(self, message: JointState) -> None:
        """Tell where the joints are."""
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        told = Told(message.name, message.position, message.velocity, message.effort, stamp_ns)
        if refused := self._take(told).refused:
            self._diagnostics.error('joint_states', f'{refused}; it is left out')

    def _on_pose(self, message: PoseStamped) -> None:
        """Tell where the body is."""
        at, turned, stamp = message.pose.position, message.pose.orientation, message.header.stamp
        posed = Posed((at.x, at.y, at.z), (turned.x, turned.y, turned.z, turned.w),
                      stamp.sec * 10**9 + stamp.nanosec)  # fmt: skip
        if refused := self._take(posed).refused:
            self._diagnostics.error('pose', f'{refused}; it is left out')

    def _on_estop(self, message: Bool) -> None:
        if self._gate:
            self._take(Button(message.data))
        else:
            self._latch.press(message.data, time.monotonic())

    def _on_estop_call(self, _: Trigger.Request) -> str:
        if self._gate:
            self._take(Stop())
        else:
            self._latch.stop()
        return 'stopped; ~/reset goes on'

    def _on_reset(self, _: Trigger.Request) -> str:
        reason = self._latch.fault
        refused = self._take(Reset()).refused if self._gate else self._latch.reset()
        if refused:
            raise ClaifoError(refused)
        return f'goes on; the fault was: {reason}'

    def _watch(self) -> None:
        """Let the gate know that time goes by."""
        if self._gate:
            self._take(Tick())

    def _look(self) -> None:
        """Tell what nobody else would notice."""
        self._diagnostics.set('state', self._said[0].value)
        self._diagnostics.set('reason', self._said[1])
        if not self.active:
            return
        if self._said[0] != State.RUNNING:
            self._tell_state()
        if self._commands.get_subscription_count():
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > _ALONE_S:
            self._diagnostics.warn(
                'no_controller', f'nobody listens on {self._commands.topic_name}; start the '
                'controller, or correct the topic in the contract'
            )  # fmt: skip


def main() -> int:
    """Run the node, in real time where that may be had; returns its exit code."""
    print(realtime.ask(), flush=True)
    return run(SafetyNode, rest=SafetyNode.at_rest)


if __name__ == '__main__':
    sys.exit(main())
