"""The true returns of a recorded expert, kept beside its bags.

They are there to judge a policy after it has learned. Nothing that learns from a bag opens
the file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from claifo_core.errors import ClaifoError
from claifo_core.files import write_json_atomic

TRUTH_FILE = 'claifo.json'


@dataclass(frozen=True)
class EpisodeTruth:
    """One recorded episode.

    Attributes:
        bag: Name of its folder in the data set.
        frames: Number of frames.
        true_return: Sum of the true rewards; None if the recording knows none.
        seed: Seed of the episode; None if it has none.
    """

    bag: str
    frames: int
    true_return: float | None
    seed: int | None


@dataclass(frozen=True)
class Truth:
    """Where a recorded data set comes from and how good its expert really was.

    Attributes:
        task: Name of the task.
        domain: Visual domain in which it was recorded.
        command: Command that recorded it.
        rate_hz: Control rate, frames per second.
        episodes: One entry per bag.
        random_return: Mean true return of uniform random actions in the task; None if unknown.
    """

    task: str
    domain: str
    command: str
    rate_hz: float
    episodes: tuple[EpisodeTruth, ...]
    random_return: float | None = None

    @property
    def returns(self) -> list[float]:
        """The true returns that are known."""
        return [e.true_return for e in self.episodes if e.true_return is not None]


def write_truth(folder: Path, truth: Truth) -> None:
    """Write ``truth`` into the folder of the data set."""
    write_json_atomic(folder / TRUTH_FILE, asdict(truth))


def read_truth(path: Path | str) -> Truth | None:
    """Read the truth of a recorded data set; None for bags that come without one.

    Raises:
        ClaifoError: the file is there but not readable.
    """
    file = Path(path) / TRUTH_FILE
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text('utf-8'))
        episodes = tuple(EpisodeTruth(**episode) for episode in content.pop('episodes'))
        return Truth(**content, episodes=episodes)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClaifoError(
            f'{file}: not a record of true returns ({error}); record the data set again'
        ) from error
