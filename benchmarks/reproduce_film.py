"""The film of an expert, recorded side by side in parts, so that it can be cut short and go on."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.bags.truth import TRUTH_FILE, read_truth, write_truth
from claifo_core.errors import ClaifoError
from claifo_sim.domains import source_of
from claifo_sim.rendering import probe

if TYPE_CHECKING:
    from claifo_core.config import EnvConfig

_PART_EPISODES = 5


@dataclasses.dataclass(frozen=True)
class Film:
    """What is recorded.

    Attributes:
        folder: Where; the data set appears there as a whole.
        env: World of the agent; the expert is filmed in its source domain.
        episodes: How many; episode i has seed i.
        episode_steps: Control steps of each; 0: those of the task.
    """

    folder: Path
    env: EnvConfig
    episodes: int
    episode_steps: int

    @property
    def parts(self) -> list[Path]:
        """Folders of the parts, in order."""
        beside = self.folder.with_name(f'{self.folder.name}_parts')
        starts = range(0, self.episodes, _PART_EPISODES)
        return [beside / f'from_{start:03d}' for start in starts]


def record(film: Film, until_s: float) -> bool:
    """Record what is missing; returns whether the film is whole.

    Args:
        film: What to record.
        until_s: Recording ends then, by the monotonic clock; finished parts are kept.

    Raises:
        ClaifoError: a recording failed.
    """
    if (film.folder / TRUTH_FILE).is_file():
        return True
    missing = [part for part in film.parts if not (part / TRUTH_FILE).is_file()]
    if missing:
        print(f'film: recording {film.episodes} episodes of the expert', flush=True)
        missing[0].parent.mkdir(parents=True, exist_ok=True)
        probe()  # once, here: all recordings inherit the answer
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda part: _record_part(film, part, until_s), missing))
    if all(done):
        _join(film)
    return all(done)


def _record_part(film: Film, part: Path, until_s: float) -> bool:
    """Record one part in a process of its own, which is ended when the time is over."""
    first = int(part.name.removeprefix('from_'))
    env = film.env
    command = [
        sys.executable, '-m', 'claifo', 'expert', 'record', env.task,
        '--domain', source_of(env.domain), '--size-px', str(env.size_px),
        '--episodes', str(min(_PART_EPISODES, film.episodes - first)), '--seed', str(first),
        '--episode-steps', str(film.episode_steps), '--out', str(part),
    ]  # fmt: skip
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        return False
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=left_s, check=False,
            env=os.environ | {'OMP_NUM_THREADS': '1'},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    if done.returncode:
        said = (done.stderr.splitlines() or ['nothing said'])[-1]
        raise ClaifoError(f'{part}: the recording failed: {said}')
    return True


def _join(film: Film) -> None:
    """Put the episodes of all parts into one data set; may be interrupted and repeated."""
    whole = film.folder.with_name(f'.{film.folder.name}.tmp')
    whole.mkdir(exist_ok=True)
    episodes = []
    for part in film.parts:
        truth = read_truth(part)
        assert truth is not None
        for episode in truth.episodes:
            name = f'episode_{len(episodes):03d}'
            if not (whole / name).exists():
                (part / episode.bag).rename(whole / name)
            episodes.append(dataclasses.replace(episode, bag=name))
    write_truth(whole, dataclasses.replace(truth, episodes=tuple(episodes)))
    whole.rename(film.folder)
    shutil.rmtree(film.parts[0].parent)
