"""The demo over seeds, beside its controls: what learns, and what the mismatch costs.

    python benchmarks/demo_study.py --seeds 5 --jobs 2

Each run lies in runs/demo_study/METHOD_seedN and resumes when the command is given again. Curves
go to benchmarks/results/demo/METHOD.csv, the table to benchmarks/results/demo/summary.json.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from claifo_core.metrics import read_jsonl

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'benchmarks' / 'results' / 'demo'
PRESET = ROOT / 'config' / 'demo.yaml'
# The same film, agent and settings; what each control leaves out.
LAIFO = ('--agent.contrastive', 'none', '--agent.share_views', 'false', '--augment.apply',
         'nowhere')
METHODS = {
    'claifo': (),
    'laifo': LAIFO,
    'laifo_no_mismatch': (*LAIFO, '--env.domain', 'dim/source'),
    'claifo_shift_only': ('--augment.kind', 'shift'),
}
LABELS = {
    'claifo': 'C-LAIfO',
    'laifo': 'LAIfO',
    'laifo_no_mismatch': 'LAIfO, no mismatch',
    'claifo_shift_only': 'C-LAIfO, T = shift only',
}
COLUMNS = ('run', 'seed', 'step', 'frames', 'updates', 'wall_s', 'return_mean', 'return_std')


def train(method: str, seed: int, bag: Path, runs: Path) -> Path:
    """Run one seed of one method in a process of its own; returns its run folder."""
    run_dir = runs / f'{method}_seed{seed}'
    command = [sys.executable, '-m', 'claifo', 'train', '--config', str(PRESET), '--seed',
               str(seed), '--expert.bag', str(bag), '--run', str(run_dir), '--threads', '1',
               *METHODS[method]]
    with (runs / f'{method}_seed{seed}.log').open('a') as log:
        subprocess.run(
            command, check=True, stdout=log, stderr=log, env=os.environ | {'OMP_NUM_THREADS': '1'}
        )
    return run_dir


def evaluations(run_dir: Path) -> list[dict[str, float]]:
    """Return the evaluation records of a run."""
    return [r for r in read_jsonl(run_dir / 'metrics.jsonl') if r['kind'] == 'eval']


def write_curves(method: str, runs: dict[int, Path]) -> None:
    """Write the curves of all seeds of one method."""
    with (RESULTS / f'{method}.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction='ignore')
        writer.writeheader()
        for seed, run_dir in sorted(runs.items()):
            for record in evaluations(run_dir):
                writer.writerow({'run': method, 'seed': seed, **record})


def write_medians() -> None:
    """Write the median curve of every method, which the demo's report shows beside its own."""
    rows = []
    for method in METHODS:
        path = RESULTS / f'{method}.csv'
        if not path.exists():
            continue
        points: dict[int, list[float]] = {}
        for row in csv.DictReader(path.open()):
            points.setdefault(int(row['frames']), []).append(float(row['return_mean']))
        for frames, returns in points.items():
            rows.append((f'{LABELS[method]}, median', frames, round(float(np.median(returns)), 2)))
    with (RESULTS / 'medians.csv').open('w', newline='') as file:
        csv.writer(file).writerows([('run', 'frames', 'return_mean'), *rows])


def summarise(runs: dict[int, Path]) -> dict[str, object]:
    """Return final and best returns over seeds."""
    curves = [[r['return_mean'] for r in evaluations(run)] for _, run in sorted(runs.items())]
    final, best = [curve[-1] for curve in curves], [max(curve) for curve in curves]
    return {
        'seeds': sorted(runs),
        'final_returns': np.round(final, 1).tolist(),
        'final_median': float(np.median(final)),
        'best_returns': np.round(best, 1).tolist(),
        'best_median': float(np.median(best)),
    }


def main() -> int:
    """Run the study and print its table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--seeds', type=int, default=5, help='default: 5')
    parser.add_argument('--jobs', type=int, default=2, help='runs side by side (default: 2)')
    parser.add_argument('--methods', nargs='+', choices=METHODS, default=list(METHODS))
    parser.add_argument('--bag', type=Path, default=Path('bags/demo_expert'))
    parser.add_argument('--runs', type=Path, default=Path('runs/demo_study'))
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    jobs = [(method, seed) for method in args.methods for seed in range(args.seeds)]
    done: dict[str, dict[int, Path]] = {method: {} for method in args.methods}
    table = RESULTS / 'summary.json'
    summary = json.loads(table.read_text()) if table.exists() else {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(train, *job, args.bag, args.runs): job for job in jobs}
        for future in concurrent.futures.as_completed(futures):
            method, seed = futures[future]
            done[method][seed] = future.result()
            write_curves(method, done[method])
            summary[method] = summarise(done[method])
            write_medians()
            table.write_text(json.dumps(summary, indent=1) + '\n')
    print(json.dumps(summary, indent=1))
    return 0


if __name__ == '__main__':
    sys.exit(main())
