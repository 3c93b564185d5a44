"""Train in the toy world as one of a team, as torchrun starts it. Arguments: folder, steps."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import closing
from pathlib import Path

from toy_run import CONFIG
from toy_world import DotVector, DotWorld, expert_videos, small_config

from claifo_core.training import parallel
from claifo_core.training.trainer import Trainer, World


def main(folder: Path, steps: int) -> None:
    team = parallel.join()
    config = small_config(**CONFIG | {'steps': steps, 'eval_episodes': 1})
    world = World(
        solved_steps=0, vector=lambda: DotVector(2), single=DotWorld, control_hz=10.0,
        compared=dict,
    )  # fmt: skip
    if team.rank:
        world = dataclasses.replace(world, single=None)
    with (
        closing(team),
        closing(
            Trainer(
                config, folder / f'rank{team.rank}', world, expert_videos(2), console=False,
                team=team,
            )
        ) as trainer,
    ):  # fmt: skip
        trainer.run()


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]))
