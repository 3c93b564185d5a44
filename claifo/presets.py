"""Presets by name, and the folder of the run that a preset makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo.resources import config_dir
from claifo_core.config import settings
from claifo_core.errors import ClaifoError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claifo_core.config import TrainConfig

RUNS = Path('runs')


def find_preset(name: str, studies: bool = False) -> Path:
    """Return the YAML file of a preset given by path or by name in the config folder.

    Args:
        name: The path or name.
        studies: Look among the study files, not among the presets of runs.

    Raises:
        ClaifoError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    files = config_dir().glob('*.yaml')
    known = {p.stem: p for p in files if p.stem.startswith('study_') == studies}
    if path.stem in known and (path.name == name or path.parent.name == 'config'):
        return known[path.stem]
    raise ClaifoError(
        f'{name}: no such {"study" if studies else "preset"}{did_you_mean(path.stem, known)}; '
        f'give a YAML file or one of {", ".join(sorted(known))}'
    )


def configured(
    preset: Path | None, *changes: Mapping[str, Any], source: str = ''
) -> TrainConfig:
    """Return the configuration of a preset with changes, each over those before it.

    Args:
        preset: Its file; None: the defaults.
        changes: Values by the dotted names of options.
        source: Named in errors; empty: the file.

    Raises:
        ClaifoError: an option is unknown or out of range.
    """
    values = settings.read_yaml(preset) if preset else {}
    for change in changes:
        values = settings.merge(values, change)
    return settings.from_dict(values, source or str(preset))


def default_run_dir(config: TrainConfig, preset: Path | None, method: str = '') -> Path:
    """Return the folder in which the same command always finds its run again."""
    stem = preset.stem if preset else f'{config.env.task}_{config.env.domain.replace("/", "_")}'
    return RUNS / '_'.join(filter(None, (stem, method, f'seed{config.seed}')))
