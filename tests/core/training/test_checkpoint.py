"""Checkpoints: everything comes back bit for bit, and damage is told, never loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy_world import Session, small_config

from claifo_core.data.replay import CHUNK_FRAMES
from claifo_core.errors import ClaifoError
from claifo_core.training import checkpoint
from claifo_core.training.checkpoint import Checkpoint

ROOT = Path(__file__).parents[3]


def state_of(session: Session) -> dict[str, torch.Tensor]:
    """Return all that a learner is: weights, moments, generators, replay, counts."""
    learner, replay = session.learner, session.learner.replay
    found = {key: value.clone() for key, value in learner.tensors().items()}
    lanes = replay.frames.view(learner.config.env.num_envs, replay.lane_frames, -1)
    written = [min(lane['written'], replay.lane_frames) for lane in replay.state()]
    found |= {f'frames.{i}': lanes[i, :count] for i, count in enumerate(written)}
    found |= {
        'action': replay.action, 'reward': replay.reward,
        'counts': torch.tensor([learner.steps, learner.updates, session.episodes]),
        'episodes': torch.frombuffer(
            bytearray(json.dumps(replay.state()).encode()), dtype=torch.uint8
        ),
    }  # fmt: skip
    return found


def assert_same(ours: Session, theirs: Session) -> None:
    """Compare two sessions bit for bit (all but frames that were never written)."""
    ours_state, theirs_state = state_of(ours), state_of(theirs)
    assert ours_state.keys() == theirs_state.keys()
    differing = [key for key, v in ours_state.items() if not torch.equal(v, theirs_state[key])]
    assert not differing


def save(session: Session, folder: Path) -> None:
    Checkpoint(folder).save(session.learner, {'episodes': session.episodes})


def load(folder: Path, **overrides) -> Session:
    session = Session(small_config(**overrides))
    session.episodes = Checkpoint(folder).load(session.learner)['episodes']
    return session


VARIANTS = {
    'authors': {},
    'joint colour': {
        'agent__encoder_step': 'joint', 'augment__kind': 'color', 'agent__contrastive': 'cosine',
    },
    'LAIfO': {'agent__contrastive': 'none', 'agent__gan_loss': 'least_squares'},
    'three environments': {'env__num_envs': 3, 'update_every': 3, 'network__channels': 1},
    'still exploring': {'uniform_steps': 240, 'agent__final_rate': 0.1},
}  # fmt: skip


@pytest.mark.parametrize('options', VARIANTS.values(), ids=VARIANTS.keys())
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path, options):
    """The ring of 150 frames is full and partly overwritten by then."""
    options = {'replay_frames': 150, **options}
    whole = Session(small_config(**options)).run(180)
    whole.interrupt()
    save(whole, tmp_path)
    whole.run(260)

    resumed = load(tmp_path, **options)
    assert resumed.learner.updates < whole.learner.updates
    assert_same(resumed.run(260), whole)


def test_checkpoint_of_a_checkpoint(tmp_path):
    """A second save writes only what changed, and the two together are complete."""
    frames = {'replay_frames': 3 * CHUNK_FRAMES, 'env__num_envs': 1, 'update_every': 1000}
    session = Session(small_config(steps=5000, **frames)).run(100)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(session.learner, {})
    first = {path.name for path in tmp_path.glob('replay-*')}
    session.run(CHUNK_FRAMES + 50)
    checkpoint.save(session.learner, {})
    second = {path.name for path in tmp_path.glob('replay-*')}
    session.run(CHUNK_FRAMES + 100)
    checkpoint.save(session.learner, {'episodes': session.episodes})
    third = {path.name for path in tmp_path.glob('replay-*')}
    assert [len(names) for names in (first, second, third)] == [1, 2, 2]
    assert len(second & third) == 1  # the full chunk kept its file
    assert_same(load(tmp_path, steps=5000, **frames), session)


@pytest.fixture(scope='module')
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('saved') / 'checkpoint'
    save(Session(small_config()).run(100), folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """Return a copy of a checkpoint, to be damaged."""
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_frames_that_were_saved_plane_by_plane_are_read(tmp_path, monkeypatch):
    session = Session(small_config()).run(40)
    replay = session.learner.replay
    chunk = replay.chunk
    with monkeypatch.context() as before:
        before.setattr(checkpoint, 'FORMAT', 'claifo-checkpoint-1')
        before.setattr(
            replay, 'chunk',
            lambda index: {**chunk(index), 'frames': chunk(index)['frames'].permute(0, 3, 1, 2)},
        )  # fmt: skip
        save(session, tmp_path)
    assert_same(load(tmp_path), session)


def test_only_plain_formats_are_written(folder):
    """Weights are safetensors, state is JSON: there is nothing to unpickle."""
    names = sorted(path.suffix for path in folder.iterdir())
    assert names == ['.json', '.safetensors', '.safetensors']
    for path in folder.glob('*.safetensors'):
        head = path.read_bytes()
        length = int.from_bytes(head[:8], 'little')
        assert 'rng.agent' in (parsed := json.loads(head[8 : 8 + length])) or 'frames' in parsed
    json.loads((folder / 'state.json').read_text())


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize('stem', ['tensors', 'replay'])
@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_a_flipped_bit_is_noticed(folder, stem, share):
    (path,) = folder.glob(f'{stem}-*')
    flip(path, int(share * (path.stat().st_size - 1)))
    with pytest.raises(ClaifoError, match=rf'{path.name}: damaged checkpoint .*checksum'):
        load(folder)


def test_a_flipped_bit_of_the_state_is_noticed_wherever_it_is(folder):
    path = folder / 'state.json'
    good = path.read_bytes()
    learner = Session(small_config()).learner
    for place in range(0, len(good), 7):
        flip(path, place)
        with pytest.raises(ClaifoError, match=r'state\.json: damaged checkpoint'):
            Checkpoint(folder).load(learner)
        path.write_bytes(good)
    Checkpoint(folder).load(learner)


@pytest.mark.parametrize('stem', ['tensors', 'replay', 'state'])
@pytest.mark.parametrize('keep', [0, 100, None])
def test_truncated_or_missing_files_are_named(folder, stem, keep):
    (path,) = folder.glob(f'{stem}*')
    if keep is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ClaifoError, match=f'{path.name}: damaged checkpoint') as caught:
        load(folder)
    assert '\n' not in str(caught.value)
    assert 'restore the file, or remove' in str(caught.value)


def test_state_of_another_version_is_named(folder):
    path = folder / 'state.json'
    path.write_text(path.read_text().replace('claifo-checkpoint-', 'claifo-checkpoint-9'))
    with pytest.raises(ClaifoError, match=r'state\.json: damaged checkpoint'):
        load(folder)


def test_another_configuration_is_refused_with_key_and_both_values(folder):
    changes = {'agent__discount': 0.9, 'env__task': 'reacher_easy'}
    with pytest.raises(ClaifoError) as caught:
        load(folder, **changes)
    message = str(caught.value)
    assert str(folder) in message and '\n' not in message
    assert 'agent.discount: 0.9, not 0.99' in message
    assert 'env.task: reacher_easy, not walker_walk' in message


def test_a_longer_run_on_other_threads_may_resume(folder):
    session = load(folder, steps=900, threads=2, minutes=3.0, expert__bag='moved/bag')
    assert session.learner.steps == 100


def test_a_folder_without_state_is_no_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / 'none')
    assert not checkpoint.exists()
    save(Session(small_config()).run(60), tmp_path / 'none')
    assert checkpoint.exists()


FULL_DISK = """
import resource, sys
sys.path[:0] = {paths}
from pathlib import Path
from toy_world import Session, small_config
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.errors import ClaifoError

