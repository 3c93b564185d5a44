"""Checks of the machine: each says what was found, whether that will do, and what to do if not."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from claifo.resources import constraints_file
from claifo_sim.errors import SimError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch

Status = Literal['ok', 'warn', 'fail']

PYTHON_MIN, PYTHON_MAX = (3, 10), (3, 12)
# Wrong versions of these were seen to break the simulators or the numbers.
EXACT = ('torch', 'mujoco', 'dm_control')
# Both ends of this were tested.
TORCH = SpecifierSet('>=2.11,<2.14')
# A small scene takes 3 ms at 84 px on one core.
SLOW_FRAME_MS = 30.0
# bfloat16 rounds the latents: it should be worth it.
PAYING_SHARE = 0.8
# Weights, metrics, videos and bags of one run, in bytes.
RUN_BYTES = 2_000_000_000
# Python, PyTorch and two simulators, in bytes.
PROCESS_BYTES = 1_500_000_000
GIGA = 1e9


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        status: ok, warn (works, but not as it should) or fail (will not work).
        found: What was found, in words and figures.
        advice: What to do about it; empty when nothing need be done.
        figures: The same findings as numbers and names, for `--json`.
    """

    name: str
    status: Status
    found: str
    advice: str = ''
    figures: dict[str, float | str] = field(default_factory=dict)


def run_checks(folder: Path, replay_frames: int | None, size_px: int) -> Iterator[Check]:
    """Look at the machine; yields each finding as soon as it is known.

    Args:
        folder: Where runs will be written.
        replay_frames: Frames the replay shall hold; None when the user did not say.
        size_px: Side of a frame, in pixels.
    """
    yield check_python(sys.version_info[:2])
    yield check_versions(constraints_file().read_text().splitlines())
    yield check_robosuite()
    yield check_torch()
    yield check_precision()
    yield check_rendering(size_px)
    yield check_memory(available_memory(), replay_frames, size_px)
    yield check_disk(folder, replay_frames, size_px)


def check_python(version: tuple[int, int]) -> Check:
    """Check that the interpreter is one that claifo was tested with."""
    if PYTHON_MIN <= version <= PYTHON_MAX:
        return Check('python', 'ok', platform.python_version())
    return Check(
        'python',
        'fail',
        f'{version[0]}.{version[1]}',
        'claifo needs Python 3.10 to 3.12: make clean setup PYTHON=python3.12',
    )


def check_versions(lines: Iterable[str]) -> Check:
    """Compare what is installed with the exact versions of the constraints file.

    Args:
        lines: Of a pip constraints file: `name==version`, perhaps with a marker.
    """
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith('#')]
    wrong = [found for pin in pins if (found := _departure(pin))]
    if not wrong:
        figures: dict[str, float | str] = {name: metadata.version(name) for name in EXACT}
        listed = ', '.join(f'{name} {version}' for name, version in figures.items())
        return Check('versions', 'ok', f'{listed}; the others as pinned too', figures=figures)
    broken = [text for status, text in wrong if status == 'fail']
    return Check(
        'versions',
        'fail' if broken else 'warn',
        '; '.join(broken or [text for _, text in wrong]),
        'make setup, or pip install -c constraints.txt with these names',
    )


def check_robosuite() -> Check:
    """Say whether the optional scenes are there; another version is `check_versions`' finding."""
    try:
        version = metadata.version('robosuite')
    except metadata.PackageNotFoundError:
        return Check('robosuite', 'ok', 'not installed (optional): make robosuite')
    return Check('robosuite', 'ok', version, figures={'robosuite': version})


def _departure(pin: Requirement) -> tuple[Status, str] | None:
    """Return what it means when another version is installed, or one that must be is not."""
    if pin.marker is not None and not pin.marker.evaluate():
        return None
    try:
        version = metadata.version(pin.name)
    except metadata.PackageNotFoundError:
        # Tools of developers, and what other packages no longer ask for, may be absent.
        return ('fail', f'{pin.name} is missing') if pin.name in EXACT else None
    if pin.specifier.contains(version, prereleases=True):
        return None
    works = pin.name not in EXACT or (pin.name == 'torch' and TORCH.contains(version))
    found = f'{pin.name} is {version}, not {str(pin.specifier).lstrip("=")}'
    return 'warn' if works else 'fail', found


