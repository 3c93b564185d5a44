"""A recorded camera played to a policy: what it would do, whether it looks, and what it sees.

Open loop: the actions move nothing, so the pictures go on as they were recorded. That tells how
a policy answers to pictures, not whether it would solve the task.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo import terminal
from claifo.playback.latent_gap import Gap, latent_gap
from claifo.playback.player import Player
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    from claifo_core.deploy.actors import Actor
    from claifo_core.policy import Policy

    Film = NDArray[np.uint8]
    Felt = NDArray[np.float32]

BLIND = 0.01
"""Mean change of a number in [-1, 1] below which an answer to masking is nearly none: half a
percent of the range, and a tenth of the noise (0.1) with which an agent explores to the end of its
training, so the robot of the training could not tell the two apart."""
SATURATED = 0.99
_GREY = 128
_SEED = 0
_BATCH = 64
_ACTION = ('action', 'mean', 'std', 'saturated', 'change per step')
_PICTURES = ('pictures', 'mean change of the actions', 'of that between two random moments')
_ROUNDING = 1e-6  # of float32 numbers about 1
_VERDICT = (
    'the actions hardly depend on the pictures: masked, they change by {change:.4f} on average, '
    'less than {limit:g} of a number in [-1, 1]'
)


@dataclass(frozen=True)
class Response:
    """How much the actions change when the pictures are tampered with.

    Attributes:
        change: Mean absolute change of a number of an action.
        relative: The same over that between two random moments; None where they do not differ.
    """

    change: float
    relative: float | None


@dataclass(frozen=True)
class Played:
    """What a policy did with the pictures of a bag.

    Attributes:
        path: The bag, or the folder of bags.
        topics: Image topics that were read.
        episodes: Episodes found.
        steps: Control steps of all episodes.
        warnings: What a person should know about the bag, one line each.
        mean: Mean of each number of the actions.
        std: Their standard deviations.
        saturated: Share of the steps at which each lies beyond ``SATURATED``.
        step_change: Mean absolute change of each from one step to the next.
        between_moments: Mean absolute difference of a number between two random moments.
        responses: By what is done to the pictures: ``masked``, ``frozen``, ``swapped``.
    """

    path: str
    topics: list[str]
    episodes: int
    steps: int
    warnings: list[str]
    mean: list[float]
    std: list[float]
    saturated: list[float]
    step_change: list[float]
    between_moments: float
    responses: dict[str, Response]

    @property
    def verdict(self) -> str:
        """One line if the policy does not look, else nothing."""
        change = self.responses['masked'].change
        return _VERDICT.format(change=change, limit=BLIND) if change < BLIND else ''


@dataclass(frozen=True)
class Playback:
    """A bag, perhaps that of the expert, and what lies between.

    Attributes:
        policy: Where the policy is.
        rate_hz: Control rate at which the bags were read.
        bag: What the policy did with the bag.
        expert: What it did with the expert's.
        gap: Between the latents of the two.
    """

    policy: str
    rate_hz: float
    bag: Played
    expert: Played | None = None
    gap: Gap | None = None


def play(
    source: Path,
    bag: Path,
    *,
    topic: str = '',
    expert: Path | None = None,
    expert_topic: str = '',
    rate_hz: float | None = None,
) -> Playback:
    """Play a bag, and perhaps the expert's, to a policy.

    Args:
        source: Checkpoint or export.
        bag: The bag, or a folder of bags.
        topic: Image topics of ``bag``, with commas between; empty: the only one, or those that
            the contract of an export names, or `claifo expert record` writes.
        expert: Bag of the expert, or None.
        expert_topic: As ``topic``, for ``expert``.
        rate_hz: Control rate; None: that of the policy.

    Raises:
        ClaifoError: the policy or a bag cannot be read, or a bag lacks what the policy needs.
    """
    player = Player.load(source, rate_hz)
    if expert and player.contract:
        raise ClaifoError(
            f'{source}: --expert compares latents, which an export does not show; name the run or '
            'its policy.safetensors'
        )
    films, played = _play_bag(player, bag, topic)
    if expert is None:
        return Playback(str(source), player.rate_hz, played)
    theirs, their_play = _play_bag(player, expert, expert_topic)
    policy: Any = player.actor
    gap = latent_gap(_latents(policy, films), _latents(policy, theirs))
    return Playback(str(source), player.rate_hz, played, their_play, gap)


def _play_bag(player: Player, bag: Path, topic: str) -> tuple[list[Film], Played]:
    films, felt, report = player.read(bag, topic)
    told = (str(bag), report.topics, len(films), sum(map(len, films)), report.warnings())
    return films, Played(*told, **_figures(player.actor, films, felt))


def _figures(
    actor: Actor, films: Sequence[Film], felt: Sequence[Felt | None]
) -> dict[str, Any]:
    """Return what the policy does with episodes as they are and tampered with."""
    actions = [act(actor, *episode) for episode in zip(films, felt, strict=True)]
    changes = np.concatenate([np.diff(episode, axis=0) for episode in actions])
    every = np.concatenate(actions)
    apart = between_moments(every)
    return {
        'mean': every.mean(0).tolist(),
        'std': every.std(0).tolist(),
        'saturated': (np.abs(every) > SATURATED).mean(0).tolist(),
        'step_change': np.abs(changes).mean(0).tolist(),
        'between_moments': apart,
        'responses': {
            name: _response(every, tampered, apart)
            for name, tampered in _tampered(actor, films, felt).items()
        },
    }


def _response(true: NDArray[np.float64], other: NDArray[np.float64], apart: float) -> Response:
    change = float(np.abs(true - other).mean())
    return Response(change, change / apart if apart > _ROUNDING else None)


def _tampered(
    actor: Actor, films: Sequence[Film], felt: Sequence[Felt | None]
) -> dict[str, NDArray[np.float64]]:
    """Return the actions of all steps for pictures that are masked, frozen, or swapped.

    What the robot feels of itself stays as it was.
    """
    rng = np.random.default_rng(_SEED)
    grey = np.full_like(films[0][:1], _GREY)
    pairs = list(zip(films, felt, strict=True))
    return {
        'masked': np.concatenate([_still(actor, grey, len(film), own) for film, own in pairs]),
        'frozen': np.concatenate([_still(actor, film[:1], len(film), own) for film, own in pairs]),
        'swapped': np.concatenate([
            act(actor, film[another_moment(len(film), rng)], own) for film, own in pairs
        ]),
    }  # fmt: skip


def _still(
    actor: Actor, picture: Film, count: int, felt: Felt | None
) -> NDArray[np.float64]:
    """Return the actions for a film that stands still; without proprioception all are the same."""
    if felt is None:
        return np.repeat(act(actor, picture), count, 0)
    return act(actor, np.repeat(picture, count, 0), felt)


def act(actor: Actor, film: Film, felt: Felt | None = None) -> NDArray[np.float64]:
    """Return the mean actions for an episode, float64 (T, A).

    Args:
        actor: Who acts.
        film: uint8 (T, H, W, 3 V).
        felt: Proprioception, float32 (T, P), for policies that need it.
    """
    batches, start = [], 0
    for batch in stacks(film, actor.metadata['frame_stack']):
        own = None if felt is None else felt[start : start + len(batch)]
        batches.append(actor.act(batch, own))
        start += len(batch)
    return np.concatenate(batches).astype(np.float64)


def _latents(policy: Policy, films: Sequence[Film]) -> list[NDArray[np.float64]]:
    return [
        np.concatenate([policy.encode(batch) for batch in stacks(film, policy.frame_stack)])
        .astype(np.float64) for film in films
    ]  # fmt: skip


def stacks(film: Film, depth: int) -> Iterator[Film]:
    """Yield what a policy sees of an episode, in batches: uint8 (B, depth 3 V, H, W).

    As in :mod:`claifo_core.training.evaluation`, the first picture fills the stack.
    """
    planar = film.transpose(0, 3, 1, 2)
    for start in range(0, len(film), _BATCH):
        steps = np.arange(start, min(start + _BATCH, len(film)))
        shown = np.maximum(steps[:, None] + np.arange(1 - depth, 1), 0)
        yield planar[shown].reshape(len(steps), -1, *planar.shape[2:])


def another_moment(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a random permutation that leaves nothing where it was (``count`` >= 2)."""
    round_trip = rng.permutation(count)
    where = np.empty(count, np.int64)
    where[round_trip] = np.roll(round_trip, 1)
    return where