folder, checkpoint = Path(sys.argv[1]), Checkpoint(Path(sys.argv[1]))
session = Session(small_config()).run(100)
checkpoint.save(session.learner, {{'episodes': session.episodes}})
before = {{path.name: path.read_bytes() for path in folder.iterdir()}}
session.run(160)
# No file may grow beyond this: writes fail as they do on a full disk.
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited))
    try:
        checkpoint.save(session.learner, {{'episodes': session.episodes}})
    except ClaifoError as error:
        assert 'cannot write' in str(error) and str(folder) in str(error), error
    else:
        raise AssertionError('the disk was to be full')
    assert not list(folder.glob('.*')), 'a half-written file was left'
    for name, data in before.items():
        assert (folder / name).read_bytes() == data
Checkpoint(folder).load(Session(small_config()).learner)
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
checkpoint.save(session.learner, {{'episodes': session.episodes}})
"""


def test_a_full_disk_leaves_the_older_checkpoint_and_a_later_save_is_complete(tmp_path):
    """Also after a save that failed half-way, the next one holds every frame."""
    paths = [str(ROOT), str(ROOT / 'sim'), str(Path(__file__).parents[1])]
    script = FULL_DISK.format(paths=paths)
    # Nothing fits; the weights fit and the replay does not; all but the state fits is next to it.
    limits = ['1000', '150000']
    done = subprocess.run(
        [sys.executable, '-c', script, str(tmp_path), *limits], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert_same(load(tmp_path), Session(small_config()).run(160))
