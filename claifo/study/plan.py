"""A study in full: its runs, the configuration of each, and what must not change underway."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claifo.films import Film
from claifo_core.config import TrainConfig, settings

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of a study.

    Attributes:
        method: Name of the method.
        task: Name of the task.
        domain: How the agent sees its world.
        seed: Seed of every random stream.
    """

    method: str
    task: str
    domain: str
    seed: int

    @property
    def folder(self) -> Path:
        """Its run folder, inside that of the study."""
        return Path('runs') / self.setting / f'{self.method}_seed{self.seed}'

    @property
    def setting(self) -> str:
        """Task and domain in one word."""
        return f'{self.task}_{self.domain.replace("/", "_")}'

    def __str__(self) -> str:
        """Name it in a message."""
        return f'{self.method}, {self.task}, {self.domain}, seed {self.seed}'


@dataclass(frozen=True)
class Study:
    """Methods x tasks x domains x seeds.

    Attributes:
        name: Of the study file.
        base: Configuration with which all runs begin.
        methods: Dotted options of each method.
        tasks: Simulated tasks.
        domains: How the agent sees its world.
        seeds: One run for each.
        film_episodes: Episodes of the expert's film.
        reference: Method with which the others are compared.
        jobs: Runs side by side; 0: as many as the machine has room for.
        threads: Torch threads of each run.
        cluster: Parameters of submitit.
    """

    name: str
    base: TrainConfig
    methods: Mapping[str, Options]
    tasks: tuple[str, ...]
    domains: tuple[str, ...]
    seeds: tuple[int, ...]
    film_episodes: int
    reference: str
    jobs: int = 0
    threads: int = 1
    cluster: Options = field(default_factory=dict)

    def runs(self) -> Iterator[Run]:
        """Yield every run, the first seed of everything first."""
        for seed, task, domain in itertools.product(self.seeds, self.tasks, self.domains):
            for method in self.methods:
                yield Run(method, task, domain, seed)

    def place(self, key: Sequence[str]) -> tuple[int, int, int]:
        """Return where (method, task, domain, …) stands in tables."""
        method, task, domain = key[:3]
        names = list(self.methods)
        return self.tasks.index(task), self.domains.index(domain), names.index(method)

    def options(self, run: Run) -> Options:
        """Return what a run sets over the base, as dotted options."""
        chosen = {'seed': run.seed, 'env.task': run.task, 'env.domain': run.domain}
        return {**chosen, **self.methods[run.method]}

    def config(self, run: Run) -> TrainConfig:
        """Return the configuration of a run.

        Raises:
            ClaifoError: an option of its method is unknown or out of range.
        """
        values = settings.merge(settings.to_dict(self.base), self.options(run))
        return settings.from_dict(values, f'study {self.name}: {run.method}')

    def films(self, run: Run) -> dict[str, Path]:
        """Return the films of a run by the option that names them, inside the folder.

        Those that its configuration names itself are left out.
        """
        config = self.config(run)
        random = ('random_agent_bag', 'random_bag') if config.agent.needs_random else ()
        return {
            f'expert.{name}': Path('films') / Film.of(config, name).place.name
            for name in ('bag', *random)
            if not getattr(config.expert, name)
        }

