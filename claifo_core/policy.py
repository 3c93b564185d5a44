"""A trained policy in one safetensors file: encoder, actor, and how to make its frames."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import safetensors
import safetensors.torch
import torch
from torch import nn

from claifo_core.agent.encoders import Encoder
from claifo_core.agent.layers import mlp
from claifo_core.config import NetworkConfig
from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from claifo_core.agent.networks import Networks
    from claifo_core.config import TrainConfig

FORMAT = 'claifo-policy-1'
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip
"""What damaged bytes, or a description that means nothing, may raise."""
_SAID = 200
_BUFFERS = 1 << 24


class Policy:
    """Encoder and actor without exploration.

    Attributes:
        metadata: JSON values: task, domain, frame and network settings, and what the trainer
            added (step, return).
        frame_stack: Frames in one observation.
        views: Cameras per frame, V.
        proprio_dim: Length of the proprioception that it needs, P; 0: none.
        frames: How a camera image becomes a frame.
    """

    def __init__(self, encoder: Encoder, actor: nn.Module, metadata: dict[str, Any]) -> None:
        """Take built parts and the description that travels in the file."""
        self.parts = nn.ModuleDict({'encoder': encoder, 'actor': actor}).requires_grad_(False)
        self.metadata = metadata
        self.frame_stack: int = metadata['frame_stack']
        self.views: int = metadata['views']
        self.proprio_dim: int = metadata['proprio_dim']
        crop = metadata['frames']['crop']
        self.frames = FrameSpec(
            metadata['frames']['size_px'],
            tuple(crop) if crop else None,
            metadata['frames'].get('observation', 'rgb'),  # older files do not say
        )

    @classmethod
    def of(
        cls, networks: Networks, config: TrainConfig, extra: dict[str, Any]
    ) -> Policy:
        """Copy the acting part of an agent."""
        first, last = (cast('nn.Linear', networks.actor[index]) for index in (0, -1))
        metadata = {
            'format': FORMAT,
            'task': config.env.task,
            'domain': config.env.domain,
            'action_repeat': config.env.action_repeat,
            'action_dim': last.out_features,
            'cameras': config.env.cameras,
            'views': networks.encoder.views,
            'proprio_dim': first.in_features - config.network.latent_dim,
            'frame_stack': config.env.frame_stack,
            'frames': {
                'size_px': config.env.size_px,
                'crop': config.expert.crop,
                'observation': config.env.observation,
            },
            'network': dataclasses.asdict(config.network),
            **extra,
        }
        encoder, actor = copy.deepcopy((networks.encoder, networks.actor))
        return cls(encoder.cpu(), actor.cpu(), metadata)

    @classmethod
    def load(cls, path: Path | str) -> Policy:
        """Read a policy file.

        Raises:
            ClaifoError: the file is missing, damaged, or not a policy of this project.
        """
        path = Path(path)
        if not path.is_file():
            raise ClaifoError(f'{path}: no such policy file')
        return cls.from_bytes(path.read_bytes(), str(path))

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> Policy:
        """Build a policy from the content of its file.

        Args:
            data: What :meth:`to_bytes` returned.
            source: File or topic named in errors.

        Raises:
            ClaifoError: the data are damaged, or not a policy of this project.
        """
        try:
            tensors = safetensors.torch.load(data)
            metadata = _metadata(data)
        except (safetensors.SafetensorError, *_DAMAGE) as error:
            said = str(error)[:_SAID]
            raise ClaifoError(f'{source}: damaged policy file ({said}); copy it again') from None
        if not isinstance(metadata, dict) or metadata.get('format') != FORMAT:
            raise ClaifoError(
                f'{source}: not a policy of this project (format {FORMAT} is needed)'
            )
        try:
            return cls._build(metadata, tensors)
        except (*_DAMAGE, ClaifoError):
            raise ClaifoError(
                f'{source}: damaged policy file (weights and description do not fit); '
                'copy it again'
            ) from None

    @classmethod
    def _build(cls, metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Policy:
        if not isinstance(metadata['task'], str):
            raise ValueError('task is no word')
        with torch.device('meta'):  # no memory for a description that does not fit its weights
            _check_size(cls(*_parts(metadata), metadata).parts, tensors)
        policy = cls(*_parts(metadata), metadata)
        policy.parts.load_state_dict(tensors)
        return policy

    def save(self, path: Path | str) -> None:
        """Write the policy file atomically."""
        write_atomic(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of the policy file."""
        tensors = {k: v.contiguous() for k, v in self.parts.state_dict().items()}
        return safetensors.torch.save(tensors, {'claifo': json.dumps(self.metadata)})

    @torch.no_grad()
    def encode(self, stack: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return latents, float32 (B, Z), of stacks, uint8 (B, T V 3, H, W)."""
        latent: NDArray[np.float32] = self._encode(stack).numpy()
        return latent

    @torch.no_grad()
    def act(
        self, stack: NDArray[np.uint8], proprio: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return mean actions in [-1, 1], float32 (B, A).

        Args:
            stack: As in :meth:`encode`.
            proprio: float32 (B, P); not needed where ``proprio_dim`` is 0.
        """
        state = self._encode(stack)
        if self.proprio_dim:
            assert proprio is not None
            state = torch.cat([state, torch.from_numpy(proprio)], 1)
        action: NDArray[np.float32] = torch.tanh(self.parts['actor'](state)).numpy()
        return action

    def _encode(self, stack: NDArray[np.uint8]) -> torch.Tensor:
        latent: torch.Tensor = self.parts['encoder'](torch.from_numpy(stack).float())
        return latent


def _parts(metadata: dict[str, Any]) -> tuple[Encoder, nn.Module]:
    """Return encoder and actor as they are described, with any weights."""
    settings = metadata['network']
    network = NetworkConfig(**{**settings, 'strides': tuple(settings['strides'])})
    encoder = Encoder(
        network, metadata['frame_stack'], metadata['views'], metadata['frames']['size_px']
    )
    state_dim = network.latent_dim + metadata['proprio_dim']
    return encoder, mlp(state_dim, metadata['action_dim'], network.hidden_dim)


def _check_size(parts: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Check that parts without memory are as large as the weights that are there.

    Raises:
        ValueError: they are not.
    """
    wanted = {name: (part.shape, part.dtype) for name, part in parts.state_dict().items()}
    if wanted != {name: (weight.shape, weight.dtype) for name, weight in tensors.items()}:
        raise ValueError('weights and description do not fit')
    if sum(buffer.numel() for buffer in parts.buffers()) > _BUFFERS:
        raise ValueError('the frames are too large')


def _metadata(data: bytes) -> dict[str, Any]:
    """Return the description in the header of a safetensors file: 8 bytes of size, then JSON."""
    size = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8 : 8 + size])
    metadata: dict[str, Any] = json.loads(header.get('__metadata__', {}).get('claifo', '{}'))
    return metadata
