"""What a process must be told before it allocates memory, starts threads or draws."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP_BYTES = 1 << 30


def prepare_process() -> None:
    """Let waiting OpenMP threads sleep, and let glibc keep large blocks.

    Spinning threads take the core that the simulators need. By default glibc returns each block
    over 32 MB to the kernel, and every update then pays for fresh pages (measured in
    docs/performance.md). Values that the user has set in the environment win.

    onnxruntime would look up a host of its maker ten seconds after it is imported, and keep a
    number of this machine in the home folder. That is off, for child processes too.
    """
    os.environ['ORT_DISABLE_TELEMETRY'] = '1'
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    os.environ.setdefault('GOMP_SPINCOUNT', '0')
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return
    for parameter, name, value in (
        (_M_MMAP_THRESHOLD, 'MALLOC_MMAP_THRESHOLD_', _KEEP_BYTES),
        (_M_TRIM_THRESHOLD, 'MALLOC_TRIM_THRESHOLD_', _KEEP_BYTES),
        (_M_TOP_PAD, 'MALLOC_TOP_PAD_', 64 << 20),
    ):
        if name not in os.environ:
            mallopt(parameter, value)


def gpus() -> list[str]:
    """Return the numbers of the GPUs that may be used, as CUDA_VISIBLE_DEVICES has them."""
    allowed = os.environ.get('CUDA_VISIBLE_DEVICES')
    if allowed is not None:
        return [name for name in allowed.split(',') if name.strip() not in ('', '-1')]
    return [str(i) for i, _ in enumerate(Path('/dev').glob('nvidia[0-9]*'))]


def drawing_on(gpu: str) -> dict[str, str]:
    """Return the variables by which simulators draw on one of several GPUs; else on the first.

    Args:
        gpu: One of :func:`gpus`. What the user has set wins; names other than numbers mean
            nothing to EGL.
    """
    if len(gpus()) < 2 or not gpu.isdecimal() or 'MUJOCO_EGL_DEVICE_ID' in os.environ:
        return {}
    return {'MUJOCO_EGL_DEVICE_ID': gpu}
