"""`safety_node`: the last one before the robot. Every command passes its limits, or none goes out.

It trusts nobody: not the policy to be finite or alive, not the camera to be there. What it needs
is in its own process, so it goes on when all others are killed.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from claifo_msgs.msg import Action, SafetyStatus
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from claifo_core.deploy import actors, limits
from claifo_core.errors import ClaifoError
from claifo_nodes import commands, params, qos
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.lifecycle import ManagedNode
from claifo_nodes.main import run
from claifo_nodes.services import offer

GRACE_S = 0.010
"""What transport and scheduling may cost beside the watchdog's periods."""
_WATCH_S = 0.004
_ALONE_S = 3.0


class SafetyNode(ManagedNode):
    """Active: passes actions on inside the limits; in a fault: sends the safe action."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('safety')
        self._contract_file: str = params.declare(
            self, 'contract', '', 'deployment contract (YAML), or a policy that carries one'
        )
        self._limits_file: str = params.declare(
            self, 'limits', '', 'limits (YAML), or a contract that has them'
        )
        self._diagnostics = Diagnostics(self)
        # The ROS clock may stand still just when something goes wrong.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_WATCH_S, self._watch, clock=clock)
        self.create_timer(1.0, self._look, clock=clock)
        offer(self, Trigger, '~/estop', self._on_estop_call)
        offer(self, Trigger, '~/reset', self._on_reset)
        self._state, self._reason = SafetyStatus.WAITING, 'not configured'
        self._stopped = False

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
        self._silence_s = bounds.watchdog_periods * self._period_s
        self._limiter = limits.Limiter(bounds, self._part, self._period_s)
        self._forget()
        one = QoSProfile(depth=1)
        self._commands = self.create_publisher(
            commands.KINDS[self._part.output], self._part.topic, one
        )
        self._told = self.create_publisher(SafetyStatus, '~/status', qos.ACTION)
        self._inputs: list[Any] = [
            self.create_subscription(Action, 'action', self._on_action, qos.ACTION),
            self.create_subscription(Bool, 'estop', self._on_estop, one),
        ]
        if self._limiter.measures == 'joints':
            self._inputs.append(
                self.create_subscription(
                    JointState, bounds.joint_states, self._on_joints, qos.SENSOR
                )
            )
        elif bounds.workspace and self._limiter.measures == 'pose':
            self._inputs.append(
                self.create_subscription(
                    PoseStamped, bounds.workspace.topic, self._on_pose, qos.SENSOR
                )
            )

    def _forget(self) -> None:
        self._state, self._reason = SafetyStatus.WAITING, 'for the first action'
        self._limiter.sent = None
        self._measured: np.ndarray | None = None
        self._measured_s = self._deadline_s = self._next_s = 0.0
        self._newest_ns = 0
        self._heard_s = time.monotonic()

    def deactivate(self) -> None:
        """Bring the robot to its safe state, and begin anew when activated again."""
        if self._limiter.sent is not None:
            self._send(self._limiter.safe())
        self._forget()

    def cleanup(self) -> None:
        """Close the topics."""
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        for publisher in (self._commands, self._told):
            self.destroy_publisher(publisher)

    def _on_joints(self, message: JointState) -> None:
        """Keep where the joints are; a message without all of them tells nothing."""
        place = dict(zip(message.name, message.position, strict=False))
        missing = [name for name in self._part.names if name not in place]
        if missing:
            self._diagnostics.error('joint_states', f'there is no position of {missing[0]}')
            return
        self._measure([place[name] for name in self._part.names])

    def _on_pose(self, message: PoseStamped) -> None:
        point = message.pose.position
        self._measure([point.x, point.y, point.z])

    def _measure(self, numbers: list[float]) -> None:
        if np.isfinite(numbers).all():
            self._measured, self._measured_s = np.array(numbers), time.monotonic()
        else:
            self._diagnostics.error('measurement', 'a number is not finite')

    def _on_action(self, action: Action) -> None:
        """Pass an action on, inside the limits, or find the fault in it."""
        if not self.active or self._state == SafetyStatus.FAULT:
            self._diagnostics.count('ignored')
            return
        values = np.frombuffer(action.data, np.float32).astype(float)
        age_s = self._age_s(action)
        if problem := self._wrong(action, values, age_s):
            self._fault(problem)
            return
        stamp_ns = action.header.stamp.sec * 10**9 + action.header.stamp.nanosec
        if stamp_ns > self._newest_ns or not self._deadline_s:
            self._newest_ns = stamp_ns
            self._deadline_s = time.monotonic() + self._silence_s + GRACE_S - max(age_s, 0.0)
        if self._limiter.sent is None and not self._begin():
            return
        requested = self._part_offset + self._part_scale * values
        sent = self._limiter.clip(requested, self._measured)
        self._state, self._reason = SafetyStatus.RUNNING, ''
        self._send(sent)
        self._tell(requested, sent, action.header)

    @property
    def _part_scale(self) -> np.ndarray:
        return np.array(self._part.scale)

    @property
    def _part_offset(self) -> np.ndarray:
        return np.array(self._part.offset)

    def _age_s(self, action: Action) -> float:
        stamp_ns = action.header.stamp.sec * 10**9 + action.header.stamp.nanosec
        return float(self.get_clock().now().nanoseconds - stamp_ns) / 1e9

    def _wrong(self, action: Action, values: np.ndarray, age_s: float) -> str:
        """Return what is wrong with an action; nothing if it may be passed on."""
        if action.num_envs != 1 or len(values) != len(self._part.names):
            return (f'an action has {len(values)} numbers for {action.num_envs} robots; the '
                    f'contract has {len(self._part.names)} for 1')  # fmt: skip
        if not np.isfinite(values).all():
            return 'an action is not finite'
        if age_s > self._silence_s + GRACE_S:
            return f'stale images: the action answers one of {1e3 * age_s:.0f} ms ago'
        if age_s < -self._silence_s:
            return f'an action answers an image {-age_s:.2f} s in the future; set the clocks'
        if self._limiter.sent is not None and not self._measured_lately():
            return f'nothing tells any more where the {self._limiter.measures} are'
        return ''

    def _measured_lately(self) -> bool:
        return not self._limiter.measures or (
            time.monotonic() - self._measured_s < self._silence_s + GRACE_S
        )

    def _begin(self) -> bool:
        """Start from where the robot is; returns whether that is known."""
        if not self._measured_lately():
            self._reason = f'nothing has told yet where the {self._limiter.measures} are'
            self._diagnostics.warn('waiting', self._reason)
            return False
        try:
            self._limiter.begin(np.zeros(0) if self._measured is None else self._measured)
        except ClaifoError as error:
            self._fault(str(error))
            return False
        return True

    def _watch(self) -> None:
        """Look whether images still come, and send the safe action in a fault."""
        now_s = time.monotonic()
        if self._state == SafetyStatus.RUNNING and now_s > self._deadline_s:
            self._fault(f'no newer image was acted on for {1e3 * self._silence_s:.0f} ms: camera '
                        'or policy is silent')  # fmt: skip
        elif self._state == SafetyStatus.FAULT and now_s >= self._next_s:
            self._send_safe(now_s)

    def _send_safe(self, now_s: float) -> None:
        self._next_s = max(self._next_s + self._period_s, now_s)
        if self._limiter.sent is not None:
            self._send(self._limiter.safe())

    def _send(self, command: np.ndarray) -> None:
        stamp = self.get_clock().now().to_msg()
        self._commands.publish(commands.encode(self._part, command, stamp, self._period_s))

    def _tell(self, requested: np.ndarray, sent: np.ndarray, header: Any) -> None:  # noqa: ANN401
        """Publish what was made of a command."""
        clipped = (requested != sent).tolist()
        self._diagnostics.counts['commands'] += 1
        self._diagnostics.counts['clipped'] += any(clipped)
        self._told.publish(
            SafetyStatus(
                header=header, state=self._state, reason=self._reason,
                names=list(self._part.names), requested=requested.tolist(), sent=sent.tolist(),
                clipped=clipped,
            )
        )  # fmt: skip

    def _fault(self, reason: str) -> None:
        """Send the safe action from now on, until it is reset."""
        self._state, self._reason = SafetyStatus.FAULT, reason
        now_s = time.monotonic()
        self._next_s = now_s
        self._send_safe(now_s)
        self._diagnostics.error('fault', reason)
        status = SafetyStatus(state=self._state, reason=reason, names=list(self._part.names))
        status.header.stamp = self.get_clock().now().to_msg()
        self._told.publish(status)

    def _on_estop(self, message: Bool) -> None:
        self._stopped = message.data
        if message.data and self.active and self._state != SafetyStatus.FAULT:
            self._fault('emergency stop, by topic')

    def _on_estop_call(self, _: Trigger.Request) -> str:
        if not self.active:
            raise ClaifoError('the node is not active: it sends nothing')
        if self._state != SafetyStatus.FAULT:
            self._fault('emergency stop, by service')
        return 'stopped; ~/reset goes on'

    def _on_reset(self, _: Trigger.Request) -> str:
        if self._state != SafetyStatus.FAULT:
            raise ClaifoError('there is no fault')
        if self._stopped:
            raise ClaifoError('the emergency stop is still pressed: estop says true')
        reason = self._reason
        measured, at_s = self._measured, self._measured_s
        self._forget()
        self._measured, self._measured_s = measured, at_s
        return f'goes on; the fault was: {reason}'

    def _look(self) -> None:
        """Tell what nobody else would notice."""
        self._diagnostics.set('state', self._state)
        self._diagnostics.set('reason', self._reason)
        if not self.active:
            return
        if self._commands.get_subscription_count():
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > _ALONE_S:
            self._diagnostics.warn(
                'no_controller', f'nobody listens on {self._commands.topic_name}; start the '
                'controller, or correct the topic in the contract'
            )  # fmt: skip


def main() -> int:
    """Run the node; returns its exit code."""
    return run(SafetyNode)


if __name__ == '__main__':
    sys.exit(main())
