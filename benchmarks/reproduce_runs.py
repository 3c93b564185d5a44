"""The runs of a reproduction: what each is, where it lies, how far it is."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reproduce_film import Film

from claifo import films
from claifo.presets import configured, find_preset
from claifo_core.config import settings
from claifo_core.config.methods import METHODS, method
from claifo_core.errors import ClaifoError
from claifo_core.training.metrics import read_jsonl

if TYPE_CHECKING:
    from claifo_core.config import TrainConfig

EXPERIMENTS = ('walker_light', 'walker_full', 'walker_body', 'walker_floor', 'walker_background')
FILM_EPISODES = 100
# float32 on one environment would take hours: the encoder's arithmetic is halved, and a GPU learns
# while eight simulators step. The same on every device: a folder may move between them.
QUICK = {'precision': 'bfloat16', 'env.num_envs': 8}
TINY_FILM = {'episodes': 2, 'episode_steps': 60}
# Everything is real but small: it shows that the pieces fit together, not that anything is learnt.
TINY = {
    'steps': 240, 'uniform_steps': 20, 'seed_steps': 40, 'replay_frames': 1000, 'log_every': 40,
    'eval_every': 80, 'eval_episodes': 1, 'checkpoint_every': 40, 'env.size_px': 32,
    'env.episode_steps': 40, 'env.num_envs': 2, 'network.channels': 4, 'network.hidden_dim': 32,
    'network.latent_dim': 10, 'agent.batch_size': 16,
}  # fmt: skip
_FREE = ('device', 'threads', 'eval_processes', 'expert.bag')


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the experiment.

    Attributes:
        method: Name in METHODS.
        seed: Its seed.
        folder: Where it lies.
        config: What it is.
    """

    method: str
    seed: int
    folder: Path
    config: TrainConfig

    @property
    def name(self) -> str:
        """As in the name of its folder."""
        return self.folder.name

    def steps(self) -> int:
        """Agent steps that its checkpoint has."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            state = json.loads((self.folder / 'checkpoint' / 'state.json').read_text())
            return int(state['steps'])
        return 0

    def whole(self) -> bool:
        """Whether it has come to its end, last evaluation included."""
        file = self.folder / 'metrics.jsonl'
        records = read_jsonl(file) if file.is_file() else []
        return any(r['kind'] == 'end' and r['step'] >= self.config.steps for r in records)

    def refuse_another(self) -> None:
        """Refuse a folder that was begun with another configuration.

        Raises:
            ClaifoError: it was, with the difference.
        """
        file = self.folder / 'config.yaml'
        if not file.is_file():
            return
        found = settings.differences(self.config, settings.load(file))
        changed = [text for text in found if text.split(':')[0] not in _FREE]
        if changed:
            raise ClaifoError(
                f'{file}: begun with another configuration ({"; ".join(changed)}); '
                'give the arguments of before, or another --out'
            )


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """What the arguments ask for."""

    experiment: str
    out: Path
    tiny: bool
    device: str
    parallel: int
    changes: dict[str, str]

    def config(self, name: str, seed: int) -> TrainConfig:
        """Return the configuration of one run."""
        preset = find_preset(f'dmc_{self.experiment}')
        cores = (os.cpu_count() or 1) // self.parallel
        changes: dict[str, Any] = {
            **QUICK, **(TINY if self.tiny else {}), 'threads': max(1, cores - 1),
            'eval_processes': max(1, cores // 4), **self.changes, **method(name).overrides,
            'seed': seed, 'device': self.device,
        }  # fmt: skip
        config = configured(preset, changes)
        film = dataclasses.replace(config.expert, bag=str(self.film_folder(config)))
        return dataclasses.replace(config, expert=film)

    def film_folder(self, config: TrainConfig) -> Path:
        """Return where the film of the expert is."""
        return self.out / 'film' / films.Film.of(config).place.name

    def film(self) -> Film:
        """Return what has to be filmed."""
        config = self.config('claifo', 0)
        size = TINY_FILM if self.tiny else {'episodes': FILM_EPISODES, 'episode_steps': 0}
        return Film(self.film_folder(config), config.env, **size)

    def run(self, name: str, seed: int) -> Run:
        """Return one run."""
        folder = self.out / 'runs' / f'{name}_seed{seed}'
        return Run(name, seed, folder, self.config(name, seed))

    def present(self) -> list[Run]:
        """Return the runs that the folder holds, also those of earlier arguments."""
        found = []
        for folder in sorted((self.out / 'runs').glob('*_seed*')):
            name, _, seed = folder.name.rpartition('_seed')
            if name in METHODS and seed.isdecimal():
                found.append(self.run(name, int(seed)))
        return sorted(found, key=lambda run: (list(METHODS).index(run.method), run.seed))


def waiting(runs: list[Run]) -> list[Run]:
    """Return the runs that are not whole, the least advanced first."""
    return sorted((r for r in runs if not r.whole()), key=lambda run: (run.steps(), run.seed))
