"""The tool that reads imports: small trees, and random graphs against SciPy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

sys.path.insert(0, str(Path(__file__).parents[2] / 'scripts'))

from import_graph import circles, graph, modules


def written(root, files=()):
    """A package `house` with a door, a room, a bed in it, and other files."""
    plain = dict.fromkeys(('__init__.py', 'door.py', 'room/__init__.py', 'room/bed.py'), '')
    for name, text in (plain | dict(files)).items():
        path = root / 'house' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return modules(root, 'house')


def test_modules_have_the_names_by_which_they_are_imported(tmp_path):
    known = written(tmp_path)
    assert set(known) == {'house', 'house.door', 'house.room', 'house.room.bed'}
    assert known['house.room'] == tmp_path / 'house' / 'room' / '__init__.py'
    with pytest.raises(FileNotFoundError, match='nowhere'):
        modules(tmp_path, 'nowhere')


@pytest.mark.parametrize(
    ('line', 'found'),
    [
        ('import house.room.bed', 'house.room.bed'),
        ('import house.room.bed as b, house.door', 'house.room.bed house.door'),
        ('from house.room import bed', 'house.room.bed'),
        ('from house.room import bed as b, SIZE', 'house.room.bed house.room'),
        ('from house.room import *', 'house.room'),
        ('from house.room.bed import lie', 'house.room.bed'),
        ('from house import door, room', 'house.door house.room'),
        ('from . import bed', 'house.room.bed'),
        ('from .bed import lie', 'house.room.bed'),
        ('from .. import door', 'house.door'),
        ('from ..door import open', 'house.door'),
        ('from .. import SIZE', 'house'),
        ('def f():\n    from house import door', 'house.door'),
        ('if TYPE_CHECKING:\n    import house.door', 'house.door'),
        ('try:\n    import house.door\nexcept ImportError: pass', 'house.door'),
        ('import os, house_of_others, house.missing', ''),
        ('from os import path\nfrom household import door', ''),
        ('"import house.door"  # import house.door', ''),
    ],
)
def test_what_a_line_imports(tmp_path, line, found):
    known = written(tmp_path, {'room/desk.py': line})
    assert graph(known)['house.room.desk'] == set(found.split())


def test_dots_in_a_package_begin_at_the_package_itself(tmp_path):
    known = written(tmp_path, {'room/__init__.py': 'from . import bed\nfrom ..door import open'})
    assert graph(known)['house.room'] == {'house.room.bed', 'house.door'}


def test_circles_of_files(tmp_path):
    known = written(tmp_path, {
        'door.py': 'from house.room import bed',
        'room/bed.py': 'def f():\n    from . import desk',
        'room/desk.py': 'if TYPE_CHECKING:\n    from house.door import open',
        'window.py': 'from house.window import pane',
        'roof.py': 'from house import door',
    })  # fmt: skip
    round_the_room = ['house.door', 'house.room.bed', 'house.room.desk']
    assert circles(graph(known)) == [round_the_room, ['house.window']]


def test_what_leads_to_a_circle_is_not_in_it():
    assert circles({'a': ['b'], 'b': ['c'], 'c': ['b', 'd'], 'd': ['elsewhere']}) == [['b', 'c']]


@given(st.integers(1, 8).flatmap(lambda n: st.lists(
    st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n
)))  # fmt: skip
def test_circles_are_the_strong_components_of_scipy(rows):
    edges = np.array(rows)
    _, labels = connected_components(edges, connection='strong')
    parts = [np.flatnonzero(labels == label).tolist() for label in set(labels)]
    expected = sorted(part for part in parts if len(part) > 1 or edges[part[0], part[0]])
    found = circles({str(i): set(map(str, np.flatnonzero(row))) for i, row in enumerate(edges)})
    assert [list(map(int, circle)) for circle in found] == expected
