"""The picture of the README: what the expert's film shows, what the agent sees, what it learns.

    python benchmarks/demo_figure.py [--out docs/images/demo.png]

Reads the curves in benchmarks/results/demo (docs/demo.md says how they were made).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from claifo.experts import expert_scores, load_expert
from claifo_core.config import EnvConfig, settings
from claifo_sim import make
from claifo_sim.domains import source_of

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'benchmarks' / 'results' / 'demo'
PRESET = ROOT / 'config' / 'demo.yaml'
LABELS = {
    'claifo': 'C-LAIfO',
    'laifo': 'LAIfO',
    'laifo_no_mismatch': 'LAIfO, no mismatch',
    'claifo_shift_only': 'C-LAIfO, T = shift only',
}
COLOURS = {
    'claifo': '#1b6ca8',
    'laifo': '#c8553d',
    'laifo_no_mismatch': '#8a8a8a',
    'claifo_shift_only': '#d9a441',
}
TIMES = (0, 4, 8, 14, 22)


def film(env: EnvConfig, size_px: int = 160) -> dict[str, list[np.ndarray]]:
    """Return frames of the same states in the expert's and in the agent's world."""
    frames: dict[str, list[np.ndarray]] = defaultdict(list)
    expert = load_expert(env.task)
    with closing(make(env.task, seed=3, size_px=size_px, action_repeat=env.action_repeat)) as sim:
        obs, _ = sim.reset(seed=3)
        expert.reset(sim)
        for step in range(TIMES[-1] + 1):
            if step in TIMES:
                for domain in (source_of(env.domain), env.domain):
                    sim.set_domain(domain)
                    frames[domain].append(sim.pixels())
            obs, *_ = sim.step(expert.act(sim, obs['state']))
    return frames


def curves(path: Path) -> list[np.ndarray]:
    """Return one array (points, 2) of control steps in thousands and return per seed."""
    seeds = defaultdict(list)
    with path.open() as file:
        for row in csv.DictReader(file):
            seeds[row['seed']].append((float(row['frames']) / 1000, float(row['return_mean'])))
    return [np.array(points) for points in seeds.values()]


def draw_curves(axes: plt.Axes, expert: float) -> None:
    """Draw every seed thin and the median thick."""
    for method, colour in COLOURS.items():
        path = RESULTS / f'{method}.csv'
        if not path.exists():
            continue
        runs = curves(path)
        for run in runs:
            axes.plot(run[:, 0], run[:, 1], color=colour, lw=0.7, alpha=0.45)
        shortest = min(map(len, runs))
        median = np.median([run[:shortest, 1] for run in runs], 0)
        axes.plot(runs[0][:shortest, 0], median, color=colour, lw=2.4,
                  label=f'{LABELS[method]} ({len(runs)} seeds)')
    axes.axhline(expert, color='black', lw=1, ls='--')
    axes.text(0, expert + 14, f'expert {expert:.0f}', fontsize=9)
    axes.set(xlabel='control steps (thousands)', ylabel='true return', ylim=(-20, 1000))
    axes.legend(frameon=False, fontsize=9, ncols=2, loc='lower center', bbox_to_anchor=(0.5, 1))
    axes.spines[['top', 'right']].set_visible(False)


def main() -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--out', type=Path, default=Path('docs/images/demo.png'))
    args = parser.parse_args()
    mpl.use('Agg')
    env = settings.load(PRESET).env
    expert = float(expert_scores(env.task, load_expert(env.task), 20, seed=0).returns.mean())
    figure = plt.figure(figsize=(11, 3.6), layout='constrained')
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    frames = film(env)
    titles = ('the film: an expert in its own light', 'the agent: the same task in another light')
    for row, pictures, title in zip(
        left.subfigures(2, 1), frames.values(), titles, strict=True
    ):
        row.suptitle(title, fontsize=10)
        for axes, picture in zip(row.subplots(1, len(TIMES)), pictures, strict=True):
            axes.imshow(picture)
            axes.set_axis_off()
    draw_curves(right.subplots(), expert)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=110)
    print(args.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
