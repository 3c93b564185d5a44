"""From a checkpoint to one self-contained file: ONNX or TorchScript, sealed, with its contract."""

from __future__ import annotations

import io
import json
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from claifo_core.agent.layers import plain_linear
from claifo_core.config.settings import plain
from claifo_core.deploy import actors, sealed
from claifo_core.deploy import contract as contracts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo_core.agent.encoders import Encoder
    from claifo_core.deploy.actors import Actor
    from claifo_core.deploy.contract import Contract
    from claifo_core.policy import Policy

SUFFIXES = {'onnx': '.onnx', 'torchscript': '.pt'}
_OPSET = 17


class _Plain(nn.Module):
    """A policy by ordinary operations alone, which every runtime has."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        encoder, self.actor = (cast('Any', policy.parts[name]) for name in ('encoder', 'actor'))
        self.encoder: Encoder = encoder

    def forward(self, stack: Tensor, proprio: Tensor | None = None) -> Tensor:
        """Return actions (B, A) of stacks uint8 (B, T V 3, H, W)."""
        state = self.encoder.plain(stack.float())
        if proprio is not None:
            state = torch.cat([state, proprio], 1)
        for layer in self.actor:
            state = plain_linear(layer, state) if isinstance(layer, nn.Linear) else layer(state)
        return torch.tanh(state)


def export(policy: Policy, contract: Contract, kind: str, *, int8: bool = False) -> bytes:
    """Return the content of an exported file.

    Args:
        policy: The checkpoint.
        contract: One that fits it.
        kind: A key of :data:`SUFFIXES`.
        int8: Store and multiply the weights of linear layers as 8-bit integers (ONNX only).

    Raises:
        ClaifoError: the contract is not one of this policy.
    """
    contracts.check_policy(contract, policy.metadata, 'contract')
    description = json.dumps({
        'format': actors.FORMAT, 'policy': policy.metadata, 'contract': plain(contract),
        'int8': int8,
    })  # fmt: skip
    module = _Plain(policy).eval()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # both exporters announce successors of their own
        write = _onnx if kind == 'onnx' else _torchscript
        data = write(module, samples(policy.metadata, 2, seed=0), description)
    return sealed.seal(_quantized(data) if int8 else data)


def samples(
    metadata: dict[str, Any], count: int, seed: int
) -> tuple[NDArray[Any], ...]:
    """Return random stacks, and proprioception where the policy needs it."""
    rng = np.random.default_rng(seed)
    size, planes = metadata['frames']['size_px'], 3 * metadata['frame_stack'] * metadata['views']
    stack = rng.integers(0, 256, (count, planes, size, size), np.uint8)
    if not metadata['proprio_dim']:
        return (stack,)
    return stack, rng.standard_normal((count, metadata['proprio_dim'])).astype(np.float32)


def _onnx(module: nn.Module, given: tuple[NDArray[Any], ...], description: str) -> bytes:
    import onnx

    names = ['stack', 'proprio'][: len(given)]
    buffer = io.BytesIO()
    torch.onnx.export(
        module, tuple(map(torch.from_numpy, given)), cast('Any', buffer), dynamo=False,
        opset_version=_OPSET,
        input_names=names, output_names=['action'],
        dynamic_axes={name: {0: 'batch'} for name in (*names, 'action')},
    )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, {actors.DESCRIPTION: description})
    data: bytes = model.SerializeToString()
    return data


def _torchscript(module: nn.Module, given: tuple[NDArray[Any], ...], description: str) -> bytes:
    buffer = io.BytesIO()
    traced = torch.jit.trace(module, tuple(map(torch.from_numpy, given)))
    torch.jit.save(traced, buffer, {f'{actors.DESCRIPTION}.json': description})
    return buffer.getvalue()


def _quantized(data: bytes) -> bytes:
    """Return an ONNX model whose matrix products are of 8-bit integers.

    Convolutions stay as they are: with integers they are slower on a CPU.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / 'float.onnx', Path(folder) / 'int8.onnx'
        source.write_bytes(data)
        quantize_dynamic(source, target, op_types_to_quantize=['MatMul', 'Gemm'],
                         weight_type=QuantType.QInt8, per_channel=True)  # fmt: skip
        return target.read_bytes()


def action_error(ours: Actor, theirs: Actor, given: tuple[NDArray[Any], ...]) -> float:
    """Return the largest difference of any number of the actions that two policies give.

    Observations are given one by one, as on a robot.
    """
    rows = range(len(given[0]))
    pairs = [[actor.act(*(part[k : k + 1] for part in given)) for k in rows]
             for actor in (ours, theirs)]  # fmt: skip
    return float(np.abs(np.array(pairs[0]) - np.array(pairs[1])).max())
