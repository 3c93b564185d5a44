"""Experts that see the state: trained networks played in plain NumPy, and scripted controllers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from claifo.resources import experts_dir
from claifo_core.errors import ClaifoError, did_you_mean
from claifo_core.files import write_atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claifo_sim.env import SimEnv
    from claifo_sim.scripted import ControllerFactory
    from claifo_sim.scripted_arms import Controller

LAYER_NORM_EPS = 1e-5
FORMAT = 'claifo expert 1'
DENSE = '_dense'


class StateExpert(Protocol):
    """An expert that sees the state of a task."""

    def reset(self, env: SimEnv) -> None:
        """Get ready for a new episode of a ``claifo_sim`` environment."""

    def act(self, env: SimEnv, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action float32 (A,) for this step, from the state float32 (S,)."""


class RandomActions:
    """No expert: uniformly random actions, for films of what a world looks like."""

    def __init__(self, seed: int) -> None:
        """Begin a stream of their own."""
        self._rng = np.random.default_rng(seed)

    def reset(self, env: SimEnv) -> None:
        """Nothing is kept from one episode to the next."""

    def act(self, env: SimEnv, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :class:`StateExpert`."""
        return self._rng.uniform(-1, 1, env.action_space.shape).astype(np.float32)


@dataclass(frozen=True)
class Mlp:
    """The actor of a trained expert.

    Attributes:
        weights: matrices float32, shape (outputs, inputs), from the state to the action.
        biases: vectors float32, shape (outputs,).
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    def __call__(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action float32 (A,) in [-1, 1] for a state float32 (S,)."""
        hidden = state
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(_layer_norm(weight @ hidden + bias), 0)
        action: NDArray[np.float32] = np.tanh(self.weights[-1] @ hidden + self.biases[-1])
        return action


@dataclass(frozen=True)
class ExpertInfo:
    """What is stored beside the weights of a trained expert.

    Attributes:
        task: name of the task.
        action_repeat: control steps for which the expert holds an action.
        return_mean: mean true return per episode.
        return_std: standard deviation of the returns.
        return_min: smallest of the returns.
        episodes: episodes behind these returns.
        random_return: mean return of uniformly random actions.
        steps: agent steps of training up to this policy.
        minutes: minutes of training up to this policy.
        command: what trained it.
        success: share of these episodes with success in at least one step.
        solved: share with success in more steps than the authors of the paper ask for.
    """

    task: str
    action_repeat: int
    return_mean: float
    return_std: float
    return_min: float
    episodes: int
    random_return: float
    steps: int
    minutes: float
    command: str
    success: float | None = None
    solved: float | None = None


class TrainedExpert:
    """A trained network that holds every action as long as it did in training.

    Args:
        network: the actor.
        info: its task, rate and returns.
    """

    def __init__(self, network: Mlp, info: ExpertInfo) -> None:
        """Keep network and description."""
        self.network, self.info = network, info
        self._age, self._held = 0, np.zeros(0, np.float32)

    def reset(self, env: SimEnv) -> None:
        """Forget the held action."""
        del env
        self._age = 0

    def act(self, env: SimEnv, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action for this step of ``env``, which may be the one still held."""
        env_repeat = round(env.info.control_hz / env.control_hz)
        hold = max(1, self.info.action_repeat // env_repeat)
        if self._age % hold == 0:
            self._held = self.network(state)
        self._age += 1
        return self._held


class ScriptedExpert:
    """A scripted controller that reads the simulator's own state.

    Args:
        factory: builds the controller for a model and its data.
    """

    def __init__(self, factory: ControllerFactory) -> None:
        """Keep the factory; the controller belongs to an environment."""
        self._factory = factory
        self._controller: Controller | None = None

    def reset(self, env: SimEnv) -> None:
        """Build the controller of this environment."""
        self._controller = self._factory(env.model, env.data)

    def act(self, env: SimEnv, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action for the present state of ``env``."""
        del env, state
        assert self._controller is not None, 'reset() comes first'
        return self._controller()


def load_expert(task: str) -> StateExpert:
    """Return the expert of a task: the trained one where it is shipped, else the scripted one.

    Raises:
        ClaifoError: no expert for this task.
    """
    from claifo_sim.scripted import scripted, scripted_tasks

    # The expert of a task does not depend on how its reward is counted.
    path = experts_dir() / f'{task.removesuffix(DENSE)}.safetensors'
    if path.is_file():
        return load_trained(path)
    if task in scripted_tasks():
        return ScriptedExpert(scripted(task))
    names = expert_tasks()
    raise ClaifoError(
        f'task {task!r} has no expert{did_you_mean(task, names)}; '
        f'these have one: {", ".join(names)}; claifo expert train TASK makes another'
    )


def expert_tasks() -> tuple[str, ...]:
    """Return the names of the tasks that have an expert, sorted."""
    from claifo_sim import tasks
    from claifo_sim.scripted import scripted_tasks

    trained = {path.stem for path in experts_dir().glob('*.safetensors')}
    known = (info.name for info in tasks())
    own = {name for name in known if name.removesuffix(DENSE) in trained}
    return tuple(sorted({*own, *scripted_tasks()}))


def save_trained(path: Path, network: Mlp, info: ExpertInfo) -> None:
    """Write a trained expert as safetensors with its description as JSON metadata.

    Raises:
        ClaifoError: the file cannot be written.
    """
    tensors = {}
    for index, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors[f'layer{index}.weight'] = np.ascontiguousarray(weight, np.float32)
        tensors[f'layer{index}.bias'] = np.ascontiguousarray(bias, np.float32)
    metadata = {'format': FORMAT, 'expert': json.dumps(asdict(info))}
    write_atomic(path, safetensors.numpy.save(tensors, metadata))


def load_trained(path: Path) -> TrainedExpert:
    """Read a trained expert.

    Raises:
        ClaifoError: the file is missing, cut off, or something else than an expert.
    """
    try:
        with safe_open(path, framework='np') as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if metadata.get('format') != FORMAT:
            found = metadata.get('format', 'none')
            raise ClaifoError(f'{path}: format is {found!r}; an expert has {FORMAT!r}')
        layers = range(len(tensors) // 2)
        weights = tuple(tensors[f'layer{index}.weight'] for index in layers)
        biases = tuple(tensors[f'layer{index}.bias'] for index in layers)
        info = ExpertInfo(**json.loads(metadata['expert']))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ClaifoError(f'{path}: not a readable expert: {error}') from error
    return TrainedExpert(Mlp(weights, biases), info)


def _layer_norm(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``values`` (H,) at mean 0, variance 1."""
    centred = values - values.mean()
    scale = np.sqrt((centred * centred).mean() + LAYER_NORM_EPS)
    return np.divide(centred, scale, dtype=np.float32)
