"""Episodes with the actions of the expert: those that it took at the frames which the agent sees.

A film is images alone; these bags are demonstrations, for the methods that need more. Actions are
``claifo_msgs/msg/Action`` of one environment: numbers in [-1, 1], stamped with the picture that
they answer. An agent that acts less often than the expert gets the action of the frame that it
sees, not those in between.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo.bags.episodes import each_episode
from claifo.bags.messages import ACTION, newest_at, read_stamped, ticks_of
from claifo.bags.report import Tally
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo.bags.messages import Stamped
    from claifo.bags.options import ReadOptions
    from claifo.bags.reader import BagPath
    from claifo.bags.report import BagReport

ACTION_TOPIC = '/action'
"""Where `claifo expert record --actions` writes them."""

_WAY_OUT = (
    'record the film with `claifo expert record --actions`, or name the topic of its actions with '
    '`--expert.action_topic`'
)
_NS_PER_S = 1e9
_LONG_AGO_NS = -(2**62)


def read_acted_episodes(
    paths: Sequence[Path], options: ReadOptions, topic: str, action_dim: int
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float32]], BagReport]:
    """Read episodes of frames with the action that was taken at each but the last.

    Args:
        paths: Bags, or folders of bags.
        options: What to read of the cameras, and how.
        topic: Topic of the actions.
        action_dim: Length of an action, A.

    Returns:
        Frames, uint8 (T, size, size, 3 V), and actions, float32 (T - 1, A), of each episode; and
        what happened on the way.

    Raises:
        ClaifoError: as :func:`claifo.bags.read_episodes`; also when the topic or an action is
            missing, or an action is not A numbers in [-1, 1].
    """
    tally = Tally()
    films: list[NDArray[np.uint8]] = []
    actions: list[NDArray[np.float32]] = []
    read = functools.lru_cache(1)(functools.partial(_read, topic=topic, action_dim=action_dim))
    for where, film in each_episode(paths, options, tally):
        ticks_ns = ticks_of(tally.starts_ns[-1], len(film) - 1, options.rate_hz)
        said = f'{where.path}: {topic}: episode {len(films) + 1}'
        films.append(film)
        actions.append(_taken(ticks_ns, read(where), options.rate_hz, said))
    return films, actions, tally.report()


def _read(where: BagPath, topic: str, action_dim: int) -> Stamped:
    return read_stamped(
        where, topic, ACTION, functools.partial(_numbers, action_dim=action_dim), _WAY_OUT
    )


def _numbers(message: Any, said: str, action_dim: int) -> list[float]:  # noqa: ANN401
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
