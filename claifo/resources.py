"""Where the files that come with claifo lie: in a source tree or beside an installation."""

from __future__ import annotations

from pathlib import Path

from claifo_core.errors import ClaifoError

SOURCE_ROOT = Path(__file__).resolve().parents[1]


def experts_dir() -> Path:
    """Return the folder with the expert policies that come with claifo."""
    return _find('experts')


def config_dir() -> Path:
    """Return the folder with the task presets (YAML)."""
    return _find('config')


def constraints_file() -> Path:
    """Return the list of the exact versions claifo was tested with."""
    return _find('constraints.txt')


def interfaces_dir() -> Path:
    """Return the interface package claifo_msgs, with its ``msg`` and ``srv``."""
    source = SOURCE_ROOT / 'ros2_ws' / 'src' / 'claifo_msgs'
    return source if source.is_dir() else _find('interfaces/claifo_msgs')


def _find(name: str) -> Path:
    """Look in the source tree, then under share/claifo of every folder above the code.

    Walking up serves pip, a user installation and a colcon workspace alike: each has another
    number of folders between its prefix and its packages.

    Raises:
        ClaifoError: neither exists.
    """
    if (SOURCE_ROOT / 'pyproject.toml').is_file():
        return SOURCE_ROOT / name
    shares = [parent / 'share' / 'claifo' / name for parent in SOURCE_ROOT.parents]
    for path in shares:
        if path.exists():
            return path
    raise ClaifoError(f'{SOURCE_ROOT}: share/claifo/{name} is missing; install claifo again')