def between_moments(actions: NDArray[np.float64]) -> float:
    """Return the mean absolute difference over all pairs of rows and all columns.

    Sorted, the k-th of n values is the greater one in k pairs and the smaller in n - 1 - k, which
    spares going through the pairs.
    """
    count = len(actions)
    weight = 2.0 * np.arange(count) - (count - 1)
    pairs = count * (count - 1) / 2
    return float((weight @ np.sort(actions - actions[0], 0)).mean() / pairs)


def to_dict(playback: Playback) -> dict[str, Any]:
    """Return what `--json` prints."""
    told = asdict(playback)
    for name in ('bag', 'expert'):
        played: Played | None = getattr(playback, name)
        if played:
            told[name]['verdict'] = played.verdict
    return told


def tables(playback: Playback) -> Iterator[str | Table]:
    """Yield what people read, as lines and tables."""
    yield f'{playback.policy} at {playback.rate_hz:g} Hz'
    for name, played in (('bag', playback.bag), ('expert', playback.expert)):
        if played:
            yield from _played(name, played)
    if gap := playback.gap:
        distance = 'nothing differs' if gap.mean_distance is None else f'{gap.mean_distance:.2f}'
        yield terminal.table(
            ('\nlatents of bag and expert', ''),
            ('distance of the means / spread within', distance),
            ('told apart by a linear probe',
             f'{gap.probe_accuracy:.3f}  (0.5: not at all; {gap.held_out} held out)'),
        )  # fmt: skip


def _played(name: str, played: Played) -> Iterator[str | Table]:
    many = '' if played.episodes == 1 else 's'
    found = f'{played.episodes} episode{many}, {played.steps} steps'
    yield f'\n{name} {played.path}: {found}, {", ".join(played.topics)}'
    yield from (f'warning: {line}' for line in played.warnings)
    columns = zip(played.mean, played.std, played.saturated, played.step_change, strict=True)
    yield terminal.table(
        _ACTION,
        *((k, f'{mean:+.3f}', f'{std:.3f}', f'{saturated:.1%}', f'{change:.4f}')
          for k, (mean, std, saturated, change) in enumerate(columns)), right=_ACTION,
    )  # fmt: skip
    yield terminal.table(
        _PICTURES,
        *((kind, f'{r.change:.4f}', '-' if r.relative is None else f'{r.relative:.0%}')
          for kind, r in played.responses.items()),
        ('two random moments', f'{played.between_moments:.4f}', ''), right=_PICTURES[1:],
    )  # fmt: skip
    yield from [played.verdict] if played.verdict else []
