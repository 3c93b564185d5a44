"""Several environments at once, each in a process of its own, frames in shared memory.

Processes are spawned, never forked: a forked GL context hangs. The memory has no name, so nothing
is left behind however a process ends; a worker ends when its parent's end of the pipe closes.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import multiprocessing
import os
import signal
import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from claifo_sim.build import make
from claifo_sim.errors import SimError
from claifo_sim.registry import task_info
from claifo_sim.rendering import probe
from claifo_sim.spec import EnvSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from claifo_sim.env import Observation, SimEnv

_STEP, _RESET, _CLOSE = b's', b'r', b'c'
_DONE, _REFUSED = b'd', b'e'
_ANY_SEED = -1
_JOIN_S = 5.0
# Of each worker, from its start to its first picture: a GL driver may hang there for good.
_FIRST_S = 180.0
# One environment needs one core: more threads per worker only fight each other.
_THREADS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
_WORKER_ENVIRONMENT = dict.fromkeys(_THREADS, '1') | {'LP_NUM_THREADS': '0'}


class VectorStep(NamedTuple):
    """What all environments show after a reset or a step.

    ``pixels`` uint8 (N, H, W, 3 V) and ``proprio`` float32 (N, P) are views on shared memory,
    valid until the next step or reset: copy to keep. ``reward`` float32 (N,) and ``terminated``,
    ``truncated``, ``success`` bool (N,) are copies; after a reset they are zero.
    """

    pixels: np.ndarray
    proprio: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    success: np.ndarray


class _Memory:
    """Arrays that parent and workers share: one row per environment."""

    def __init__(self, fields: dict[str, tuple[tuple[int, ...], str]]) -> None:
        self._fields = fields
        context = multiprocessing.get_context('spawn')
        self._raw = {
            name: context.RawArray(ctypes.c_uint8, math.prod(shape) * np.dtype(kind).itemsize)
            for name, (shape, kind) in fields.items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            name: np.ctypeslib.as_array(self._raw[name]).view(kind).reshape(shape)
            for name, (shape, kind) in self._fields.items()
        }


class VectorEnv:
    """N environments that step together. No automatic reset: the caller owns the episodes.

    Attributes:
        num_envs: Number of environments.
        action_dim: Actuators of each.
        size_px: Width and height of the frames.
        views: Cameras per frame, V.
        proprio_dim: Size of the proprioception.
    """

    def __init__(self, specs: Sequence[EnvSpec]) -> None:
        """Start the workers and wait until each has its environment.

        Args:
            specs: One per environment; frame size, cameras, action and proprioception must agree.

        Raises:
            SimError: There is no environment, sizes disagree, or a worker cannot start.
        """
        self._specs = tuple(specs)
        self._workers: list[SpawnProcess] = []
        self._pipes: list[Connection] = []
        self.size_px, self.views, self.action_dim, self.proprio_dim = _common_sizes(self._specs)
        self.num_envs = len(self._specs)
        self._patience_s: float | None = _FIRST_S
        probe()  # once, here: workers inherit the answer
        memory = _Memory({
            'pixels': ((self.num_envs, self.size_px, self.size_px, 3 * self.views), 'u1'),
            'proprio': ((self.num_envs, self.proprio_dim), 'f4'),
            'action': ((self.num_envs, self.action_dim), 'f4'),
            'reward': ((self.num_envs,), 'f4'),
            'flags': ((self.num_envs, 3), '?'),
        })
        self._arrays = memory.arrays()
        try:
            self._start(memory)
            self._collect(range(self.num_envs))
        except BaseException:
            for worker in self._workers:  # still loading, they would not hear that they may end
                worker.kill()
            self.close()
            raise

    def _start(self, memory: _Memory) -> None:
        context = multiprocessing.get_context('spawn')
        with _environment(_WORKER_ENVIRONMENT):
            for row, spec in enumerate(self._specs):
                ours, theirs = context.Pipe()
                worker = context.Process(
                    target=_work, args=(spec, memory, row, theirs), daemon=True,
                    name=f'claifo-sim-{row}',
                )
                self._pipes.append(ours)
                worker.start()
                self._workers.append(worker)
                theirs.close()

    def reset(self, seeds: Sequence[int | None]) -> VectorStep:
        """Start an episode in every environment.

        Args:
            seeds: One per environment; ``None`` goes on with the environment's random stream.

        Raises:
            SimError: The number of seeds is wrong, a seed is negative, or a worker died.
        """
        if len(seeds) != self.num_envs:
            raise SimError(f'reset: {len(seeds)} seeds for {self.num_envs} environments')
        messages = [_reset_message(seed) for seed in seeds]
        for row, message in enumerate(messages):
            self._send(row, message)
        return self.step_wait()

    def reset_one(self, index: int, seed: int | None) -> VectorStep:
        """Start an episode in environment ``index`` alone; the other rows stay as they are.

        Raises:
            SimError: The seed is negative, or the worker died.
        """
        self._send(index, _reset_message(seed))
        self._collect([index])
        return self._result()

    def step_async(
        self, actions: np.ndarray, seeds: Mapping[int, int | None] = MappingProxyType({})
    ) -> None:
        """Let every environment begin a step; :meth:`step_wait` must follow.

        Args:
            actions: float32 (N, A) in [-1, 1].
            seeds: Environments that start an episode instead, each with its seed as in
                :meth:`reset`.

        Raises:
            SimError: The shape is wrong, a seed is negative, or a worker died.
        """
        expected = (self.num_envs, self.action_dim)
        if np.shape(actions) != expected:
            raise SimError(f'step: actions of shape {np.shape(actions)}; expected {expected}')
        self._arrays['action'][:] = actions
        resets = {row: _reset_message(seed) for row, seed in seeds.items()}
        for row in range(self.num_envs):
            self._send(row, resets.get(row, _STEP))

    def step_wait(self) -> VectorStep:
        """Wait for the step that was begun.

        Raises:
            SimError: A worker died, or an environment refused its action.
        """
        self._collect(range(self.num_envs))
        return self._result()

    def _result(self) -> VectorStep:
        self._patience_s = None
        arrays = self._arrays
        terminated, truncated, success = arrays['flags'].T.copy()
        return VectorStep(arrays['pixels'], arrays['proprio'], arrays['reward'].copy(),
                          terminated, truncated, success)

    def _pipe(self, row: int) -> Connection:
        if not self._pipes:
            raise SimError('the environments have been closed')
        return self._pipes[row]

    def _send(self, row: int, message: bytes) -> None:
        pipe = self._pipe(row)
        try:
            pipe.send_bytes(message)
        except OSError:
            self._lost(row)

    def _collect(self, rows: Sequence[int]) -> None:
        """Wait for the answers of ``rows``; all are taken before a refusal is raised."""
        refusals = []
        for row in rows:
            pipe = self._pipe(row)
            if not pipe.poll(self._patience_s):
                self._hung(row)
            try:
                answer = pipe.recv_bytes()
            except (EOFError, OSError):
                self._lost(row)
            if answer[:1] == _REFUSED:
                refusals.append(f'environment {row}: {answer[1:].decode()}')
        if refusals:
            raise SimError(refusals[0])

    def _hung(self, row: int) -> NoReturn:
        for worker in self._workers:  # they would not hear that they may end
            worker.kill()
        self._end(row, f'no picture within {_FIRST_S:.0f} s; if EGL hangs, MUJOCO_GL=osmesa helps')

    def _lost(self, row: int) -> NoReturn:
        worker = self._workers[row]
        worker.join(_JOIN_S)
        self._end(row, f'its process {worker.pid} died ({_exit_reason(worker.exitcode)})')

    def _end(self, row: int, reason: str) -> NoReturn:
        self.close()
        raise SimError(f'environment {row} ({self._specs[row].task}): {reason}; '
                       'the other environments were closed')

    def close(self) -> None:
        """End all workers; more calls do nothing."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send_bytes(_CLOSE)
        for worker in self._workers:
            worker.join(_JOIN_S)
            if worker.exitcode is None:
                worker.kill()
                worker.join()
        for pipe in self._pipes:
            pipe.close()
        self._pipes = []

    def __enter__(self) -> VectorEnv:
        """Return itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close."""
        self.close()


