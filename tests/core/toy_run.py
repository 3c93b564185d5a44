"""Train in the toy world, session after session, each killed where the arguments say.

Arguments: run folder, JSON list of sessions. A session is null (runs to its end) or
[calls, syncs]: SIGKILL after so many vector steps and, from then on, at the start of file sync
number ``syncs``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import torch.utils.tensorboard  # noqa: F401 (imported once, before sessions are forked)
from toy_world import DotVector, DotWorld, expert_videos, small_config

from claifo_core.training.trainer import Trainer, World

STEPS = 360
CONFIG = {
    'steps': STEPS, 'checkpoint_every': 120, 'eval_every': 120, 'log_every': 60,
    'eval_episodes': 2, 'replay_frames': 200, 'update_every': 4,
}  # fmt: skip


class Doomed(DotVector):
    """Worlds that end their process."""

    def __init__(self, calls: int, syncs: int):
        super().__init__(2)
        self._calls, self._syncs = calls, syncs
        self._fsync, os.fsync = os.fsync, self._count_sync

    def step_wait(self):
        self._calls -= 1
        if self._calls == 0 and self._syncs == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step_wait()

    def _count_sync(self, handle: int) -> None:
        if self._calls <= 0:
            self._syncs -= 1
            if self._syncs == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        self._fsync(handle)


def train(run_dir: Path, doom: list[int] | None) -> None:
    world = World(
        solved_steps=0,
        vector=lambda: Doomed(*doom) if doom else DotVector(2),
        single=DotWorld,
        control_hz=10.0,
        compared=lambda: {'expert_return': 25.0},
    )
    with closing(
        Trainer(small_config(**CONFIG), run_dir, world, expert_videos(2), console=False)
    ) as trainer:
        trainer.run()


def session(run_dir: Path, doom: list[int] | None) -> None:
    """Fork a session, wait for its end, and see that nothing of it stays behind."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            train(run_dir, doom)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    wanted = signal.SIGKILL if doom else 0
    assert status == wanted, f'session {doom} ended with status {status}'
    for _ in range(300):
        try:
            os.killpg(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError('the evaluation process outlives the killed run')


if __name__ == '__main__':
    for doom in json.loads(sys.argv[2]):
        session(Path(sys.argv[1]), doom)