def check_torch() -> Check:
    """Say which device PyTorch will learn on."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check('torch', 'fail', f'cannot be imported: {error}', 'make clean setup')
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        found = f'{torch.__version__} on {name}, {free / GIGA:.1f} of {total / GIGA:.1f} GB free'
        return Check('torch', 'ok', found, figures={'device': name, 'free_bytes': free})
    found = f'{torch.__version__} on the CPU, {torch.get_num_threads()} threads'
    figures: dict[str, float | str] = {'device': 'cpu'}
    if not Path('/dev/nvidiactl').exists():
        return Check('torch', 'ok', found, figures=figures)
    advice = (
        'this PyTorch was built without CUDA: reinstall torch from pypi.org'
        if torch.version.cuda is None
        else 'the NVIDIA driver does not answer or is too old: see nvidia-smi'
    )
    return Check('torch', 'warn', f'{found}, though there is an NVIDIA GPU', advice, figures)


def check_precision() -> Check:
    """Time an encode of a batch in float32 and in bfloat16, as it is without gradient."""
    try:
        import torch
    except (ImportError, OSError):
        return Check('precision', 'warn', 'not measured without PyTorch')
    if torch.cuda.is_available():
        return Check('precision', 'ok', 'bfloat16 pays on a GPU that has it')
    seconds = [_encode_seconds(dtype) for dtype in (torch.float32, torch.bfloat16)]
    share = seconds[1] / seconds[0]
    word = 'pays' if share < PAYING_SHARE else 'does not pay'
    found = f'encodes in bfloat16 take {share:.2f} of their time in float32'
    figures: dict[str, float | str] = {'bfloat16_share': round(share, 3)}
    return Check('precision', 'ok', f'{found}: `precision: bfloat16` {word}', figures=figures)


def _encode_seconds(dtype: torch.dtype) -> float:
    """Return the shortest time of several passes of 64 stacks through a small encoder."""
    import torch

    from claifo_core.agent.encoders import Encoder
    from claifo_core.config import NetworkConfig

    encoder = Encoder(NetworkConfig(channels=16), 3, 1, 48)
    images = torch.zeros((64, 9, 48, 48), dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    half, spent = dtype == torch.bfloat16, []
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=half):
        for _ in range(5):
            start = time.perf_counter()
            encoder(images)
            spent.append(time.perf_counter() - start)
    return min(spent)


def check_rendering(size_px: int) -> Check:
    """Render a few frames as training does and measure them."""
    from claifo_sim.rendering import milliseconds_per_frame, probe

    try:
        backend, frame_ms = probe(), milliseconds_per_frame(size_px)
    except SimError as error:
        return Check('rendering', 'fail', 'no frame could be rendered', str(error))
    found = f'{backend}, {frame_ms:.1f} ms per frame of {size_px} px'
    figures: dict[str, float | str] = {'backend': backend, 'frame_ms': round(frame_ms, 3)}
    if frame_ms <= SLOW_FRAME_MS:
        return Check('rendering', 'ok', found, figures=figures)
    advice = 'rendering will hold training up: is the machine busy? are smaller frames enough?'
    return Check('rendering', 'warn', found, advice, figures)


def check_memory(free: int | None, replay_frames: int | None, size_px: int) -> Check:
    """Check that the replay fits into memory beside the processes.

    Args:
        free: Bytes that can still be allocated; None when the system does not tell.
        replay_frames: Frames asked for, or None to say how many there is room for.
        size_px: Side of a frame, in pixels.
    """
    if free is None:
        return Check('memory', 'warn', 'unknown', 'this system does not say how much is free')
    frame_bytes = size_px * size_px * 3
    room = max(free - PROCESS_BYTES, 0) // frame_bytes
    figures: dict[str, float | str] = {'free_bytes': free, 'replay_frames_max': room}
    found = f'{free / GIGA:.1f} GB free, room for {room} frames of {size_px} px'
    if replay_frames is None:
        status: Status = 'ok' if room else 'fail'
        advice = '' if room else f'{PROCESS_BYTES / GIGA} GB are needed before the first frame'
        return Check('memory', status, found, advice, figures)
    figures['replay_bytes'] = replay_frames * frame_bytes
    found = f'{found}; the replay takes {replay_frames * frame_bytes / GIGA:.1f} GB'
    if replay_frames <= room:
        return Check('memory', 'ok', found, figures=figures)
    advice = f'set replay_frames to at most {room}, or take smaller frames'
    return Check('memory', 'fail', found, advice, figures)


def check_disk(folder: Path, replay_frames: int | None, size_px: int) -> Check:
    """Check for room: a checkpoint holds the replay, and the new one stands beside the old."""
    free = shutil.disk_usage(folder).free
    needed = RUN_BYTES + 2 * (replay_frames or 0) * size_px * size_px * 3
    figures: dict[str, float | str] = {'free_bytes': free, 'needed_bytes': needed}
    found = f'{free / GIGA:.1f} GB free in {folder.resolve()}, a run takes {needed / GIGA:.1f} GB'
    if free >= needed:
        return Check('disk', 'ok', found, figures=figures)
    return Check('disk', 'fail', found, 'free some space or run claifo elsewhere', figures)


def available_memory() -> int | None:
    """Return the bytes that can still be allocated, inside a container too; None when unknown."""
    limits = [_meminfo_available(), _cgroup_available()]
    return min((limit for limit in limits if limit is not None), default=None)


def _meminfo_available() -> int | None:
    path = Path('/proc/meminfo')
    lines = path.read_text().splitlines() if path.is_file() else []
    for line in lines:
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return None


def _cgroup_available() -> int | None:
    """Return what a container may still take; the file cache does not count, it gives way."""
    folder = Path('/sys/fs/cgroup')
    try:
        limit = (folder / 'memory.max').read_text().strip()
        used = int((folder / 'memory.current').read_text())
        stat = dict(line.split() for line in (folder / 'memory.stat').read_text().splitlines())
    except OSError:
        return None
    if limit == 'max':
        return None
    return max(int(limit) - used + int(stat.get('inactive_file', 0)), 0)
