"""The study file: strict YAML into a study, every run checked before the first starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claifo.environments import env_spec
from claifo.presets import find_preset
from claifo.study.plan import Options, Study
from claifo_core.config import methods as known
from claifo_core.config import settings
from claifo_core.errors import ClaifoError

_LOWEST = {'jobs': 0, 'threads': 1, 'film_episodes': 1}
_OF_RUNNER = ('seed', 'threads', 'env.task')


@dataclass(frozen=True)
class StudyFile:
    """What may stand in a study file.

    Attributes:
        preset: Name of a preset of config/, or a YAML file; empty: the defaults of `claifo train`.
        set: Dotted options and their values, over the preset, for all runs.
        methods: Name and options of each; None: the named method of claifo_core.config.
        tasks: Simulated tasks; empty: that of the preset.
        domains: How the agent sees its world; empty: as in the preset.
        seeds: One run for each.
        jobs: Runs side by side; 0: one for each GPU, without GPU one for each core.
        threads: Torch threads of each run.
        film_episodes: Episodes of the expert's film, where the preset names no bag.
        reference: Method with which the others are compared; empty: the first.
        cluster: Parameters of submitit, for `claifo study --cluster`.
    """

    preset: str = ''
    set: Mapping[str, Any] = field(default_factory=dict)
    methods: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    jobs: int = 0
    threads: int = 1
    film_episodes: int = 10
    reference: str = ''
    cluster: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that are too low, and what stands twice.

        Raises:
            ClaifoError: such a value.
        """
        for name, low in _LOWEST.items():
            if getattr(self, name) < low:
                raise ClaifoError(f'{name} is {getattr(self, name)}; it must be at least {low}')
        for name in ('tasks', 'domains', 'seeds'):
            values = getattr(self, name)
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ClaifoError(f'{name}: {twice[0]} stands there twice; name each once')
        if any(seed < 0 for seed in self.seeds):
            raise ClaifoError(f'seeds: {min(self.seeds)} is negative; they must be at least 0')
        if not self.methods:
            raise ClaifoError(f'methods: name some of {", ".join(known.METHODS)}, or your own')


def load(path: Path) -> Study:
    """Read a study file.

    Raises:
        ClaifoError: no such file, an unknown key, method, option, task or domain, a value out of
            range, or something that stands twice.
        SimError: an unknown task or domain.
    """
    values = settings.read_yaml(path)
    if 'methods' in values:
        values['methods'] = _as_mapping(values['methods'], f'{path}: methods')
    file = settings.build(StudyFile, values, str(path))
    preset = settings.read_yaml(find_preset(file.preset)) if file.preset else {}
    return resolve(path.stem.removeprefix('study_'), preset, file, str(path))


def resolve(name: str, preset: Mapping[str, Any], file: StudyFile, source: str) -> Study:
    """Fill in what a study file leaves open, and check the configuration of every run.

    Args:
        name: Of the study.
        preset: Nested options that all runs begin with.
        file: The study.
        source: Named in errors.

    Raises:
        ClaifoError, SimError: as :func:`load`.
    """
    _refuse_nested(file.set, f'{source}: set')
    base = settings.from_dict(settings.merge(preset, file.set), source)
    methods = {name: _options(name, given, source) for name, given in file.methods.items()}
    reference = file.reference or next(iter(methods))
    if reference not in methods:
        raise ClaifoError(f'{source}: reference is {reference}; one of {", ".join(methods)}')
    study = Study(
        name=name,
        base=base,
        methods=methods,
        tasks=file.tasks or (base.env.task,),
        domains=file.domains or (base.env.domain,),
        seeds=file.seeds,
        jobs=file.jobs,
        threads=file.threads,
        film_episodes=file.film_episodes,
        reference=reference,
        cluster=file.cluster,
    )
    for name, options in methods.items():
        if 'env.domain' in options and len(study.domains) > 1:
            raise ClaifoError(f'{source}: methods: {name} sets env.domain; domains must be one')
    for run in study.runs():
        env_spec(study.config(run).env)
    return study


def _as_mapping(methods: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 (any YAML value)
    """Return the list of methods, names or mappings of one name to options, as one mapping.

    Raises:
        ClaifoError: it is something else, or a name stands there twice.
    """
    if not isinstance(methods, list):
        raise ClaifoError(f'{where} is {methods!r}; a list of methods is needed')
    found: dict[str, Any] = {}
    for item in methods:
        pair = next(iter(item.items())) if isinstance(item, Mapping) and len(item) == 1 else None
        name, options = pair or (item, None)
        if not isinstance(name, str) or not (options is None or isinstance(options, Mapping)):
            raise ClaifoError(f'{where}: {item!r} is neither a name nor `name: {{option: value}}`')
        if name in found:
            raise ClaifoError(f'{where}: {name} stands there twice; name each once')
        found[name] = options
    return found


def _options(name: str, given: Options | None, source: str) -> Options:
    """Return the options of a method: its own, or those of the known one of that name.

    Raises:
        ClaifoError: an unknown method, a known name for other options, or an option of the runner.
    """
    if given is None:
        try:
            return dict(known.method(name).overrides)
        except ClaifoError as error:
            raise ClaifoError(f'{source}: methods: {error}') from None
    if name in known.METHODS:
        raise ClaifoError(f'{source}: methods: {name} is a known method; give yours another name')
    if not re.fullmatch(r'\w[\w.-]*', name):
        raise ClaifoError(f'{source}: methods: {name!r} names a folder; use letters, digits, _.-')
    for key in _OF_RUNNER:
        if key in given:
            raise ClaifoError(f'{source}: methods: {name} sets {key}, which the study itself sets')
    _refuse_nested(given, f'{source}: methods: {name}')
    return dict(given)


def _refuse_nested(options: Options, where: str) -> None:
    for key, value in options.items():
        if isinstance(value, Mapping):
            inner = next(iter(value), 'option')
            raise ClaifoError(f'{where}: {key} is a mapping; write {key}.{inner}: value')
