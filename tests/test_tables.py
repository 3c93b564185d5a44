"""The tables of the documentation say what the code, the nodes and the results say."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ('gate', 'methods', 'nodes', 'performance', 'scenes')


@pytest.fixture(scope='module')
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / 'scripts'))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
        sys.modules.pop('tables', None)
        import tables

        yield tables


@pytest.mark.parametrize('name', NAMES)
def test_a_page_is_up_to_date(script, name):
    assert set(script.PAGES) == set(NAMES)
    for file, text in script.PAGES[name].sections().items():
        page = (ROOT / file).read_text()
        assert page == script.filled(page, name, text), f'run python scripts/tables.py {name}'


def test_a_page_without_marks_is_told(script):
    with pytest.raises(ValueError, match=r'tables\.py methods'):
        script.filled('a page', 'methods', 'a table')
    begin, end = '<!-- by python scripts/tables.py a -->', '<!-- end of tables -->'
    assert script.filled(f'x {begin}old{end} y', 'a', 'new') == f'x {begin}\nnew\n{end} y'


def test_every_file_that_a_page_names_is_there(script):
    scenes = script.PAGES['scenes']
    assert (ROOT / 'docs' / scenes.UNSEEN_SHEET).is_file()
    assert all((ROOT / 'docs' / scenes._sheet(task)).is_file() for task in scenes.SHEETS)
    for code, tests in script.PAGES['methods'].PARTS.values():
        assert (ROOT / 'claifo_core' / code).exists()
        assert all((ROOT / 'tests' / 'core' / name).is_file() for name in tests)


def test_what_only_a_real_rclpy_adds_is_not_listed(script):
    class Real:
        """A node with what jazzy gives to each."""

        publishers = subscriptions = ()
        services = (SimpleNamespace(service_name='/sim/get_type_description', srv_type=object),)

        def list_parameters(self, prefixes, depth):
            return SimpleNamespace(names=['start_type_description_service', 'use_sim_time'])

    nodes = script.PAGES['nodes']
    assert list(nodes.topics(Real())) == list(nodes.parameters(Real())) == []
