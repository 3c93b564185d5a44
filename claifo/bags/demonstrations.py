"""Episodes with what the expert did at the frames that the agent sees, and what that earned.

A film is images alone; these bags are demonstrations, for the methods that need more. Actions are
``claifo_msgs/msg/Action`` of one environment: numbers in [-1, 1], stamped with the picture that
they answer. Rewards are ``claifo_msgs/msg/TimeStep``, stamped with the picture to which they led.
An agent that acts less often than the expert gets the action of the frame that it sees, not those
in between, and the sum of the rewards up to the next.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo.bags.episodes import each_episode
from claifo.bags.messages import ACTION, TIME_STEP, newest_at, read_stamped, ticks_of
from claifo.bags.report import BagReport
from claifo_core.data import Demonstration
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo.bags.messages import Stamped
    from claifo.bags.options import ReadOptions
    from claifo.bags.reader import BagPath

ACTION_TOPIC, REWARD_TOPIC = '/action', '/time_step'
"""Where `claifo expert record --actions` writes them."""

_WAY_OUT = (
    'record the film with `claifo expert record --actions`, or name the topic with '
    '`--expert.{}_topic`'
)
_NS_PER_S = 1e9
_LONG_AGO_NS = -(2**62)


def read_demonstrations(
    paths: Sequence[Path],
    options: ReadOptions,
    action_dim: int,
    *,
    action_topic: str,
    reward_topic: str = '',
) -> tuple[list[NDArray[np.uint8]], list[Demonstration], BagReport]:
    """Read episodes of frames with what is known beside them.

    Args:
        paths: Bags, or folders of bags.
        options: What to read of the cameras, and how.
        action_dim: Length of an action, A.
        action_topic: Topic of the actions.
        reward_topic: Topic of the rewards; empty: they are not read.

    Returns:
        Frames, uint8 (T, size, size, 3 V), and a demonstration of each episode; and what happened
        on the way.

    Raises:
        ClaifoError: as :func:`claifo.bags.read_episodes`; also when a topic, an action or a reward
            is missing, or an action is not A numbers in [-1, 1].
    """
    report = BagReport()
    films: list[NDArray[np.uint8]] = []
    shown: list[Demonstration] = []
    actions = functools.lru_cache(1)(
        functools.partial(_read_actions, topic=action_topic, action_dim=action_dim)
    )
    rewards = functools.lru_cache(1)(functools.partial(_read_rewards, topic=reward_topic))
    for where, film in each_episode(paths, options, report):
        films.append(film)
        ticks_ns = ticks_of(report.starts_ns[-1], len(film), options.rate_hz)
        said = f'{where.path}: {{}}: episode {len(films)}'
        taken = _taken(
            ticks_ns[:-1], actions(where), options.rate_hz, said.format(action_topic)
        )
        if reward_topic:
            earned = _earned(
                ticks_ns, rewards(where), options.rate_hz, said.format(reward_topic)
            )
            shown.append(Demonstration(taken, *earned))
        else:
            shown.append(Demonstration(taken))
    return films, shown, report


def _read_actions(where: BagPath, topic: str, action_dim: int) -> Stamped:
    numbers = functools.partial(_action, action_dim=action_dim)
    return read_stamped(where, topic, ACTION, numbers, _WAY_OUT.format('action'))


def _read_rewards(where: BagPath, topic: str) -> Stamped:
    return read_stamped(where, topic, TIME_STEP, _reward, _WAY_OUT.format('reward'))


def _action(message: Any, said: str, action_dim: int) -> list[float]:  # noqa: ANN401
    """Return the numbers of one action.

    Raises:
        ClaifoError: their count is wrong, or one is not a number in [-1, 1].
    """
    numbers = np.asarray(message.data)
    if numbers.shape != (action_dim,) or not (np.abs(numbers) <= 1).all():
        raise ClaifoError(
            f'{said}: action {numbers.tolist()} must be {action_dim} finite numbers in -1..1; '
            'record actions of this task'
        )
    return [float(number) for number in numbers]


def _reward(message: Any, said: str) -> list[float]:  # noqa: ANN401
    """Return reward and discount of one step.

    Raises:
        ClaifoError: they are not those of one environment, or not finite.
    """
    numbers = [*message.reward.tolist(), *message.discount.tolist()]
    if len(message.reward) != 1 or len(message.discount) != 1 or not np.isfinite(numbers).all():
        raise ClaifoError(
            f'{said}: reward {message.reward.tolist()} and discount {message.discount.tolist()} '
            'must be one finite number each; record one environment'
        )
    return numbers


def _taken(
    ticks_ns: NDArray[np.int64], recorded: Stamped, rate_hz: float, said: str
) -> NDArray[np.float32]:
    """Return the action that counts at each tick, float32 (T - 1, A).

    Raises:
        ClaifoError: at a tick there is none, or it is older than one step of the agent.
    """
    newest = newest_at(ticks_ns, recorded.stamps_ns, rate_hz)
    taken_ns = np.append(recorded.stamps_ns, _LONG_AGO_NS)[newest]
    missing = ticks_ns - taken_ns > _NS_PER_S / rate_hz
    if missing.any():
        raise ClaifoError(
            f'{said}: no action at frame {int(missing.argmax())} of {len(ticks_ns)} that need one '
            f'({rate_hz:g} per second); record an action with every picture'
        )
    return recorded.numbers[newest]


def _earned(
    ticks_ns: NDArray[np.int64], recorded: Stamped, rate_hz: float, said: str
) -> tuple[NDArray[np.float32], bool]:
    """Return what each step of the agent earned, float32 (T - 1,), and if the task ended it all.

    Raises:
        ClaifoError: within a step there is no reward.
    """
    newest = newest_at(ticks_ns, recorded.stamps_ns, rate_hz)
    missing = np.diff(newest) == 0
    if missing.any():
        raise ClaifoError(
            f'{said}: no reward between frames {int(missing.argmax())} and '
            f'{int(missing.argmax()) + 1} ({rate_hz:g} per second); record a reward with every '
            'picture'
        )
    so_far = np.append(0.0, np.cumsum(recorded.numbers[:, 0], dtype=np.float64))
    ended = bool(recorded.numbers[newest[-1], 1] == 0)
    return np.diff(so_far[newest + 1]).astype(np.float32), ended
