"""What a run computes on: device, arithmetic, threads, and where the replay lies."""

from __future__ import annotations

import os
import sys

import torch

from claifo_core.errors import ClaifoError

_WORK_BYTES = 8 << 30
"""What networks and the activations of an update need beside the replay, generously."""


def choose_device(name: str) -> torch.device:
    """Return the torch device for 'auto', 'cpu' or 'cuda'.

    Raises:
        ClaifoError: CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == 'cuda' and not available:
        raise ClaifoError('device is cuda, but torch finds no GPU; use --device cpu or auto')
    return torch.device('cuda' if available and name != 'cpu' else 'cpu')


def set_threads(count: int) -> None:
    """Let torch use ``count`` threads; 0: all cores but one, at least one."""
    torch.set_num_threads(count or max(1, torch.get_num_threads() - 1))


def spare_processes(num_envs: int) -> int:
    """Return how many processes may evaluate: half the cores that a run leaves free, one at least.

    Args:
        num_envs: Environments of the run, each in a process of its own beside the learner.
    """
    return max(1, (len(os.sched_getaffinity(0)) - num_envs - 1) // 2)


def use_precision(name: str, device: torch.device) -> bool:
    """Set the arithmetic of this process.

    Args:
        name: 'float32', 'tf32' or 'bfloat16' (see the configuration).
        device: Where it is used.

    Returns:
        Whether the encoder is to work in bfloat16.
    """
    if device.type != 'cuda':
        return name == 'bfloat16'
    torch.backends.cudnn.benchmark = True  # shapes never change
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = name != 'float32'
    if name == 'bfloat16' and not torch.cuda.is_bf16_supported(including_emulation=False):
        print('claifo: this GPU has no bfloat16; the encoder works as tf32', file=sys.stderr)
        return False
    return name == 'bfloat16'


def replay_device(needed_bytes: int, device: torch.device) -> torch.device:
    """Return where a replay of that size lies: on the device, or on the host if it is too large.

    What does not fit is said in one line.
    """
    if device.type != 'cuda':
        return device
    free, _ = torch.cuda.mem_get_info(device)
    if needed_bytes + _WORK_BYTES <= free:
        return device
    print(
        f'claifo: the replay ({needed_bytes / 2**30:.1f} GiB) stays in host memory: '
        f'{free / 2**30:.1f} GiB are free on the GPU, {_WORK_BYTES >> 30} of them for learning',
        file=sys.stderr,
    )
    return torch.device('cpu')
