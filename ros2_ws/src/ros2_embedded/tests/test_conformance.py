"""Every behaviour of the conformance list, and the page that shows them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
LIST = runpy.run_path(str(PACKAGE / 'conformance.py'))


@pytest.mark.parametrize(
    'entry', [pytest.param(e, id=f'{h}: {e["name"]}') for h, e in LIST['behaviours']()]
)
def test_it_behaves_as_the_list_says(entry):
    found, expected = LIST['observed'](entry), entry.get('here', entry['jazzy'])
    assert LIST['agrees'](found, expected), found
    assert 'here' not in entry or entry['why']


def test_the_page_shows_the_list():
    assert (PACKAGE / 'CONFORMANCE.md').read_text() == LIST['page'](), 'python conformance.py'
