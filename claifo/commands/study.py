"""`claifo study`: methods x tasks x domains x seeds; run it again to resume."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.arguments import count
from claifo.interrupts import stop_on_interrupt
from claifo.presets import find_preset

if TYPE_CHECKING:
    from claifo.study.plan import Study

STUDIES = Path('studies')


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        'study',
        help='compare methods over tasks, domains and seeds; the same command again resumes',
        description='Run every method of a study file in every task, domain and seed, side by '
        'side. The same command again resumes; Ctrl-C ends all runs with a checkpoint. '
        '`claifo report` of the folder shows the comparison.',
    )
    parser.add_argument('file', metavar='FILE', help='study: a YAML file, or a name from config/')
    parser.add_argument('--out', type=Path, metavar='DIR', help='default: studies/NAME')
    add_jobs(parser)
    parser.add_argument(
        '--cluster',
        choices=('slurm',),
        help='start the runs on a cluster, through submitit (pip install claifo[cluster])',
    )
    parser.set_defaults(run=run)


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add `--jobs`."""
    parser.add_argument(
        '--jobs',
        type=count,
        metavar='N',
        help='runs side by side (default: one per GPU, without GPU one per core)',
    )


def run(args: argparse.Namespace) -> int:
    """Run, or resume, the study."""
    from claifo.study import config

    study = config.load(find_preset(args.file, studies=True))
    return start(study, args.out or STUDIES / study.name, args.jobs, args.cluster)


def start(study: Study, folder: Path, jobs: int | None, cluster: str | None = None) -> int:
    """Run a study in a folder, or resume it; returns the exit code.

    Args:
        study: What to run.
        folder: Its folder.
        jobs: Runs side by side; None: as the study says.
        cluster: Of submitit; None: processes of this machine.
    """
    from claifo.study import runner
    from claifo.study.executor import Executor, LocalExecutor

    executor: Executor
    if cluster:
        from claifo.study.cluster import ClusterExecutor

        executor = ClusterExecutor(study, folder, cluster, jobs)
    else:
        executor = LocalExecutor(jobs or study.jobs, study.threads, study.base.device)
    command = shlex.join(['claifo', *sys.argv[1:]])
    return runner.run(study, folder, executor, command, stop_on_interrupt())
