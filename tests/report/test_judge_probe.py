"""The probe tells a reward that ranks from one that does not, and touches nothing of the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from claifo.cli import main
from claifo.report.judge_probe import in_the_world_of, verdicts
from claifo.report.scenes import Pairs
from claifo_core.config import TrainConfig, settings
from claifo_core.data.timestep import TimeStep
from claifo_core.errors import ClaifoError
from claifo_core.files import write_atomic
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.learner import Learner

TINY = Path(__file__).parents[1] / 'tiny.yaml'
SIZE = 24


def pictures(rng: np.random.Generator, length: int, dot: int) -> np.ndarray:
    """Return a film of noise with a bright square in column ``dot``, uint8 (T, 24, 24, 3)."""
    film = rng.integers(60, 120, (length, SIZE, SIZE, 3), dtype=np.uint8)
    film[:, 6:18, dot : dot + 6] = 250
    return film


@pytest.fixture(scope='module')
def config() -> TrainConfig:
    config = settings.load(TINY)
    agent = dataclasses.replace(
        config.agent, gan_loss='least_squares', penalty_weight=1.0, batch_size=32,
        learning_rate=1e-3, discriminator_learning_rate=1e-3,
    )
    augment = dataclasses.replace(config.augment, kind='shift', shift_px=1)
    return dataclasses.replace(config, agent=agent, augment=augment, seed_steps=5)


@pytest.fixture(scope='module')
def run(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has seen the square left, unpaid, in the middle, and right, well paid."""
    folder = tmp_path_factory.mktemp('run')
    rng = np.random.default_rng(0)
    learner = Learner(config, 2, [pictures(rng, 9, 16)])
    for dot in (1, 9, 16) * 4:
        for k, frame in enumerate(pictures(rng, 20, dot)):
            action = rng.uniform(-1, 1, 2).astype(np.float32) if k else None
            learner.observe(0, TimeStep(frame, action, float(dot)))
    Checkpoint(folder / 'checkpoint').save(learner, {})
    write_atomic(folder / 'config.yaml', settings.dump(config).encode())
    return folder


def looks() -> Pairs:
    stacks = np.random.default_rng(1).integers(0, 255, (40, 9, SIZE, SIZE), dtype=np.uint8)
    return Pairs(stacks, stacks, np.repeat([0, 1], 20))


@pytest.mark.parametrize(('film', 'ranks'), [(16, True), (1, False)])
def test_a_judge_ranks_by_the_film_it_has_seen(
    config: TrainConfig, run: Path, film: int, ranks: bool
) -> None:
    videos = [pictures(np.random.default_rng(2), 60, film)]
    before = {path: path.read_bytes() for path in run.rglob('*') if path.is_file()}
    found = list(verdicts(config, run, 2, videos, looks(), updates=150, every=100))
    assert [verdict.updates for verdict in found] == [100, 150]
    last = found[-1]
    assert last.rank_correlation is not None
    assert (last.rank_correlation > 0.4) == ranks
    assert (last.best > last.worst) == ranks
    assert last.expert > min(last.best, last.worst)
    assert last.gap.distance_ratio == pytest.approx(0)  # both looks are the same
    assert {path: path.read_bytes() for path in run.rglob('*') if path.is_file()} == before


def test_a_run_without_replay_or_judge_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(ClaifoError, match='no checkpoint'):
        in_the_world_of(config, tmp_path)
    oracle = dataclasses.replace(
        config, agent=dataclasses.replace(config.agent, reward='env', contrastive='none')
    )
    with pytest.raises(ClaifoError, match=r'agent.reward is env.*name a preset with --config'):
        in_the_world_of(oracle, tmp_path)


def test_the_command_prints_a_table_and_takes_options(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / 'film'
    assert main(['expert', 'record', 'point_mass_easy_big', '--domain', 'dim/source', '--episodes',
                 '1', '--episode-steps', '60', '--size-px', str(SIZE), '--out', str(film)]) == 0
    capsys.readouterr()
    words = ['probe', str(run), '--film', str(film), '--updates', '2', '--every', '2']
    assert main([*words, '--agent.n_step', '2', '--threads', '1']) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.startswith('updates  rank correlation')
    assert row.split()[0] == '2' and -1 <= float(row.split()[1]) <= 1
    assert main([*words, '--method', 'drqv2']) == 2
    assert 'there is no discriminator of latents' in capsys.readouterr().err
