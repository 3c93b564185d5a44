"""Simulator frames per second, fast against faithful and dm_control's wrapper; prints JSON.

    python benchmarks/bench_sim.py [--task walker_walk ...] [--size 84] [--rounds 7] [--seconds 2]

Each agent step gives one frame, and no action is repeated. Without --task the walker, the Adroit
door and, where robosuite is installed, its Lift are measured one after the other, with the aims
beside the figures.

All contenders of a task take turns within each round, so that other load on the machine hits all
alike; medians over the rounds are printed, and speed-ups are medians of the ratios within a round.
CPU time per frame, of the process with all its threads, tells what is left when the machine is
busy. Every contender runs in processes of its own, also the wrapper.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import common
import numpy as np

from claifo.arguments import count
from claifo_sim import EnvSpec, VectorEnv, make, task_info
from claifo_sim.rendering import probe

TASKS = ('walker_walk', 'adroit_door', 'robosuite_lift')
# Of the figures at 84 px: at least so much, or at most where it is a time.
AIMS = {
    'walker_walk': {'fast / dm_control': 8.0, '2 workers / 1 worker': 1.7},
    'adroit_door': {'fast': 60.0, 'fast / faithful': 5.0},
    'robosuite_lift': {'fast': 12.0, 'reset_ms': 20.0},
}
Measured = tuple[float, float]  # frames per second, CPU milliseconds per frame
Rounds = list[dict[str, Measured]]


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


def reset_ms(task: str, size_px: int, profile: str) -> float:
    """Return the median time of a reset; with profile off it is one without a picture."""
    env = make(task, size_px=size_px, profile=profile)
    times = []
    for seed in range(16):
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


@contextlib.contextmanager
def process(name: str, task: str, size_px: int) -> Iterator[Callable[[float], Measured]]:
    """Start :func:`serve` and give a function that asks it."""
    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(name, task, size_px, theirs), daemon=True)
    server.start()
    theirs.close()
    ours.recv()

    def ask(seconds: float) -> Measured:
        ours.send(seconds)
        rate, cpu_ms = ours.recv()
        return rate, cpu_ms

    try:
        yield ask
    finally:
        ours.close()
        server.join()


@contextlib.contextmanager
def vector(task: str, size_px: int, count: int) -> Iterator[Callable[[float], Measured]]:
    """Start ``count`` environments and give a function that measures them."""
    envs = VectorEnv([EnvSpec(task, seed=i, size_px=size_px) for i in range(count)])
    envs.reset([None] * count)
    actions = np.zeros((count, envs.action_dim), np.float32)

    def step() -> None:
        envs.step_async(actions)
        done = envs.step_wait()
        if (done.terminated | done.truncated).any():
            envs.reset([None] * count)

    try:
        yield lambda seconds: (count * frames_per_second(step, seconds)[0], math.nan)
    finally:
        envs.close()


def measure(task: str, size_px: int, rounds: int, seconds: float) -> Rounds:
    """Let all contenders of a task take turns."""
    own_wrapper = ('dm_control',) if task_info(task).suite == 'dmc' else ()
    with contextlib.ExitStack() as stack:
        contenders = {
            name: stack.enter_context(process(name, task, size_px))
            for name in (*own_wrapper, 'faithful', 'fast')
        }
        for count in (1, 2):
            name = f'fast, {count} worker{"s" * (count > 1)}'
            contenders[name] = stack.enter_context(vector(task, size_px, count))
        return [{name: ask(seconds) for name, ask in contenders.items()} for _ in range(rounds)]


def median(rounds: Rounds, of: Callable[[dict[str, Measured]], float]) -> float:
    """Return the median of a figure over the rounds."""
    return round(statistics.median(map(of, rounds)), 2)


def speed_up(rounds: Rounds) -> dict[str, float]:
    """Return how many times as fast one contender is as another."""
    found = {}
    for slow in ('dm_control', 'faithful'):
        if slow in rounds[0]:
            found[f'fast / {slow}'] = median(rounds, lambda r, s=slow: r['fast'][0] / r[s][0])
            found[f'fast / {slow}, CPU time'] = median(
                rounds, lambda r, s=slow: r[s][1] / r['fast'][1]
            )
    found['2 workers / 1 worker'] = median(
        rounds, lambda r: r['fast, 2 workers'][0] / r['fast, 1 worker'][0]
    )
    return found


def figures(task: str, size_px: int, rounds: Rounds) -> dict[str, object]:
    """Return what was found of a task, with the aims beside it."""
    rates = {n: median(rounds, lambda r, n=n: r[n][0]) for n in rounds[0]}
    cpu = {n: median(rounds, lambda r, n=n: r[n][1]) for n in rounds[0] if 'worker' not in n}
    ratios = speed_up(rounds)
    resets = {
        'reset_ms': reset_ms(task, size_px, 'off'),
        'reset_and_picture_ms': reset_ms(task, size_px, 'fast'),
    }
    found = {**rates, **ratios, **resets}
    return {
        'frames_per_second': rates, 'cpu_ms_per_frame': cpu, **resets,
        'speed_up': ratios, 'load': round(os.getloadavg()[0], 2),
        'aims': {
            name: {'aim': aim, 'found': found[name], 'met': met(name, found[name], aim)}
            for name, aim in (AIMS.get(task, {}) if size_px == 84 else {}).items()
        },
    }


def met(name: str, found: float, aim: float) -> bool:
    """Return whether a time is short enough, or a speed high enough."""
    return found <= aim if name.endswith('_ms') else found >= aim


def installed(task: str) -> bool:
    """Return whether the suite of a task is there."""
    return not task_info(task).optional or importlib.util.find_spec('robosuite') is not None


def measure_all(args: argparse.Namespace) -> dict[str, object]:
    """Measure the tasks one after the other."""
    names = args.task or [task for task in TASKS if installed(task)]
    for name in names:
        task_info(name)  # all of them, before the first is measured
    return {
        'size_px': args.size, 'rounds': args.rounds, 'seconds': args.seconds,
        'back_end': probe(),
        'tasks': {
            task: figures(task, args.size, measure(task, args.size, args.rounds, args.seconds))
            for task in names
        },
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = common.parser('sim', __doc__, rounds=7, seconds=2.0)
    parser.add_argument('--task', nargs='+', help=f'default: {", ".join(TASKS)}')
    parser.add_argument('--size', type=count, default=84, help='pixels (default: 84)')
    args = parser.parse_args()
    common.run(lambda: measure_all(args), args)


if __name__ == '__main__':
    sys.exit(common.script(main))
