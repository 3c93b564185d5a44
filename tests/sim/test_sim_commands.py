"""``claifo tasks`` and ``claifo domains`` list and draw what there is."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import pytest

from claifo.commands import domains as domains_command
from claifo.commands import tasks as tasks_command
from claifo_core.errors import ClaifoError
from claifo_sim import SimError, tasks


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    tasks_command.add_parser(commands)
    domains_command.add_parser(commands)
    args = parser.parse_args(words)
    code: int = args.run(args)
    return code


def test_tasks_lists_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert run('tasks') == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [info.name for info in tasks()]
    walker = next(line for line in lines if line.startswith('walker_walk '))
    assert walker.split()[1:4] == ['40', '6', '1000']


def test_domains_lists_what_a_task_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run('domains') == 0
    assert 'background' in capsys.readouterr().out
    assert run('domains', '--task', 'reacher_easy') == 0
    assert 'background' not in capsys.readouterr().out


def test_sheet_shows_every_domain(tmp_path: Path) -> None:
    path = tmp_path / 'sheet.png'
    assert run('domains', '--task', 'point_mass_easy', '--sheet', str(path)) == 0
    sheet = cv2.imread(str(path))
    assert sheet.shape == (5 * 188, 8 * 170, 3)  # stock and 17 unseen looks below
    dim = [sheet[r:r + 168, 4 * 170:4 * 170 + 168].mean() for r in (18, 188 + 18)]
    assert dim[0] > 1.3 * dim[1]


def test_domains_refuses_bad_names(tmp_path: Path) -> None:
    with pytest.raises(SimError, match='did you mean walker_walk'):
        run('domains', '--task', 'walker_wakl')
    with pytest.raises(ClaifoError, match=r'must end in \.png'):
        run('domains', '--sheet', str(tmp_path / 'sheet.gif'))
