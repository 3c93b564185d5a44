"""Whatever file a policy is in: one way to act with it. Only a checkpoint needs torch."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from claifo_core.deploy import contract as contracts
from claifo_core.deploy import sealed
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from claifo_core.deploy.contract import Contract

FORMAT = 'claifo-export-1'
DESCRIPTION = 'claifo'
"""Key of the description in an ONNX file; with .json, file in a TorchScript archive."""
_LARGEST_PX, _MOST_PLANES = 4096, 1024
_ENDLESS = [b'\x22' + bytes([len(name)]) + name for name in (b'Loop', b'Scan', b'If')]
"""NodeProto.op_type of what no policy needs, and what could run for ever."""


class Actor(Protocol):
    """A policy that acts.

    Attributes:
        metadata: As in :class:`claifo_core.policy.Policy`.
    """

    metadata: dict[str, Any]

    def act(
        self, stack: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return mean actions (B, A) for stacks (B, T V 3, H, W) and proprioception (B, P)."""


def load(path: Path | str, threads: int = 1) -> tuple[Actor, Contract | None]:
    """Read a policy: a checkpoint (.safetensors), or an export (.onnx, .pt) with its contract.

    Args:
        path: Of the file.
        threads: For each inference.

    Raises:
        ClaifoError: the file is missing, damaged or of another version, or what reads it is not
            installed.
    """
    path = Path(path)
    if not path.is_file():
        raise ClaifoError(f'{path}: no such policy file')
    if path.suffix == '.onnx':
        return _exported(path, lambda data: _Onnx(data, threads))
    if path.suffix == '.pt':
        return _exported(path, lambda data: _TorchScript(data, threads))
    return _checkpoint(path, threads), None


def _checkpoint(path: Path, threads: int) -> Actor:
    try:
        import torch

        from claifo_core.policy import Policy
    except ModuleNotFoundError as error:
        raise ClaifoError(
            f'{path}: a checkpoint needs torch ({error}); export it where it was trained: '
            'claifo export RUN'
        ) from None
    torch.set_num_threads(threads)
    return Policy.load(path)


def _exported(path: Path, build: Callable[[bytes], _Exported]) -> tuple[Actor, Contract]:
    data = sealed.check(path.read_bytes(), str(path))
    try:
        actor = build(data)
    except ModuleNotFoundError as error:
        raise ClaifoError(f'{path}: cannot be read ({error}); install what is missing') from None
    except Exception as error:  # each runtime has errors of its own
        raise _unfit(path, error) from None
    if not isinstance(actor.description, dict) or actor.description.get('format') != FORMAT:
        raise ClaifoError(f'{path}: not described as {FORMAT}, which this version reads; export '
                          'it again')  # fmt: skip
    try:
        contract = contracts.parse(actor.description['contract'], f'{path}: contract')
        contracts.check_policy(contract, actor.metadata, str(path))
        action = _tried(actor)
    except ClaifoError:
        raise
    except Exception as error:  # the runtime's, on what the file describes
        raise _unfit(path, error) from None
    if action.shape != (1, actor.metadata['action_dim']) or not np.isfinite(action).all():
        raise ClaifoError(f'{path}: does not give {actor.metadata["action_dim"]} finite numbers '
                          'as an action; do not use it')  # fmt: skip
    return actor, contract


def _tried(actor: _Exported) -> NDArray[np.float32]:
    """Let a policy act once, on black pictures of the size that it describes."""
    about = actor.metadata
    size, planes = about['frames']['size_px'], 3 * about['frame_stack'] * about['views']
    if not (0 < size <= _LARGEST_PX and 0 < planes <= _MOST_PLANES):
        raise ValueError(f'pictures of {size} pixels in {planes} planes')
    proprio = about['proprio_dim']
    stack = np.zeros((1, planes, size, size), np.uint8)
    return actor.act(stack, np.zeros((1, proprio), np.float32) if proprio else None)


def _unfit(path: Path, error: Exception) -> ClaifoError:
    said = ' '.join(str(error).split())[:200]
    return ClaifoError(f'{path}: not a policy that can be run ({said}); export it again')


class _Exported:
    """An export: its description holds the metadata of the policy and the contract."""

    description: dict[str, Any]

    @property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = self.description['policy']
        return found

    @metadata.setter
    def metadata(self, value: dict[str, Any]) -> None:
        raise AttributeError('sealed')

    def act(
        self, stack: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        raise NotImplementedError


class _Onnx(_Exported):
    """Runs by onnxruntime on the CPU."""

    def __init__(self, data: bytes, threads: int) -> None:
        os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
        import onnxruntime

        if any(name in data for name in _ENDLESS):
            raise ValueError('it has loops or branches')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Between two frames a spinning thread would keep a core busy for nothing.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._session = onnxruntime.InferenceSession(
            data, options, providers=['CPUExecutionProvider']
        )
        known = self._session.get_modelmeta().custom_metadata_map
        self.description = json.loads(known.get(DESCRIPTION, '{}'))

    def act(
        self, stack: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        feed = {'stack': stack} | ({} if proprio is None else {'proprio': proprio})
        action: NDArray[np.float32] = self._session.run(None, feed)[0]
        return action


class _TorchScript(_Exported):
    """Runs by torch, as any program that links libtorch would."""

    def __init__(self, data: bytes, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._module = torch.jit.load(io.BytesIO(data), map_location='cpu')
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            name = f'extra/{DESCRIPTION}.json'
            inside = next(n for n in archive.namelist() if n.endswith(name))
            self.description = json.loads(archive.read(inside))

    def act(
        self, stack: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        import torch

        given = [torch.from_numpy(part) for part in (stack, proprio) if part is not None]
        with torch.no_grad():
            action: NDArray[np.float32] = self._module(*given).numpy()
        return action


def read_contract(path: Path | str) -> Contract:
    """Return a contract: a YAML file, or that of a policy.

    Raises:
        ClaifoError: the file is missing or damaged, or says what cannot be.
    """
    if Path(path).suffix in ('.yaml', '.yml'):
        return contracts.load(path)
    actor, contract = load(path)
    return contract or contracts.of_policy(actor.metadata)
