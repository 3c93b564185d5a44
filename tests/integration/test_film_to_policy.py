"""The whole way in real processes: film, train, stop, resume, evaluate, report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = Path(__file__).parents[1] / 'tiny.yaml'


def claifo(*words: object, **settings: object) -> subprocess.Popen[str]:
    env = os.environ | {'PYTHONPATH': f'{ROOT}:{ROOT / "sim"}', 'OMP_NUM_THREADS': '1'}
    return subprocess.Popen(
        [sys.executable, '-m', 'claifo', *map(str, words)], env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **settings,
    )


def done(*words: object) -> tuple[int, str, str]:
    process = claifo(*words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp('place')
    code, _, err = done('expert', 'record', 'point_mass_easy_big', '--domain', 'dim/source',
                        '--episodes', 2, '--episode-steps', 200, '--size-px', 24,
                        '--out', place / 'film')
    assert code == 0, err
    return place


def train(place: Path, run: str, *more: object) -> tuple[object, ...]:
    return ('train', '--config', TINY, '--env.num_envs', 2, '--expert.bag', place / 'film',
            '--run', place / run, *more)


def records(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / 'metrics.jsonl').read_text().splitlines()]


@pytest.fixture(scope='module')
def finished(place: Path) -> Path:
    """A run that was stopped by a SIGTERM to its whole group, then resumed to the end."""
    run = place / 'run'
    first = claifo(*train(place, 'run'))
    deadline = time.monotonic() + 90
    while not (run / 'checkpoint' / 'state.json').exists() and time.monotonic() < deadline:
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGTERM)
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    stopped_at = json.loads((run / 'checkpoint' / 'state.json').read_text())['steps']
    assert 100 <= stopped_at < 400
    code, out, err = done(*train(place, 'run'))
    assert code == 0, err
    assert f'claifo report {run}' in out
    return run


def test_a_stopped_run_resumes_to_its_end(finished: Path) -> None:
    seen = records(finished)
    assert [r['kind'] for r in seen].count('start') == 1
    assert seen[-1]['kind'] == 'end'
    assert seen[-1]['step'] == 400
    # One update for every two steps from the sixtieth on, over both sessions.
    assert seen[-1]['updates'] == (400 - 2 - 60) // 2 + 1
    steps = [r['step'] for r in seen if r['kind'] == 'train']
    assert steps == sorted(set(steps))


def test_the_policy_can_be_played(finished: Path) -> None:
    code, out, err = done('eval', finished, '--episodes', 1, '--domain', 'dim/source', '--json')
    assert code == 0, err
    result = json.loads(out)
    assert (result['domain'], result['episodes']) == ('dim/source', 1)
    assert 0 <= result['return_mean'] <= 1000


def test_another_configuration_is_refused_and_nothing_is_lost(
    place: Path, finished: Path
) -> None:
    before = {p: p.read_bytes() for p in finished.rglob('*') if p.is_file()}
    code, _, err = done(*train(place, 'run', '--agent.n_step', 2))
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert 'agent.n_step: 2, not 1' in err
    assert before == {p: p.read_bytes() for p in finished.rglob('*') if p.is_file()}


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (('--env.task', 'point_mas_easy'), 'did you mean point_mass_easy'),
        (('--env.domain', 'dim/targt'), 'did you mean dim/target'),
        (('--expert.bag', 'nowhere'), 'nowhere: does not exist'),
        (('--expert.topic', '/camera'), '/camera/image_raw'),
        (('--expert.crop', '0,0,25,25'), 'crop'),
        (('--env.action_repeat', '16', '--agent.n_step', '20'), 'film'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    place: Path, words: tuple[str, ...], told: str
) -> None:
    code, _, err = done(*train(place, 'other', *words))
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert told in err


def test_actions_and_rewards_of_an_expert_are_learnt_from(place: Path) -> None:
    clone = ('--method', 'bc', '--steps', 100)
    code, _, err = done(*train(place, 'clone', *clone))
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert 'record the film with `claifo expert record --actions`' in err

    code, _, err = done('expert', 'record', 'point_mass_easy_big', '--domain', 'dim/source',
                        '--episodes', 1, '--episode-steps', 200, '--size-px', 24, '--actions',
                        '--out', place / 'demonstrations')  # fmt: skip
    assert code == 0, err
    vrl3 = ('--method', 'vrl3', '--steps', 100, '--agent.offline_updates', 10)
    for run, words, updates, loss in (
        ('clone', clone, 20, 'cloning_loss'), ('vrl3', vrl3, 30, 'conservative_loss'),
    ):  # fmt: skip
        code, _, err = done(*train(place, run, *words, '--expert.bag', place / 'demonstrations'))
        assert code == 0, err
        seen = records(place / run)
        assert (seen[-1]['kind'], seen[-1]['step'], seen[-1]['updates']) == ('end', 100, updates)
        assert any(loss in record for record in seen)


def test_no_process_is_left(finished: Path) -> None:
    assert finished.exists()
    listing = subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True, check=True)
    assert str(finished) not in listing.stdout
