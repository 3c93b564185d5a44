"""The whole state of a run in a folder, whole or absent.

``state.json`` is written last and names every other file; until then the older checkpoint and its
files stay. Each file carries its checksum in its name. The replay lies in chunks of frames: a
chunk that has not changed since the last checkpoint keeps its file.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch

from claifo_core.config import settings
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic, write_json_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from claifo_core.config import TrainConfig
    from claifo_core.data.replay import Replay
    from claifo_core.training.learner import Learner

FORMAT = 'claifo-checkpoint-2'
# Its frames lie plane by plane; a run that goes on keeps such files until their frames change.
_PLANAR = 'claifo-checkpoint-1'
# What may change between two sessions of one run.
_FREE = ('device', 'threads', 'steps', 'minutes', 'eval_processes', 'expert.bag')


class Checkpoint:
    """One folder that holds the newest state of one run."""

    def __init__(self, folder: Path) -> None:
        """Look at ``folder``; it is created by the first save."""
        self.folder = folder
        self._chunks: dict[int, str] = {}

    def exists(self) -> bool:
        """Return whether there is a state to resume from."""
        return (self.folder / 'state.json').is_file()

    def save(self, learner: Learner, extra: dict[str, Any]) -> None:
        """Write the state of the learner and ``extra`` (JSON values).

        Raises:
            ClaifoError: the disk is full; the older checkpoint is untouched.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        label = f'{learner.steps:09d}'
        tensors = self._write(f'tensors-{label}', learner.tensors())
        for index in learner.replay.dirty():
            chunk = learner.replay.chunk(index)
            self._chunks[index] = self._write(f'replay-{index:05d}-{label}', chunk)
        state = {
            'format': FORMAT,
            'steps': learner.steps,
            'updates': learner.updates,
            'config': settings.to_dict(learner.config),
            'tensors': tensors,
            'chunks': {str(index): name for index, name in sorted(self._chunks.items())},
            'replay': learner.replay.state(),
            'extra': extra,
        }
        write_json_atomic(self.folder / 'state.json', {**state, 'crc32': _checksum(state)})
        learner.replay.mark_clean()
        self._remove_all_but({tensors, *self._chunks.values()})

    def load(self, learner: Learner) -> dict[str, Any]:
        """Put the learner into the saved state; returns ``extra`` of :meth:`save`.

        Raises:
            ClaifoError: a file is missing or damaged, or the state is of another configuration.
        """
        state = self._read_state()
        self._check_config(state, learner.config)
        learner.steps, learner.updates = state['steps'], state['updates']
        learner.load_tensors(self._read(state['tensors']))
        self._fill(learner.replay, state)
        extra: dict[str, Any] = state['extra']
        return extra

    def load_replay(self, replay: Replay) -> None:
        """Put what the run has seen into a replay of its size.

        Raises:
            ClaifoError: a file is missing or damaged.
        """
        self._fill(replay, self._read_state())

    def _fill(self, replay: Replay, state: dict[str, Any]) -> None:
        self._chunks = {int(index): name for index, name in state['chunks'].items()}
        for index, name in self._chunks.items():
            saved = self._read(name)
            for key, target in replay.chunk(index).items():
                value = saved[key]
                target.copy_(value if value.shape == target.shape else value.permute(0, 2, 3, 1))
        replay.restore(state['replay'])

    def _write(self, stem: str, tensors: dict[str, Tensor]) -> str:
        data = safetensors.torch.save({k: v.contiguous() for k, v in tensors.items()})
        name = f'{stem}-{zlib.crc32(data):08x}.safetensors'
        write_atomic(self.folder / name, data)
        return name

    def _read(self, name: str) -> dict[str, Tensor]:
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise self._damaged(path, error.strerror or 'unreadable') from None
        if f'-{zlib.crc32(data):08x}.' not in name:
            raise self._damaged(path, 'its checksum is wrong')
        return safetensors.torch.load(data)

    def _read_state(self) -> dict[str, Any]:
        path = self.folder / 'state.json'
        try:
            state: dict[str, Any] = json.loads(path.read_text())
            known = state['format'] in (FORMAT, _PLANAR)
            right = state.pop('crc32') == _checksum(state)
        except (OSError, ValueError, KeyError, TypeError):
            raise self._damaged(path, 'not a readable state') from None
        if not known:
            raise self._damaged(path, f'format {state["format"]}, not {FORMAT}')
        if not right:
            raise self._damaged(path, 'its checksum is wrong')
        return state

    def _damaged(self, path: Path, reason: str) -> ClaifoError:
        return ClaifoError(
            f'{path}: damaged checkpoint ({reason}); restore the file, or remove {self.folder} '
            'to start the run anew'
        )

    def _check_config(self, state: dict[str, Any], config: TrainConfig) -> None:
        path = self.folder / 'state.json'
        saved = settings.from_dict(state['config'], str(path))
        changed = [
            text
            for text in settings.differences(config, saved)
            if text.split(':')[0] not in _FREE
        ]
        if changed:
            raise ClaifoError(
                f'{path}: the run was started with another configuration ({"; ".join(changed)}); '
                'use the old values or another run folder'
            )

    def _remove_all_but(self, used: set[str]) -> None:
        """Remove older files, and half-written ones of a session that was killed."""
        for path in [*self.folder.glob('*.safetensors'), *self.folder.glob('.*.tmp')]:
            if path.name not in used:
                path.unlink()


def _checksum(state: dict[str, Any]) -> int:
    """Return the checksum of JSON values, the same before writing and after reading."""
    return zlib.crc32(json.dumps(state, sort_keys=True).encode())
