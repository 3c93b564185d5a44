"""One run over several GPUs: processes started by `torchrun` that average their gradients.

Each process has simulators and a replay of its own and draws its share of the batch; weights and
optimisers are the same in all of them, because they start alike and make the same steps. Steps are
counted over all processes, so schedules and the update-to-step ratio are those of one process. The
first process evaluates, and writes metrics and the policy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import distributed

from claifo_core.device.runtime import drawing_on, gpus
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Team:
    """The processes of a run.

    Attributes:
        rank: The number of this one; the first is 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    def share(self, count: int, name: str) -> int:
        """Return one process's part of ``count``.

        Raises:
            ClaifoError: it cannot be divided; ``name`` is the option.
        """
        if count % self.size:
            raise ClaifoError(f'{name} is {count}; {self.size} processes cannot share it evenly')
        return count // self.size

    def any(self, told: bool) -> bool:
        """Return whether one process says yes; all must ask."""
        if self.size == 1:
            return told
        answer = torch.tensor(int(told))
        distributed.all_reduce(answer, distributed.ReduceOp.MAX)
        return bool(answer)

    def average(self, gradients: list[Tensor]) -> None:
        """Make gradients the mean of those of all processes (in place)."""
        if self.size == 1:
            return
        joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(joined)
        joined /= self.size
        parts: tuple[Tensor, ...] = joined.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def close(self) -> None:
        """End what :func:`join` began."""
        if self.size > 1:
            distributed.destroy_process_group()


ALONE = Team()


def join() -> Team:
    """Return the team that `torchrun` has started this process in; without it, a team of one.

    Tensors of a GPU travel by NCCL, those of a CPU by Gloo.
    """
    size = int(os.environ.get('WORLD_SIZE', '1'))
    if size == 1:
        return ALONE
    backend = 'gloo'
    if torch.cuda.is_available():
        number = int(os.environ['LOCAL_RANK'])
        torch.cuda.set_device(number)
        os.environ.update(drawing_on(gpus()[number]))
        backend = 'cpu:gloo,cuda:nccl'
    distributed.init_process_group(backend)
    return Team(distributed.get_rank(), size)
