"""How alike depth and cloud pictures of a moved camera are to depth where the camera belongs.

    OMP_NUM_THREADS=1 python benchmarks/cloud_pictures.py

Writes benchmarks/results/robustness/cloud_pictures.csv, the source of the table in
docs/robustness.md, and the sheet docs/images/cloud.png. Each scene is shown after ten random
steps, at 84 px with the fast profile. Times are CPU time of a picture in all its cameras.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from claifo_sim import make

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / 'benchmarks' / 'results' / 'robustness' / 'cloud_pictures.csv'
SHEET = ROOT / 'docs' / 'images' / 'cloud.png'
LOOKS = ('unseen/camera_small', 'unseen/camera_medium', 'camera/target')
SHOWN = ('walker_walk', 'point_mass_easy_big', 'adroit_door')
TASKS = (
    *SHOWN, 'adroit_hammer', 'adroit_pen', 'adroit_relocate', 'ball_in_cup_catch',
    'cartpole_balance', 'cheetah_run', 'finger_spin', 'hopper_hop', 'humanoid_run',
    'quadruped_walk', 'reacher_easy',
)
LEVELS = 8  # grey levels within which a pixel counts as alike
SIZE_PX, STEPS, TIMED, GAP_PX = 84, 10, 20, 2


def shots(task: str, image: str, looks: tuple[str, ...]) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the picture of one state in each look, uint8 (H, W, 3 V), and its milliseconds."""
    with closing(make(task, size_px=SIZE_PX, image=image)) as env:
        env.reset(seed=3)
        rng = np.random.default_rng(0)
        for _ in range(STEPS):
            env.step(rng.uniform(-1, 1, env.action_space.shape))
        for look in looks:
            env.set_domain(look)
            times = []
            for _ in range(TIMED):
                start = time.process_time()
                picture = env.pixels()
                times.append(time.process_time() - start)
            yield picture, 1000 * float(np.median(times))


def measure(task: str) -> Iterator[dict[str, object]]:
    """Yield a line for each look."""
    (home, _), *depth = shots(task, 'depth', ('stock', *LOOKS))
    cloud = shots(task, 'cloud', LOOKS)
    for look, (flat, flat_ms), (moved, moved_ms) in zip(LOOKS, depth, cloud, strict=True):
        off = [np.abs(seen.astype(int) - home) for seen in (flat, moved)]
        yield {
            'task': task, 'look': look,
            'depth_alike': f'{(off[0] <= LEVELS).mean():.3f}',
            'cloud_alike': f'{(off[1] <= LEVELS).mean():.3f}',
            'depth_levels_off': f'{off[0].mean():.1f}', 'cloud_levels_off': f'{off[1].mean():.1f}',
            'depth_ms': f'{flat_ms:.2f}', 'cloud_ms': f'{moved_ms:.2f}',
        }


def sheet() -> np.ndarray:
    """Return colours, depth and cloud (columns) of each task in each look (rows)."""
    blocks = []
    for task in SHOWN:
        columns = [
            np.concatenate([_framed(shown) for shown, _ in shots(task, kind, ('stock', *LOOKS))])
            for kind in ('rgb', 'depth', 'cloud')
        ]
        blocks += [*columns, np.full((len(columns[0]), 4 * GAP_PX, 3), 255, np.uint8)]
    return np.concatenate(blocks[:-1], 1)


def _framed(picture: np.ndarray) -> np.ndarray:
    border = ((GAP_PX, GAP_PX), (GAP_PX, GAP_PX), (0, 0))
    return np.pad(picture, border, constant_values=255)


def main() -> int:
    """Write the table and the sheet."""
    rows = [row for task in TASKS for row in measure(task)]
    with TABLE.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0], lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    for name in ('depth_alike', 'cloud_alike', 'depth_levels_off', 'cloud_levels_off'):
        print(name, f'{np.mean([float(str(row[name])) for row in rows]):.3f}')
    picture = np.repeat(np.repeat(sheet(), 2, 0), 2, 1)[..., ::-1]
    cv2.imwrite(str(SHEET), picture, (cv2.IMWRITE_PNG_COMPRESSION, 9))
    return 0


if __name__ == '__main__':
    sys.exit(main())
