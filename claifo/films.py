"""The films of a world: what they show, where they lie, and the words that record them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claifo.environments import image_and_lens
from claifo_core.config import Section, TrainConfig, option
from claifo_core.data.observations import film_kind
from claifo_sim import task_info
from claifo_sim.domains import same_look, source_of


@dataclass(frozen=True)
class Film(Section):
    """What a film shows; every field but the task is an option of `claifo expert record`.

    Attributes:
        task: Name of the task.
    """

    task: str
    domain: str = option('stock', 'visual domain, see: claifo domains')
    size_px: int = option(0, 'side of the picture; 0: that of the paper', unit='px', low=0)
    cameras: tuple[str, ...] = option(
        (), 'names with commas between, a topic each; empty: the cameras of the task'
    )
    image: str = option(
        'rgb',
        'what the pictures show: rgb (for events and grey levels, too), depth (for clouds, too), '
        'segmentation, or cloud, where the domain moves the camera',
    )
    random: bool = option(
        False, 'film random actions in place of the expert (default folder: ..._random)'
    )
    actions: bool = option(
        False,
        "write the expert's actions and rewards, too (/action, /time_step), for methods that need "
        'them, as bc; without it a film is images alone',
    )

    @classmethod
    def of(cls, config: TrainConfig, name: str = 'bag') -> Film:
        """Return the film from which an agent of this world can learn.

        Args:
            config: The run.
            name: Which film: that option of ``expert`` says where it lies.
        """
        env, of_expert = config.env, name == 'bag'
        domain, image = source_of(env.domain), film_kind(env.observation)
        if name == 'random_agent_bag':  # the agent's camera may stand elsewhere
            domain, image = env.domain, image_and_lens(env.observation)[0]
        return cls(
            env.task, domain, env.size_px, env.cameras, image, random=not of_expert,
            actions=of_expert and bool(config.expert.action_topic),
        )  # fmt: skip

    @property
    def side_px(self) -> int:
        """Width and height of its pictures."""
        return self.size_px or task_info(self.task).size_px

    @property
    def place(self) -> Path:
        """Where it is kept, unless another place is named."""
        info = task_info(self.task)
        look = same_look(self.domain, info.suite, info.scene).replace('/', '_')
        views = ''.join(f'_{camera}' for camera in self.cameras if self.cameras != info.cameras)
        kind = '' if self.image == 'rgb' else f'_{self.image}'
        more = '_actions' * self.actions + '_random' * self.random
        return Path('bags') / f'{self.task}_{look}_{self.side_px}px{views}{kind}{more}'

    def words(self) -> list[str]:
        """Return the words of `claifo` that record it, all but how much of it and where."""
        return ['expert', 'record', self.task, *self._options()]

    def _options(self) -> Iterator[str]:
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            if value == field.default:
                continue
            yield f'--{field.name.replace("_", "-")}'
            if value is not True:
                yield ','.join(value) if isinstance(value, tuple) else str(value)


def film_place(config: TrainConfig, name: str = 'bag') -> Path:
    """Return where a film of a run lies: where its option says, else where it is kept.

    Args:
        config: The run.
        name: Which film, as in :meth:`Film.of`.
    """
    named: str = getattr(config.expert, name)
    return Path(named) if named else Film.of(config, name).place
