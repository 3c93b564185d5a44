"""`make demo`: film an expert, learn from the film in another light, play, write the report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.cli import Parser, guarded
from claifo.interrupts import stop_on_interrupt
from claifo.presets import configured
from claifo.resources import SOURCE_ROOT, config_dir

# The rest is imported where it is used: simulator processes import this module, and need no torch.
if TYPE_CHECKING:
    from claifo_core.config import TrainConfig
    from claifo_core.training.evaluation import Evaluation

PRESET = config_dir() / 'demo.yaml'
EXPERT_EPISODES = 10
TEST_EPISODES = 20
TEST_SEED = 10_000
DOMAINS = 100
CURVES = SOURCE_ROOT / 'benchmarks' / 'results' / 'demo' / 'medians.csv'


def film_expert(config: TrainConfig, folder: Path) -> None:
    """Record the expert in the source domain, unless an earlier demo has done so."""
    from claifo.experts.config import RecordConfig
    from claifo.experts.record import record
    from claifo.films import Film

    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    record(Film.of(config), RecordConfig(episodes=EXPERT_EPISODES), folder, 'make demo')


def test(config: TrainConfig, policy: Path) -> Evaluation:
    """Play the policy in episodes that neither training nor its evaluations have seen."""
    from claifo.environments import evaluation_env
    from claifo_core.policy import Policy
    from claifo_core.training.evaluation import evaluate

    seeds = range(TEST_SEED, TEST_SEED + TEST_EPISODES)
    with closing(evaluation_env(config.env)) as env:
        return evaluate(Policy.load(policy), env, seeds)


def learn(config: TrainConfig, run_dir: Path, stop: Callable[[], bool]) -> int:
    """Train by the graph of simulator, policy and learner; returns its exit code.

    It keeps to this machine, in a DDS domain of its own, unless the environment says otherwise:
    demos of neighbours must not meet.
    """
    from claifo.graphs import find, runner

    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % DOMAINS))
    graph = find('train_sim')
    values = {
        'config': str(PRESET), 'seed': str(config.seed),
        'expert_bag': config.expert.bag, 'run_dir': str(run_dir),
    }  # fmt: skip
    return runner.run(graph.compose(graph.values(values)), stop)


def run(seed: int, folder: Path) -> None:
    """Do the whole demo in ``folder``/runs and ``folder``/bags.

    Raises:
        ClaifoError: the graph has failed.
    """
    from claifo.report.page import build
    from claifo_core.errors import ClaifoError
    from claifo_sim.domains import source_of

    started = time.monotonic()
    bag = folder / 'bags' / 'demo_expert'
    changes = {'seed': str(seed), 'expert.bag': str(bag)}
    config = configured(PRESET, changes, source='config/demo.yaml')
    run_dir = folder / 'runs' / f'demo_seed{seed}'
    print(f'1/4  filming the expert in {source_of(config.env.domain)}: {bag}', flush=True)
    film_expert(config, bag)
    print(f'2/4  learning in {config.env.domain} from the film alone: {run_dir}', flush=True)
    stopped = stop_on_interrupt()
    if code := learn(config, run_dir, stopped):
        raise ClaifoError(f'{run_dir}: the training ended with exit code {code}; see above')
    if stopped():
        return
    print(f'3/4  playing {TEST_EPISODES} new episodes', flush=True)
    result = test(config, run_dir / 'policy.safetensors').summary()
    print('4/4  writing the report', flush=True)
    page = build(run_dir, controls=[CURVES] if CURVES.exists() else [])
    minutes = (time.monotonic() - started) / 60
    print(
        f'return {result["return_mean"]:.0f} ± {result["return_std"]:.0f} over {TEST_EPISODES} '
        f'new episodes; {minutes:.1f} minutes in all\nopen {page}'
    )


def main() -> int:
    """Run the demo; returns the exit code of :func:`claifo.cli.guarded`."""
    return guarded(command)


def command() -> int:
    """Read the arguments and run."""
    parser = Parser(prog='python -m claifo.demo', description=__doc__)
    parser.add_argument('--seed', type=int, default=0, help='of the run (default: 0)')
    parser.add_argument('--folder', type=Path, default=Path(), help='where bags/ and runs/ go')
    args = parser.parse_args()
    run(args.seed, args.folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
