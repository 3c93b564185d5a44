"""Writing beside a film what the expert did at its frames, and what that earned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from claifo.bags.demonstrations import ACTION_TOPIC, REWARD_TOPIC
from claifo.bags.messages import ACTION, TIME_STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from rosbags.interfaces import Connection
    from rosbags.rosbag2 import Writer

    from claifo_core.data import Demonstration

_FIRST, _MID, _LAST = 0, 1, 2  # constants of TimeStep


class Beside:
    """The topics of one demonstration in a bag that is being written."""

    def __init__(
        self,
        bag: Writer,
        types: Any,  # noqa: ANN401 (of rosbags)
        shown: Demonstration,
        connect: Callable[[Writer, str, str], Connection],
    ) -> None:
        """Open the topics: that of rewards where they are known.

        Args:
            bag: The bag.
            types: Definitions, those of claifo_msgs as well.
            shown: The demonstration.
            connect: Opens a topic of a name and type.
        """
        self._bag, self._types, self._shown = bag, types, shown
        self._acting = connect(bag, ACTION_TOPIC, ACTION)
        known = shown.rewards is not None
        self._earning = connect(bag, REWARD_TOPIC, TIME_STEP) if known else None

    def write(self, k: int, stamp_ns: int, header: Any) -> None:  # noqa: ANN401 (a message)
        """Write what belongs to frame ``k``."""
        if k < len(self._shown.actions):
            self._put(self._acting, stamp_ns, self._action(k, header))
        if self._earning and self._shown.rewards is not None:
            step = self._time_step(k, header, self._shown.rewards)
            self._put(self._earning, stamp_ns, step)

    def _put(self, connection: Connection, stamp_ns: int, message: Any) -> None:  # noqa: ANN401
        data = self._types.serialize_cdr(message, connection.msgtype)
        self._bag.write(connection, stamp_ns, data)

    def _action(self, k: int, header: Any) -> Any:  # noqa: ANN401
        return self._types.types[ACTION](
            header=header, run=0, session=0, step=k, weights_version=0, num_envs=1,
            data=np.asarray(self._shown.actions[k], np.float32), received_ns=0,
            preprocessed_ns=0, inferred_ns=0, published_ns=0, late=0, dropped=0,
        )  # fmt: skip

    def _time_step(self, k: int, header: Any, rewards: NDArray[np.float32]) -> Any:  # noqa: ANN401
        """Return reward and discount of the step that led to frame ``k``, without its picture."""
        last = k == len(rewards)
        kind = _FIRST if k == 0 else _LAST if last else _MID
        led = self._shown.actions[k - 1] if k else np.zeros_like(self._shown.actions[0])
        nothing = np.zeros(0, np.float32)
        return self._types.types[TIME_STEP](
            header=header, task='', domain='', run=0, session=0, step=k, weights_version=0,
            num_envs=1, height=0, width=0, views=0, frames=np.zeros(0, np.uint8),
            action=np.asarray(led, np.float32), proprio=nothing,
            reward=np.array([rewards[k - 1] if k else 0], np.float32),
            discount=np.array([0 if last and self._shown.terminated else 1], np.float32),
            step_type=np.array([kind], np.uint8), success=np.zeros(0, bool),
        )  # fmt: skip
