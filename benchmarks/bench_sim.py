"""Simulator frames per second, fast against faithful and dm_control's wrapper; prints JSON.

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
    render = {'height': size_px, 'width': size_px, 'camera_id': info.cameras[0]}
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


def reset_ms(task: str) -> float:
    """Return the median time of a reset, without pictures."""
    env = make(task, profile='off')
    times = []
    for seed in range(8):
        env.reset(seed=seed)
        env.step(np.zeros(env.action_space.shape))
        start = time.perf_counter()
        env.reset()
        times.append(time.perf_counter() - start)
    env.close()
    return round(statistics.median(times) * 1000, 2)


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
    own_wrapper = task_info(args.task).suite == 'dmc'
    single_process = (*(('dm_control',) if own_wrapper else ()), 'faithful', 'fast')
    contenders = {name: process(name, args.task, args.size) for name in single_process}
    for count in (1, 2):
        contenders[f'fast, {count} worker{"s" * (count > 1)}'] = vector(
            args.task, args.size, count
        )
    rounds = [{n: ask(args.seconds) for n, ask in contenders.items()} for _ in range(args.rounds)]

    def median(of: Callable[[dict[str, tuple[float, float]]], float]) -> float:
        return round(statistics.median(map(of, rounds)), 2)

    print(json.dumps({
        'task': args.task, 'size_px': args.size, 'rounds': args.rounds,
        'seconds': args.seconds, 'back_end': probe(), 'cpus': os.cpu_count(),
        'machine': platform.machine(), 'load': os.getloadavg()[0],
        'frames_per_second': {n: median(lambda r, n=n: r[n][0]) for n in contenders},
        'cpu_ms_per_frame': {n: median(lambda r, n=n: r[n][1]) for n in single_process},
        'reset_ms': reset_ms(args.task),
        'speed_up': {
            **{
                f'fast / {slow}{unit}': median(of)
                for slow in single_process[:-1]
                for unit, of in (
                    ('', lambda r, slow=slow: r['fast'][0] / r[slow][0]),
                    (', CPU time', lambda r, slow=slow: r[slow][1] / r['fast'][1]),
                )
            },
            '2 workers / 1 worker': median(
                lambda r: r['fast, 2 workers'][0] / r['fast, 1 worker'][0]
            ),
        },
    }, indent=None if args.json else 1))
    return 0


if __name__ == '__main__':
    sys.exit(main())
