"""From the numbers of an action to the message that a robot's controller takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from claifo_msgs.msg import Action
from geometry_msgs.msg import TwistStamped
from rclpy.duration import Duration
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from claifo_core.deploy.action import ActionPart

KINDS = {
    'action': Action,
    'float64_multi_array': Float64MultiArray,
    'joint_trajectory': JointTrajectory,
    'twist_stamped': TwistStamped,
}


def encode(part: ActionPart, values: np.ndarray, stamp: Time, period_s: float) -> Any:  # noqa: ANN401
    """Return the command as the contract wants it sent.

    Args:
        part: Of the contract.
        values: float64 (A,), in the units of the contract.
        stamp: Of the command; a trajectory has none: it begins when the controller gets it.
        period_s: In which a trajectory is to get there.
    """
    if part.output == 'float64_multi_array':
        return Float64MultiArray(data=values.tolist())
    if part.output == 'action':
        message = Action(num_envs=1, data=values.astype('float32').tolist())
    elif part.output == 'twist_stamped':
        message = _twist(part, values)
        message.header.frame_id = part.frame_id
    else:
        point = JointTrajectoryPoint(time_from_start=Duration(seconds=period_s).to_msg())
        setattr(point, 'positions' if part.meaning == 'position' else 'velocities',
                values.tolist())  # fmt: skip
        return JointTrajectory(joint_names=list(part.names), points=[point])
    message.header.stamp = stamp
    return message


def _twist(part: ActionPart, values: np.ndarray) -> TwistStamped:
    message = TwistStamped()
    for name, value in zip(part.names, values.tolist(), strict=True):
        kind, axis = name.split('.')
        setattr(getattr(message.twist, kind), axis, value)
    return message


def decode(part: ActionPart, message: Any) -> np.ndarray | None:  # noqa: ANN401 (of KINDS)
    """Return the numbers of a command, float64 (A,); None if a joint is missing."""
    if part.output == 'twist_stamped':
        pairs = (name.split('.') for name in part.names)
        return np.array([getattr(getattr(message.twist, kind), axis) for kind, axis in pairs])
    if part.output == 'joint_trajectory':
        numbers = _last_point(part, message)
        values = [numbers[name] for name in part.names if name in numbers]
    else:
        values = list(message.data)
    return np.array(values, float) if len(values) == len(part.names) else None


def _last_point(part: ActionPart, message: JointTrajectory) -> dict[str, float]:
    """Return the number of each joint at the end of a trajectory."""
    if not message.points:
        return {}
    point = message.points[-1]
    values = point.positions if part.meaning == 'position' else point.velocities
    return dict(zip(message.joint_names, values, strict=False))
