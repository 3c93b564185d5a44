"""README and docs/nodes.md say what the nodes say."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tables():
    script = runpy.run_path(str(ROOT / 'scripts' / 'node_tables.py'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
        return script['tables'](), script


def test_the_readme_lists_the_topics_and_services(tables):
    (readme, _), script = tables
    text = (ROOT / 'README.md').read_text()
    shown = text.partition(script['BEGIN'])[2].partition(script['END'])[0].strip()
    assert shown == readme, 'run python scripts/node_tables.py'


def test_the_page_lists_everything(tables):
    (_, page), _ = tables
    assert (ROOT / 'docs' / 'nodes.md').read_text() == page, 'run python scripts/node_tables.py'


def test_what_only_a_real_rclpy_adds_is_not_listed(tables):
    _, script = tables

    class Real:
        """A node with what jazzy gives to each."""

        publishers = subscriptions = ()
        services = (SimpleNamespace(service_name='/sim/get_type_description', srv_type=object),)

        def list_parameters(self, prefixes, depth):
            return SimpleNamespace(names=['start_type_description_service', 'use_sim_time'])

    assert list(script['topics'](Real())) == []
    assert list(script['parameters'](Real())) == []
