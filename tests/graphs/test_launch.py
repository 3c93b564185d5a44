"""Every graph started as a user does: topics appear, exit codes are clean, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from launched import ENVIRONMENT, Launched, pid_of, processes

from claifo.bags import ReadOptions, read_episodes, read_truth
from claifo_core.data.frames import FrameSpec
from claifo_core.policy import Policy

TINY = Path(__file__).parents[1] / 'tiny.yaml'
MORE = (
    'env.num_envs=2 env.episode_steps=40 env.frame_stack=2 env.action_repeat=4 update_every=4 '
    'checkpoint_every=100 expert.split=gap expert.gap_s=0.5'
)


@pytest.fixture
def launch(tmp_path):
    started = []

    def start(*words: str) -> Launched:
        started.append(Launched(tmp_path, *words))
        return started[-1]

    yield start
    for launched in started:
        if launched.child.poll() is None:
            os.killpg(launched.child.pid, signal.SIGKILL)
            launched.child.wait()
        launched.child.stdout.close()
    end = time.monotonic() + 15
    while processes(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert not processes(tmp_path)


@pytest.fixture(scope='module')
def film(tmp_path_factory) -> Path:
    """A film by the graph: two episodes of the expert."""
    place = tmp_path_factory.mktemp('film')
    launched = Launched(
        place, 'record_expert', 'task:=point_mass_easy', 'domain:=light/source', 'out:=film',
        'episodes:=2', 'size_px:=24', 'rate:=0',
    )  # fmt: skip
    assert launched.end() == 0, launched.text
    assert 'sim ended with exit code 0' in launched.text
    return place / 'film'


def train(film: Path, steps: int, *more: str) -> tuple[str, ...]:
    return (
        'train_sim', f'config:={TINY}', 'task:=point_mass_easy', 'domain:=light/target',
        f'expert_bag:={film}', f'steps:={steps}', 'run_dir:=run', f'options:={MORE}', *more,
    )  # fmt: skip


def records(place: Path, kind: str) -> list[dict]:
    lines = (place / 'run' / 'metrics.jsonl').read_text().splitlines()
    return [r for r in map(json.loads, lines) if r['kind'] == kind]


def test_a_film_holds_every_frame_of_every_episode(film):
    options = ReadOptions(frames=FrameSpec(24), rate_hz=50.0, split='gap', gap_s=0.5)
    episodes, report = read_episodes([film], options)
    assert [len(episode) for episode in episodes] == [1001, 1001]
    assert not report.lost
    assert read_truth(film) is None


def test_training_ends_by_itself_and_leaves_a_policy(launch, film, tmp_path):
    launched = launch(*train(film, 400))
    assert launched.end() == 0, launched.text
    assert 'learner ended with exit code 0' in launched.text
    assert Policy.load(tmp_path / 'run' / 'policy.safetensors').metadata['step'] == 400
    assert records(tmp_path, 'end')[-1]['updates'] > 50


def test_a_run_depends_on_its_seed_alone(launch, film, tmp_path):
    ends = []
    for name in ('a', 'b'):
        words = [w.replace('run_dir:=run', f'run_dir:={name}') for w in train(film, 200)]
        assert launch(*words).end() == 0
        ends.append((tmp_path / name / 'policy.safetensors').read_bytes())
    assert ends[0] == ends[1]


def test_a_killed_learner_goes_on_from_its_checkpoint(launch, film, tmp_path):
    launched = launch(*train(film, 600))
    launched.until('begins a session')
    while not (tmp_path / 'run' / 'checkpoint' / 'state.json').exists():
        time.sleep(0.05)
    os.kill(pid_of(tmp_path, 'learner_node'), signal.SIGKILL)
    launched.until('it starts again')
    launched.until('begins a session')
    assert launched.end() == 0, launched.text
    steps = [r['step'] for r in records(tmp_path, 'train')]
    assert steps == sorted(set(steps))
    assert records(tmp_path, 'end')[-1]['step'] >= 600


def test_a_killed_policy_joins_again(launch, film, tmp_path):
    launched = launch(*train(film, 400))
    launched.until('begins a session')
    os.kill(pid_of(tmp_path, 'policy_node'), signal.SIGKILL)
    launched.until('policy was killed by SIGKILL; it starts again')
    assert launched.end() == 0, launched.text
    assert records(tmp_path, 'end')[-1]['step'] >= 400


def test_a_killed_simulator_ends_the_graph(launch, film, tmp_path):
    launched = launch(*train(film, 100_000))
    launched.until('begins a session')
    os.kill(pid_of(tmp_path, 'sim_node'), signal.SIGKILL)
    launched.until('sim ended with exit code 137')
    assert launched.end() == 137


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_training_with_a_checkpoint_and_the_command_resumes(
    launch, film, tmp_path, number
):
    launched = launch(*train(film, 400))
    launched.until('begins a session')
    time.sleep(1.0)
    launched.child.send_signal(number)
    assert launched.end() == 0, launched.text
    if 'the same command goes on' in launched.text:
        assert (tmp_path / 'run' / 'checkpoint' / 'state.json').exists()
        again = launch(*train(film, 400))
        assert again.end() == 0, again.text
    assert records(tmp_path, 'end')[-1]['step'] >= 400


def test_nothing_outlives_a_launcher_that_is_killed(launch, film, tmp_path):
    launched = launch(*train(film, 100_000))
    launched.until('begins a session')
    launched.child.kill()
    # The fixture looks for what is left.


def test_a_policy_sees_a_played_film(launch, film, tmp_path):
    assert launch(*train(film, 100)).end() == 0
    policy = tmp_path / 'run' / 'policy.safetensors'
    launched = launch('replay_expert', f'bag:={film}', f'policy:={policy}', 'rate:=20.0')
    assert launched.end() == 0, launched.text
    assert '2002 pictures played' in launched.text
    assert 'error' not in launched.text.lower()


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['trian_sim'], 'did you mean train_sim'),
        (['train_sim', 'tsk:=x'], 'did you mean task'),
        (['train_sim', 'task'], 'name:=value'),
        (['train_sim', 'task:=walker_wak'], 'did you mean walker_walk'),
        (['train_sim', 'domain:=light/targt'], 'did you mean light/target'),
        (['train_sim', 'device:=gpu'], 'choose one of auto, cpu, cuda'),
        (['train_sim', 'expert_bag:=nowhere'], 'nowhere'),
        (['train_sim', 'options:=agent.n_stp=3'], 'did you mean n_step'),
        (['record_expert'], 'out'),
        (['record_expert', 'out:=x', 'episodes:=many'], 'whole number'),
        (['replay_expert', 'bag:=no', 'policy:=no'], 'no such bag'),
        (['replay_expert', 'bag:=.', 'policy:=no'], 'no such policy'),
        (['view', 'viewer:=rviz3'], 'did you mean rviz2'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words, told, tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'claifo', 'launch', *words], cwd=tmp_path, env=ENVIRONMENT,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert told in done.stderr
    assert not list(tmp_path.iterdir())
