"""A recorded camera played to a policy: what it would do, whether it looks, and what it sees.

Open loop: the actions move nothing, so the pictures go on as they were recorded. That tells how
a policy answers to pictures, not whether it would solve the task.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo.bags import ReadOptions, read_episodes
from claifo.bags.topics import camera_topics, split_topics
from claifo.latent_gap import Gap, latent_gap
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo_core.policy import Policy

    Film = NDArray[np.uint8]

BLIND = 0.01
"""Mean change of a number in [-1, 1] below which an answer to masking is nearly none: half a
percent of the range, and a tenth of the noise (0.1) with which an agent explores to the end of its
training, so the robot of the training could not tell the two apart."""
SATURATED = 0.99
_GREY = 128
_SEED = 0
_BATCH = 64
_ROUNDING = 1e-6  # of float32 numbers about 1
_LEAST = 2  # steps of an episode: one alone has no change from step to step
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
    topics: tuple[str, ...]
    episodes: int
    steps: int
    warnings: tuple[str, ...]
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
    policy: Policy,
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
        policy: Who acts.
        source: Its file, for messages.
        bag: The bag, or a folder of bags.
        topic: Image topics of ``bag``, with commas between; empty: the only one, or those that
            `claifo expert record` writes for the cameras of the policy.
        expert: Bag of the expert, or None.
        expert_topic: As ``topic``, for ``expert``.
        rate_hz: Control rate; None: that of the policy.

    Raises:
        ClaifoError: the policy needs more than pictures, or a bag cannot be read.
    """
    if policy.proprio_dim:
        raise ClaifoError(
            f'{source}: needs {policy.proprio_dim} numbers of proprioception; bags are played '
            'back for policies that see pictures only'
        )
    hz = _rate(policy, source, rate_hz)
    films, played = _play_bag(policy, source, bag, topic, hz)
    if expert is None:
        return Playback(str(source), hz, played)
    theirs, their_play = _play_bag(policy, source, expert, expert_topic, hz)
    gap = latent_gap(_latents(policy, films), _latents(policy, theirs))
    return Playback(str(source), hz, played, their_play, gap)


def _rate(policy: Policy, source: Path, given: float | None) -> float:
    rate_hz = given if given is not None else policy.metadata.get('control_hz')
    if rate_hz is None:
        raise ClaifoError(f'{source}: an older policy file, without control_hz; give --rate-hz')
    return float(rate_hz)


def topics_of(policy: Policy, source: Path, topic: str) -> tuple[str, ...]:
    """Return the image topics to read, one per camera; none: the only one of the bag.

    Raises:
        ClaifoError: another number of topics than the policy has cameras.
    """
    named = split_topics(topic)
    if named and len(named) != policy.views:
        raise ClaifoError(
            f'{source}: has {policy.views} cameras, but {len(named)} topics are named '
            f'({", ".join(named)}); name one per camera, with commas between'
        )
    if named or policy.views == 1:
        return named
    return tuple(f'/{name}' for name in camera_topics(_cameras(policy)))


def _cameras(policy: Policy) -> tuple[str, ...]:
    from claifo_sim import task_info

    return tuple(policy.metadata['cameras']) or task_info(policy.metadata['task']).cameras


def _play_bag(
    policy: Policy, source: Path, bag: Path, topic: str, rate_hz: float
) -> tuple[list[Film], Played]:
    options = ReadOptions(
        frames=policy.frames,
        rate_hz=rate_hz,
        topics=topics_of(policy, source, topic),
        min_frames=_LEAST,
    )
    films, report = read_episodes([bag], options)
    told = (str(bag), report.topics, len(films), sum(map(len, films)), tuple(report.warnings()))
    return films, Played(*told, **_figures(policy, films))


def _figures(policy: Policy, films: Sequence[Film]) -> dict[str, Any]:
    """Return what the policy does with episodes as they are and tampered with."""
    actions = [act(policy, film) for film in films]
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
            for name, tampered in _tampered(policy, films).items()
        },
    }


def _response(true: NDArray[np.float64], other: NDArray[np.float64], apart: float) -> Response:
    change = float(np.abs(true - other).mean())
    return Response(change, change / apart if apart > _ROUNDING else None)


def _tampered(policy: Policy, films: Sequence[Film]) -> dict[str, NDArray[np.float64]]:
    """Return the actions of all steps for pictures that are masked, frozen, or swapped.

    The first picture fills the stack, so one step is enough of a film that stands still.
    """
    rng = np.random.default_rng(_SEED)
    grey = act(policy, np.full_like(films[0][:1], _GREY))
    frozen = [np.repeat(act(policy, film[:1]), len(film), 0) for film in films]
    swapped = [act(policy, film[another_moment(len(film), rng)]) for film in films]
    return {
        'masked': np.repeat(grey, sum(map(len, films)), 0),
        'frozen': np.concatenate(frozen),
        'swapped': np.concatenate(swapped),
    }


def act(policy: Policy, film: Film) -> NDArray[np.float64]:
    """Return the mean actions for an episode, float64 (T, A), for uint8 (T, H, W, 3 V)."""
    return _over(policy.act, film, policy.frame_stack)


def _latents(policy: Policy, films: Sequence[Film]) -> list[NDArray[np.float64]]:
    return [_over(policy.encode, film, policy.frame_stack) for film in films]


def _over(
    network: Callable[[Film], NDArray[np.float32]], film: Film, depth: int
) -> NDArray[np.float64]:
    return np.concatenate([network(batch) for batch in stacks(film, depth)]).astype(np.float64)


def stacks(film: Film, depth: int) -> Iterator[Film]:
    """Yield what a policy sees of an episode, in batches: uint8 (B, depth 3 V, H, W).

    As in :mod:`claifo_core.evaluation`, the first picture fills the stack.
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


def to_text(playback: Playback) -> str:
    """Return what people read."""
    lines = [f'{playback.policy} at {playback.rate_hz:g} Hz']
    for name, played in (('bag', playback.bag), ('expert', playback.expert)):
        lines += ['', *_played_lines(name, played)] if played else []
    if gap := playback.gap:
        distance = 'nothing differs' if gap.mean_distance is None else f'{gap.mean_distance:.2f}'
        lines += [
            '', 'latents of bag and expert',
            f'  distance of the means / spread within  {distance}',
            f'  told apart by a linear probe           {gap.probe_accuracy:.3f}  '
            f'(0.5: not at all; {gap.held_out} held out)',
        ]  # fmt: skip
    return '\n'.join(lines)


def _played_lines(name: str, played: Played) -> Iterator[str]:
    many = '' if played.episodes == 1 else 's'
    topics = ', '.join(played.topics)
    yield f'{name} {played.path}: {played.episodes} episode{many}, {played.steps} steps, {topics}'
    yield from (f'  warning: {line}' for line in played.warnings)
    yield '  action     mean      std  saturated  change per step'
    columns = (played.mean, played.std, played.saturated, played.step_change)
    for k, (mean, std, saturated, change) in enumerate(zip(*columns, strict=True)):
        yield f'  {k:6d}  {mean:+7.3f}  {std:7.3f}  {saturated:9.1%}  {change:15.4f}'
    yield '  pictures  mean change of the actions  of that between two random moments'
    for kind, response in played.responses.items():
        relative = '-' if response.relative is None else f'{response.relative:.0%}'
        yield f'  {kind:8s}  {response.change:26.4f}  {relative:>34s}'
    yield f'  two random moments {played.between_moments:17.4f}'
    yield from ([f'  {played.verdict}'] if played.verdict else [])