def _common_sizes(specs: Sequence[EnvSpec]) -> tuple[int, int, int, int]:
    """Return frame size, cameras, action and proprioception size that all ``specs`` share."""
    infos = [task_info(spec.task) for spec in specs]
    sizes = {
        (spec.size_px, len(spec.filmed_by), info.action_dim, info.proprio_dim)
        for spec, info in zip(specs, infos, strict=True)
    }
    if any(spec.profile == 'off' for spec in specs):
        raise SimError('profile off has no pictures to share; use fast or faithful')
    if len(sizes) != 1:
        raise SimError('environments must share (size_px, cameras, action_dim, proprio_dim); '
                       f'found {sorted(sizes) or "no environment"}')
    return sizes.pop()


def _reset_message(seed: int | None) -> bytes:
    if seed is not None and not 0 <= seed < 2**63:
        raise SimError(f'seed {seed}: must be in 0..2^63-1')
    return _RESET + struct.pack('<q', _ANY_SEED if seed is None else seed)


def _exit_reason(code: int | None) -> str:
    name = f', {signal.Signals(-code).name}' if code is not None and code < 0 else ''
    return f'exit code {code}{name}'


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started inside."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values.keys() - before:
            del os.environ[name]
        os.environ.update(before)


def _work(spec: EnvSpec, memory: _Memory, row: int, pipe: Connection) -> None:
    """Run one environment until the pipe closes; the entry point of a worker."""
    # Ctrl-C, and a SIGTERM to the whole group, are the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setpgid(0, 0)
    rows = {name: array[row:row + 1] for name, array in memory.arrays().items()}
    env: SimEnv | None = None
    try:
        env = make(**vars(spec))
        pipe.send_bytes(_DONE)
        _serve(env, rows, pipe)
    except SimError as error:
        pipe.send_bytes(_REFUSED + str(error).encode())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent has gone
    finally:
        if env is not None:
            env.close()


def _serve(env: SimEnv, rows: dict[str, np.ndarray], pipe: Connection) -> None:
    while (message := pipe.recv_bytes()) != _CLOSE:
        pipe.send_bytes(_answer(env, rows, message))


def _answer(env: SimEnv, rows: dict[str, np.ndarray], message: bytes) -> bytes:
    try:
        if message[:1] == _STEP:
            _show(rows, *env.step(rows['action'][0]))
        else:
            seed = struct.unpack('<q', message[1:])[0]
            observation, info = env.reset(seed=None if seed == _ANY_SEED else seed)
            _show(rows, observation, 0.0, False, False, info)
    except SimError as error:
        return _REFUSED + str(error).encode()
    return _DONE


def _show(
    rows: dict[str, np.ndarray], observation: Observation, reward: float, terminated: bool,
    truncated: bool, info: dict[str, Any],
) -> None:
    rows['pixels'][0] = observation['pixels']
    rows['proprio'][0] = observation['proprio']
    rows['reward'][0] = reward
    rows['flags'][0] = terminated, truncated, info['success']
