"""One piece of one run, in a process of its own: it goes on from its folder and ends in time.

Nothing heavy is imported here: simulator processes import it too.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import common

if TYPE_CHECKING:
    from claifo_core.data.replay import Replay

_SAVE_BYTES_PER_S = 100e6  # cautious: checksum, write and sync
_CLOSE_S = 4.0
_LOOK_S = 0.25
_GUESS_S = 60.0
_WAITING = 'policy_[0-9]*.safetensors'


class Deadline:
    """Asked between steps: is it time to save and to evaluate for the last time?

    What has to be kept back is watched: evaluations that wait (each is a file in the run folder),
    how long they take, and how much of the replay is not yet saved.
    """

    def __init__(self, until_s: float, run_dir: Path, replay: Replay) -> None:
        """Watch from now on.

        Args:
            until_s: When all must be over, by the monotonic clock.
            run_dir: Folder of the run.
            replay: What a checkpoint writes.
        """
        self._until_s, self._run_dir, self._replay = until_s, run_dir, replay
        now = time.monotonic()
        # Until an evaluation has been seen.
        self._evaluation_s = min(_GUESS_S, 0.25 * (until_s - now))
        self._front: Path | None = None
        self._front_since = self._looked = now

    def __call__(self) -> bool:
        """Return whether to stop."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return False
        self._looked = now
        return now + self.reserve_s(now) > self._until_s

    def reserve_s(self, now: float) -> float:
        """Return how long stopping would take."""
        waiting = sorted(self._run_dir.glob(_WAITING))
        front = waiting[0] if waiting else None
        if front != self._front:
            if self._front is not None:
                self._evaluation_s = now - self._front_since
            self._front, self._front_since = front, now
        under_way = now - self._front_since if front else 0.0
        each = 1.25 * max(self._evaluation_s, under_way)
        unsaved = len(self._replay.dirty()) * self._replay.chunk(0)['frames'].nbytes
        return (len(waiting) + 1) * each + unsaved / _SAVE_BYTES_PER_S + _CLOSE_S


def play(config_file: Path, run_dir: Path, until_s: float) -> None:
    """Train from the folder on until the end, the deadline or SIGTERM.

    Raises:
        ClaifoError: film, checkpoint or configuration cannot be used.
    """
    import functools
    from contextlib import closing

    from claifo.environments import env_spec
    from claifo.interrupts import die_with, stop_on_interrupt
    from claifo.training import read_expert, setting
    from claifo_core.config import settings
    from claifo_core.training.trainer import Trainer, World
    from claifo_sim import VectorEnv

    asked = stop_on_interrupt()
    die_with(os.getppid(), signal.SIGTERM)  # nobody would end this piece in time
    for waiting in run_dir.glob(_WAITING):  # of a piece that was cut off
        waiting.unlink()
    config = settings.load(config_file)
    expert = read_expert(config)
    specs = [env_spec(config.env)] * config.env.num_envs
    world = World(**vars(setting(config)), vector=functools.partial(VectorEnv, specs))
    with closing(
        Trainer(
            config, run_dir, world, expert.videos, demonstrations=expert.demonstrations,
            console=False,
        )
    ) as trainer:
        late = Deadline(until_s, run_dir, trainer.learner.replay)
        trainer.run(lambda: asked() or late())


def main() -> None:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path)
    parser.add_argument('run_dir', type=Path)
    parser.add_argument('until_s', type=float)
    args = parser.parse_args()
    play(args.config, args.run_dir, args.until_s)


if __name__ == '__main__':
    sys.exit(common.script(main))
