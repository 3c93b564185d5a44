"""The rooms of the house stand on floors, nothing imports in a circle, and the picture is true."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / 'scripts'))

import house  # noqa: E402
from import_graph import circles, graph  # noqa: E402

FLOORS = (
    {'errors'}, {'files'}, {'device'}, {'data'}, {'config'}, {'agent'}, {'policy'},
    {'training', 'deploy'},
)  # fmt: skip
"""Rooms of claifo_core; each may know those of lower floors alone."""
APPLICATION = (
    {'tools'}, {'cost'}, {'bags'}, {'experts', 'graphs', 'playback', 'study'}, {'robustness'},
    {'report'}, {'commands'},
)  # fmt: skip


@pytest.fixture(scope='module')
def files():
    return house.all_modules()


@pytest.fixture(scope='module')
def imported(files):
    return graph(files)


def test_no_module_imports_another_in_a_circle(imported):
    """Imports in functions and under TYPE_CHECKING count."""
    assert circles(imported) == []


def test_no_room_knows_another_in_a_circle(imported):
    assert circles(house.rooms(imported)) == []


@pytest.mark.parametrize(
    ('package', 'floors'), [('claifo_core', FLOORS), ('claifo', APPLICATION)],
    ids=['core', 'application'],
)  # fmt: skip
def test_a_room_knows_rooms_of_lower_floors_alone(imported, package, floors):
    known = {room: targets for room, targets in house.rooms(imported).items()
             if room.startswith(f'{package}.')}  # fmt: skip
    level = {f'{package}.{room}': n for n, story in enumerate(floors) for room in story}
    assert known.keys() == level.keys()
    upward = [(room, below) for room, targets in known.items() for below in targets & known.keys()
              if level[below] >= level[room]]  # fmt: skip
    assert upward == []


def test_every_room_says_what_lives_in_it(files):
    for name, path in files.items():
        if path.name == '__init__.py' and name.startswith(('claifo_core.', 'claifo.')):
            text = ast.get_docstring(ast.parse(path.read_text())) or ''
            assert len(text.split()) >= 15 or name.count('.') > 1, f'{name}: {text}'


def test_what_a_robot_or_simulator_needs_knows_no_torch():
    light = ('config', 'config.settings', 'data', 'deploy', 'deploy.contract', 'device.seeding')
    code = '; '.join(f'import claifo_core.{name}' for name in light)
    code += "; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == 0


def test_the_picture_of_the_house_is_true():
    assert house.PICTURE.read_text() == house.draw(), 'run python scripts/house.py'
