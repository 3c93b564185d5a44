"""Simulator frames per second against dm_control's own pixel wrapper; prints JSON.

    python benchmarks/bench_sim.py [--task walker_walk] [--size 84] [--rounds 7] [--seconds 2]

All contenders take turns within each round, so that other load on the machine hits all alike;
medians over the rounds are printed, and speed-ups are medians of the ratios within a round. CPU
time per frame, of the process with all its threads, tells what is left when the machine is busy.
Every contender runs in processes of its own, also the wrapper.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from claifo_sim import EnvSpec, VectorEnv, make, task_info
from claifo_sim.rendering import probe


def wrapper(task: str, size_px: int) -> Callable[[np.ndarray], None]:
    """Return a step of dm_control's pixel wrapper with the suite's picture quality."""
    probe()
    from dm_control import suite
    from dm_control.suite.wrappers import pixels

    info = task_info(task)
    render = {'height': size_px, 'width': size_px, 'camera_id': info.camera}
    env = pixels.Wrapper(suite.load(info.scene, info.goal), render_kwargs=render)
    env.reset()

    def step(action: np.ndarray) -> None:
        if env.step(action).last():
            env.reset()

    return step


def single(task: str, size_px: int, profile: str) -> Callable[[np.ndarray], None]:
    """Return a step of one environment."""
    env = make(task, size_px=size_px, profile=profile)
    env.reset()

    def step(action: np.ndarray) -> None:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()

    return step


def serve(name: str, task: str, size_px: int, pipe: Connection) -> None:
    """Answer each number of seconds with frames per second and CPU milliseconds per frame."""
    step = wrapper(task, size_px) if name == 'dm_control' else single(task, size_px, name)
    action = np.zeros(task_info(task).action_dim, np.float32)
    step(action)
    pipe.send(None)
    with contextlib.suppress(EOFError):
        while True:
            seconds, cpu = pipe.recv(), time.process_time()
            rate, count = frames_per_second(lambda: step(action), seconds)
            pipe.send((rate, (time.process_time() - cpu) / count * 1000))
    os._exit(0)  # dm_control's renderer complains when it is freed at the end


def frames_per_second(step: Callable[[], None], seconds: float) -> tuple[float, int]:
    """Call ``step`` for about ``seconds``; return the calls per second and their number."""
    start, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        step()
        count += 1
    return count / elapsed, count


def process(name: str, task: str, size_px: int) -> Callable[[float], tuple[float, float]]:
    """Start :func:`serve` and return a function that asks it."""
    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe()
    context.Process(target=serve, args=(name, task, size_px, theirs), daemon=True).start()
    ours.recv()

    def ask(seconds: float) -> tuple[float, float]:
        ours.send(seconds)
        rate, cpu_ms = ours.recv()
        return rate, cpu_ms

    return ask


def vector(task: str, size_px: int, count: int) -> Callable[[float], tuple[float, float]]:
    """Start ``count`` environments and return a function that measures them."""
    envs = VectorEnv([EnvSpec(task, seed=i, size_px=size_px) for i in range(count)])
    envs.reset([None] * count)
    actions = np.zeros((count, envs.action_dim), np.float32)

    def step() -> None:
        envs.step_async(actions)
        if envs.step_wait().truncated.any():
            envs.reset([None] * count)

    return lambda seconds: (count * frames_per_second(step, seconds)[0], math.nan)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--task', default='walker_walk')
    parser.add_argument('--size', type=int, default=84, help='pixels')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=2.0, help='per contender and round')
    parser.add_argument('--json', action='store_true', help='print one line')
    args = parser.parse_args()
    single_process = ('dm_control', 'faithful', 'fast')
    contenders = {name: process(name, args.task, args.size) for name in single_process}
    for count in (1, 2):
        contenders[f'fast, {count} worker{"s" * (count > 1)}'] = vector(
            args.task, args.size, count
        )
    rounds = [{n: ask(args.seconds) for n, ask in contenders.items()} for _ in range(args.rounds)]

    def median(of: Callable[[dict[str, tuple[float, float]]], float]) -> float:
        return round(statistics.median(map(of, rounds)), 2)

    def ratio(above: str, below: str) -> float:
        return median(lambda r: r[above][0] / r[below][0])

    print(json.dumps({
        'task': args.task, 'size_px': args.size, 'rounds': args.rounds,
        'seconds': args.seconds, 'back_end': probe(), 'cpus': os.cpu_count(),
        'machine': platform.machine(), 'load': os.getloadavg()[0],
        'frames_per_second': {n: median(lambda r, n=n: r[n][0]) for n in contenders},
        'cpu_ms_per_frame': {n: median(lambda r, n=n: r[n][1]) for n in single_process},
        'speed_up': {
            'fast / dm_control': ratio('fast', 'dm_control'),
            'fast / dm_control, CPU time': median(lambda r: r['dm_control'][1] / r['fast'][1]),
            'faithful / dm_control': ratio('faithful', 'dm_control'),
            '2 workers / 1 worker': ratio('fast, 2 workers', 'fast, 1 worker'),
        },
    }, indent=None if args.json else 1))
    return 0


if __name__ == '__main__':
    sys.exit(main())
