"""Judges of images, not of the shared encoder's latents."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from claifo_core.agent.sample import Sample
    from claifo_core.agent.sight import Part, Sight


class PixelJudge(abc.ABC):
    """Makes views of its own."""

    def __init__(self, sight: Sight, *, random: bool = False) -> None:
        """Take what makes views; ``random``: it learns from films of random actions, too."""
        self._sight, self._random = sight, random

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """See :class:`claifo_core.agent.judge.Judge`: no latents are wanted."""
        return [], []

    def imitate(
        self, sample: Sample, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.agent.judge.Judge`."""
        stacks = [[batch.obs, batch.next_obs] for batch in (sample.agent, sample.expert)]
        if self._random:
            for world, obs in zip(stacks, sample.random, strict=True):
                world.append(obs)
        views = [[self._sight.view(obs, 'discriminator') for obs in world] for world in stacks]
        return self.learn(*views)

    @abc.abstractmethod
    def learn(
        self, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Do one step, then judge the agent.

        Args:
            agent: Images of both ends of its transitions, (B, 3 T V, H, W), and those of
                random actions in its world, if it learns from them.
            expert: The same of the expert.

        Returns:
            The reward, shape (B,), and metrics.
        """
