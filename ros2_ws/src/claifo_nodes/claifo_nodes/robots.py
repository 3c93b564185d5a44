"""A simulated robot as others see it: joint states out, commands in, and time that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from claifo_msgs.msg import TimeStep
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from claifo_nodes import qos

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time
    from rclpy.node import Node

    from claifo_nodes.diagnostics import Diagnostics
    from claifo_nodes.time_steps import Batch
    from claifo_nodes.worlds import World

_PATIENCE_S = 0.5


class Robot:
    """One environment that obeys `Float64MultiArray`, and says its return.

    It holds a command for half a second, three periods at least; then it stands still, as the
    controller of every robot must: whoever commanded it is gone.

    Joint k of the proprioception is called ``proprio_k``, as in the contract of a policy of the
    simulator.
    """

    def __init__(
        self, node: Node, diagnostics: Diagnostics, world: World, control_hz: float
    ) -> None:
        """Stand still until the first command."""
        self._diagnostics, self._patience = diagnostics, max(round(_PATIENCE_S * control_hz), 3)
        self._joints = node.create_publisher(JointState, '/joint_states', qos.SENSOR)
        node.create_subscription(Float64MultiArray, '/commands', self._on_command, qos.ACTION)
        self.restart(world)

    def restart(self, world: World) -> None:
        """Begin anew, in another world perhaps."""
        self._world, self._command, self._return = world, np.zeros(world.action_dim), 0.0
        self._obeys, self._alone, self._shown = False, 0, world.restart()

    def _on_command(self, message: Float64MultiArray) -> None:
        command = np.array(message.data)
        if len(command) != self._world.action_dim or not np.isfinite(command).all():
            self._diagnostics.error(
                'command', f'{len(command)} numbers, or some that are not finite, are no command '
                f'of {self._world.action_dim}; it is not obeyed'
            )  # fmt: skip
            return
        self._command, self._obeys, self._alone = command, True, 0

    def go_on(self) -> Batch:
        """Return the next step: the same again while nobody has commanded anything."""
        if self._obeys:
            self._alone += 1
            if self._alone > self._patience:
                self._command = np.zeros_like(self._command)
                self._diagnostics.count('without_command')
            action = np.clip(self._command, -1, 1).astype(np.float32)[None]
            self._shown = self._world.step(action)
            self._count()
        return self._shown

    def _count(self) -> None:
        self._return += float(self._shown.reward[0])
        if self._shown.step_type[0] == TimeStep.LAST:
            print(f'episode ends: return {self._return:.1f}', flush=True)
            self._return = 0.0

    def tell_joints(self, batch: Batch, stamp: Time) -> None:
        """Publish the proprioception as joint states."""
        numbers = batch.proprio[0].astype(float).tolist()
        message = JointState(name=[f'proprio_{k}' for k in range(len(numbers))], position=numbers)
        message.header.stamp = stamp
        self._joints.publish(message)
